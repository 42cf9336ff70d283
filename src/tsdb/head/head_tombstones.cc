#include "tsdb/head/head_tombstones.h"

namespace tributary::tsdb {

std::vector<TimeInterval> HeadTombstones::Of(model::SeriesRef ref) const {
  base::MutexLock lock(mutex_);
  const auto found = by_ref_.find(ref.value());
  return found == by_ref_.end() ? std::vector<TimeInterval>() : found->second;
}

void HeadTombstones::Add(std::span<const RefTombstone> tombstones) {
  base::MutexLock lock(mutex_);
  for (const RefTombstone& t : tombstones) {
    AddInterval({t.min_time, t.max_time}, &by_ref_[t.ref.value()]);
  }
  series_.store(by_ref_.size(), std::memory_order_release);
}

std::vector<RefTombstone> HeadTombstones::All() const {
  base::MutexLock lock(mutex_);
  std::vector<RefTombstone> all;
  for (const auto& [ref, intervals] : by_ref_) {
    for (const TimeInterval& i : intervals) all.push_back({model::SeriesRef(ref), i.min, i.max});
  }
  return all;
}

}  // namespace tributary::tsdb
