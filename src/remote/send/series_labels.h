// SeriesLabels: the labels under which a destination gets to know a series: the store's labels,
// external labels joined in (a label of the series wins), write_relabel_configs applied.
//
// Without relabelling nothing is remembered of a series: joining two sorted lists by numbers costs
// less than a cache. With it, the outcome is remembered: one byte for a series dropped or left
// alone, the new labels for one changed. Thread-compatible.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "model/labels.h"
#include "model/relabel.h"
#include "storage/wal_source.h"
#include "wire/remote_write_v2.h"

namespace tributary::remote {

class SeriesLabels {
 public:
  SeriesLabels(const storage::WalSource& source, model::Labels external_labels,
               model::Relabeler relabeler);

  enum class Outcome : unsigned char { kSend, kDropped, kUnknown };
  // Begins a message. The hold must live until all of it is resolved and written.
  std::unique_ptr<storage::TextHold> BeginMessage();
  // Fills `out` with sorted labels, valid until the next call. `numbers` are what the source tells
  // of the series under the hold. kDropped: by relabelling. kUnknown: the store does not know the
  // series (any more).
  Outcome Resolve(model::SeriesRef ref, const storage::LabelNumbers& numbers,
                  std::vector<model::Label>* out);
  // The same as symbols of the message, valid until the next call and until the message adds
  // others. It must be the same for all series, and empty when it begins.
  Outcome Resolve(model::SeriesRef ref, const storage::LabelNumbers& numbers,
                  wire::WriteEncoderV2* message, wire::WriteEncoderV2::Refs* out);

 private:
  struct Remembered {
    bool dropped = false;
    model::Labels changed;  // empty: relabelling leaves the series alone
  };
  // The symbols of a label's name and value as two varints; of another message when the stamp is
  // another.
  struct Coded {
    char bytes[8] = {};
    uint32_t stamp = 0;
    uint32_t size = 0;
  };
  // How a list of names is joined with those of the external labels: in order, the place of a name
  // in the list or, as ~place, that of an external label.
  using Join = std::vector<int32_t>;

  Outcome Relabel(model::SeriesRef ref, std::vector<model::Label>* out);
  const Join& JoinOf(uint32_t names) {
    return names < joins_.size() && !joins_[names].empty() ? joins_[names] : MakeJoin(names);
  }
  const Join& MakeJoin(uint32_t names);
  void Code(model::Label label, wire::SymbolTable* symbols, Coded* coded) const;

  const storage::WalSource& source_;
  const model::Labels external_labels_;
  const std::vector<model::Label> external_;
  const model::Relabeler relabeler_;
  std::vector<Join> joins_;             // by number of the list; empty: not made yet
  uint32_t stamp_ = 0;                  // of the message
  std::vector<Coded> coded_;            // by number of the label
  std::vector<Coded> coded_externals_;  // by place
  std::string refs_;
  std::vector<model::Label> span_;
  model::LabelsBuilder builder_;
  absl::flat_hash_map<uint64_t, Remembered> remembered_;  // by ref; only with relabelling
};

}  // namespace tributary::remote
