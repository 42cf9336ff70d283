// WalTail: how far a log is written. The writer publishes, followers wait. Shared by both, so that
// a follower may outlive the store. Thread-safe.
#pragma once

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

  // Returns once the end is past `seen`, WakeAll() was called since wakes() gave `wakes_seen`, or
  // the time is over.
  void WaitPast(storage::WalPosition seen, uint64_t wakes_seen, int64_t timeout_ms) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    base::MutexLock lock(mutex_);
    while (end_ <= seen && wakes_ == wakes_seen) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left <= left.zero()) return;
      changed_.WaitFor(mutex_, left);
    }
  }

 private:
  mutable base::Mutex mutex_;
  base::CondVar changed_;
  storage::WalPosition end_ TB_GUARDED_BY(mutex_);
  uint64_t wakes_ TB_GUARDED_BY(mutex_) = 0;
};

}  // namespace tributary::tsdb
