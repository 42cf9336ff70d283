// Start timestamps of samples.
#pragma once

#include <cstddef>
#include <vector>

#include "model/sample.h"

namespace tributary::storage {

// When counters began, by the place of a sample in another list. Few lists have any: what is beyond
// the end is 0, not known.
class Starts {
 public:
  bool empty() const { return times_.empty(); }
  void clear() { times_.clear(); }
  model::Timestamp operator[](size_t i) const { return i < times_.size() ? times_[i] : 0; }
  // REQUIRES: none was set for `i` or later.
  void Set(size_t i, model::Timestamp start) {
    if (start == 0) return;
    times_.resize(i + 1);
    times_[i] = start;
  }
  // Takes over that of another place. REQUIRES: to <= from.
  void Move(size_t to, size_t from) {
    if (to < times_.size()) times_[to] = (*this)[from];
  }
  void Truncate(size_t size) {
    if (times_.size() > size) times_.resize(size);
  }
  // Those of the places from `keep` on, which are cut off here.
  Starts TakeTail(size_t keep) {
    Starts tail;
    if (times_.size() > keep) {
      tail.times_.assign(times_.begin() + static_cast<std::ptrdiff_t>(keep), times_.end());
    }
    Truncate(keep);
    return tail;
  }

 private:
  std::vector<model::Timestamp> times_;
};

}  // namespace tributary::storage
