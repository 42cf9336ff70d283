// SeriesLabels: the labels under which a destination gets to know a series: the store's labels,
// external labels joined in (a label of the series wins), write_relabel_configs applied.
//
// Without relabelling nothing is remembered: joining two sorted lists costs less than a cache. With
// it, the outcome is remembered per series: one byte for those dropped or left alone, the new
// labels for those changed. Thread-compatible.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "model/labels.h"
#include "model/relabel.h"
#include "storage/wal_source.h"

namespace tributary::remote {

class SeriesLabels {
 public:
  SeriesLabels(const storage::WalSource& source, model::Labels external_labels,
               model::Relabeler relabeler);

  enum class Outcome : unsigned char { kSend, kDropped, kUnknown };
  // Fills `out` with sorted labels, valid until the next call. kDropped: by relabelling. kUnknown:
  // the store does not know the series (any more).
  Outcome Resolve(model::SeriesRef ref, std::vector<model::Label>* out);

 private:
  struct Remembered {
    bool dropped = false;
    model::Labels changed;  // empty: relabelling leaves the series alone
  };
  void Join(std::vector<model::Label>* out);

  const storage::WalSource& source_;
  const model::Labels external_labels_;
  const std::vector<model::Label> external_;
  const model::Relabeler relabeler_;
  std::string scratch_;
  std::vector<model::Label> own_;
  model::LabelsBuilder builder_;
  absl::flat_hash_map<uint64_t, Remembered> remembered_;  // by ref; only with relabelling
};

}  // namespace tributary::remote
