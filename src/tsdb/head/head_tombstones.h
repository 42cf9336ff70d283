// HeadTombstones: what was deleted of the series in the head, until a truncation takes it away.
// Thread-safe; its mutex is a leaf.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/mutex.h"
#include "model/sample.h"
#include "model/series_ref.h"
#include "tsdb/block/time_interval.h"
#include "tsdb/wal/record.h"

namespace tributary::tsdb {

class HeadTombstones {
 public:
  // Nearly always true, and then nobody needs to ask for a series.
  bool empty() const { return series_.load(std::memory_order_acquire) == 0; }
  std::vector<TimeInterval> Of(model::SeriesRef ref) const;
  void Add(std::span<const RefTombstone> tombstones);
  std::vector<RefTombstone> All() const;
  // Forgets what ends before `min_time`, and series for which gone(ref) says so.
  template <class F>
  void Forget(model::Timestamp min_time, F&& gone) {
    base::MutexLock lock(mutex_);
    absl::erase_if(by_ref_, [&](auto& entry) {
      std::erase_if(entry.second, [&](const TimeInterval& i) { return i.max < min_time; });
      return entry.second.empty() || gone(entry.first);
    });
    series_.store(by_ref_.size(), std::memory_order_release);
  }

 private:
  mutable base::Mutex mutex_;
  absl::flat_hash_map<uint64_t, std::vector<TimeInterval>> by_ref_ TB_GUARDED_BY(mutex_);
  std::atomic<size_t> series_{0};  // the size of by_ref_
};

}  // namespace tributary::tsdb
