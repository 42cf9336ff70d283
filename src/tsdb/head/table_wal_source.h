// TableWalSource: a log whose series have their labels in a LabelTable, as both stores do.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "tsdb/head/gate.h"
#include "tsdb/head/label_table.h"
#include "tsdb/wal/wal_cursor.h"

namespace tributary::tsdb {

// Implements all of storage::WalSource but the look-ups of series. Thread-safe.
class TableWalSource : public WalSourceBase {
 public:
  // Who frees labels or releases runs waits at the gate. Both outlive the source.
  TableWalSource(base::FileSystem& fs, WalCursorOptions options, const LabelTable& labels,
                 Gate& readers)
      : WalSourceBase(fs, std::move(options)), labels_(labels), readers_(readers) {}

  std::unique_ptr<storage::TextHold> HoldTexts() const override {
    return std::make_unique<Hold>(readers_);
  }
  void LabelsOf(std::span<const model::SeriesRef> refs,
                std::vector<storage::LabelNumbers>* out) const override {
    std::vector<LabelRun> runs(refs.size());
    FindRuns(refs, runs);
    out->resize(refs.size());
    for (size_t i = 0; i < refs.size(); ++i) {
      (*out)[i] = runs[i].value() == 0 ? storage::LabelNumbers{} : labels_.NumbersOf(runs[i]);
    }
  }
  std::span<const uint32_t> NamesOf(uint32_t names) const override {
    return labels_.NamesOf(names);
  }
  std::string_view NameText(uint32_t name) const override {
    return labels_.Name(LabelNameId(name));
  }
  std::string_view ValueText(uint32_t label) const override {
    return labels_.Value(LabelId(label));
  }

 protected:
  // The run of each living series; it must not be released as long as a reader holds texts. Leaves
  // LabelRun(0) where there is none.
  virtual void FindRuns(std::span<const model::SeriesRef> refs, std::span<LabelRun> runs) const = 0;

 private:
  class Hold final : public storage::TextHold {
   public:
    explicit Hold(Gate& gate) : pin_(gate) {}

   private:
    const Gate::Pin pin_;
  };

  const LabelTable& labels_;
  Gate& readers_;
};

}  // namespace tributary::tsdb
