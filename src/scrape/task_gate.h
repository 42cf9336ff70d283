// TaskGate: lets work in until it is closed, then waits for what is inside to leave. Thread-safe.
#pragma once

#include <cstdint>

#include "base/mutex.h"

namespace tributary::scrape {

class TaskGate {
 public:
  // False once closed: do not begin.
  bool Enter() {
    base::MutexLock lock(mutex_);
    if (closed_) {
      return false;
    }
    ++inside_;
    return true;
  }
  void Leave() {
    base::MutexLock lock(mutex_);
    --inside_;
    left_.NotifyAll();
  }
  void Close() {
    base::MutexLock lock(mutex_);
    closed_ = true;
    while (inside_ > 0) {
      left_.Wait(mutex_);
    }
  }

 private:
  base::Mutex mutex_;
  base::CondVar left_;
  bool closed_ TB_GUARDED_BY(mutex_) = false;
  uint64_t inside_ TB_GUARDED_BY(mutex_) = 0;
};

}  // namespace tributary::scrape
