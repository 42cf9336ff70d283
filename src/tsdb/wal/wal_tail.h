// WalTail: how far a log is written. The writer publishes, followers wait. Shared by both, so that
// a follower may outlive the store. Thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/mutex.h"
#include "storage/wal_source.h"

namespace tributary::tsdb {

class WalTail {
 public:
  // Everything before `end` is whole and may be read.
  void Publish(storage::WalPosition end) {
    {
      base::MutexLock lock(mutex_);
      if (end <= end_) return;
      end_ = end;
      if (end_ < least_wanted_) return;
      least_wanted_ = kNobody;
    }
    changed_.NotifyAll();
  }

  storage::WalPosition end() const {
    base::MutexLock lock(mutex_);
    return end_;
  }

  // Wakes everyone who waits; each looks at its own reason.
  void WakeAll() {
    {
      base::MutexLock lock(mutex_);
      ++wakes_;
    }
    changed_.NotifyAll();
  }
  uint64_t wakes() const {
    base::MutexLock lock(mutex_);
    return wakes_;
  }

  // Returns once the log has `bytes` behind `seen`, or more segments, WakeAll() was called since
  // wakes() gave `wakes_seen`, or the time is over. REQUIRES: bytes > 0.
  void WaitPast(storage::WalPosition seen, uint64_t bytes, uint64_t wakes_seen,
                int64_t timeout_ms) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    const storage::WalPosition wanted = {seen.segment, seen.offset + bytes};
    base::MutexLock lock(mutex_);
    while (end_ < wanted && wakes_ == wakes_seen) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left <= left.zero()) return;
      least_wanted_ = std::min(least_wanted_, wanted);
      changed_.WaitFor(mutex_, left);
    }
  }

 private:
  mutable base::Mutex mutex_;
  base::CondVar changed_;
  storage::WalPosition end_ TB_GUARDED_BY(mutex_);
  // Of those who wait: a wake for nothing costs a scrape more than writing its samples.
  static constexpr storage::WalPosition kNobody = {UINT32_MAX, UINT64_MAX};
  storage::WalPosition least_wanted_ TB_GUARDED_BY(mutex_) = kNobody;
  uint64_t wakes_ TB_GUARDED_BY(mutex_) = 0;
};

}  // namespace tributary::tsdb
