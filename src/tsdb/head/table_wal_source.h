// TableWalSource: a log whose series have their labels in a LabelTable, as both stores do.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "tsdb/head/gate.h"
#include "tsdb/head/label_table.h"
#include "tsdb/wal/wal_cursor.h"

namespace tributary::tsdb {

// Implements all of storage::WalSource but the look-ups of series. Thread-safe.
class TableWalSource : public WalSourceBase {
 public:
  // Who frees labels waits at the gate. Both outlive the source.
  TableWalSource(base::FileSystem& fs, WalCursorOptions options, const LabelTable& labels,
                 Gate& readers)
      : WalSourceBase(fs, std::move(options)), labels_(labels), readers_(readers) {}

  std::unique_ptr<storage::TextHold> HoldTexts() const override {
    return std::make_unique<Hold>(readers_);
  }
  std::string_view NameText(uint32_t name) const override {
    return labels_.Name(LabelNameId(name));
  }
  std::string_view ValueText(uint32_t value) const override {
    return labels_.Value(LabelId(value));
  }

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
