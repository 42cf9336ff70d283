// SeriesLabels: the labels under which a destination gets to know a series: the store's labels,
// external labels joined in (a label of the series wins), write_relabel_configs applied.
//
// Without relabelling nothing is remembered of a series: joining two sorted lists by numbers costs
// less than a cache. With it, the outcome is remembered: one byte for a series dropped or left
// alone, the new labels for one changed. Thread-compatible.
#pragma once

#include <cstdint>
#include <memory>
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
  // Fills `out` with sorted labels, valid until the next call. kDropped: by relabelling. kUnknown:
  // the store does not know the series (any more).
  Outcome Resolve(model::SeriesRef ref, std::vector<model::Label>* out);
  // The same as symbols of the message: name, value, name, value, … The table must be the same for
  // all of the message, and empty when that begins.
  Outcome Resolve(model::SeriesRef ref, wire::SymbolTable* symbols, std::vector<uint32_t>* out);

 private:
  struct Remembered {
    bool dropped = false;
    model::Labels changed;  // empty: relabelling leaves the series alone
  };
  // Which symbol a text is; one of another message when the stamp is another.
  struct Symbol {
    uint32_t stamp = 0;
    uint32_t number = 0;
  };
  // Where a name stands among the external labels.
  struct Place {
    bool known = false;
    bool is_external = false;  // there is one of this name
    uint32_t before = 0;       // external labels with lesser names
  };

  Outcome Relabel(model::SeriesRef ref, std::vector<model::Label>* out);
  // numbers_ joined with the external labels: calls external(i) and own(numbers), in order of
  // names.
  template <class External, class Own>
  void Join(External&& external, Own&& own);
  const Place& PlaceOf(uint32_t name);

  const storage::WalSource& source_;
  const model::Labels external_labels_;
  const std::vector<model::Label> external_;
  const model::Relabeler relabeler_;
  std::vector<storage::LabelNumbers> numbers_;
  std::vector<Place> places_;                         // by number of the name
  uint32_t stamp_ = 0;                                // of the message
  std::vector<Symbol> name_symbols_, value_symbols_;  // by number
  std::vector<Symbol> external_symbols_;              // name, value, …
  std::vector<model::Label> span_;
  model::LabelsBuilder builder_;
  absl::flat_hash_map<uint64_t, Remembered> remembered_;  // by ref; only with relabelling
};

}  // namespace tributary::remote
