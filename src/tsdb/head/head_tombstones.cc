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

}  // namespace tributary::tsdb
