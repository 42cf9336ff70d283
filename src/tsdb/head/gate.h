// Gate: lets one who is about to take something away wait for everyone who may still be using it.
// Users hold a Pin; WaitForEarlier() returns once every pin taken before the call is gone. Pins
// taken later do not delay it. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>

#include "base/mutex.h"

namespace tributary::tsdb {

class Gate {
 public:
  class [[nodiscard]] Pin {
   public:
    explicit Pin(Gate& gate) : gate_(gate), epoch_(gate.Enter()) {}
    ~Pin() { gate_.Leave(epoch_); }
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;

   private:
    Gate& gate_;
    const uint64_t epoch_;
  };

  void WaitForEarlier() {
    base::MutexLock lock(mutex_);
    const uint64_t mine = first_ + users_.size();
    users_.push_back(0);
    while (first_ < mine) {
      DropEmpty();
      if (first_ >= mine) break;
      left_.Wait(mutex_);
    }
  }

  size_t users() const {
    base::MutexLock lock(mutex_);
    size_t n = 0;
    for (const size_t count : users_) n += count;
    return n;
  }

 private:
  uint64_t Enter() {
    base::MutexLock lock(mutex_);
    ++users_.back();
    return first_ + users_.size() - 1;
  }
  void Leave(uint64_t epoch) {
    bool last;
    {
      base::MutexLock lock(mutex_);
      last = --users_[epoch - first_] == 0 && users_.size() > 1;
    }
    if (last) left_.NotifyAll();
  }
  void DropEmpty() TB_REQUIRES(mutex_) {
    while (users_.size() > 1 && users_.front() == 0) {
      users_.pop_front();
      ++first_;
    }
  }

  mutable base::Mutex mutex_;
  base::CondVar left_;
  // Users by epoch; a waiter begins a new epoch.
  std::deque<size_t> users_ TB_GUARDED_BY(mutex_) = {0};
  uint64_t first_ TB_GUARDED_BY(mutex_) = 0;
};

}  // namespace tributary::tsdb
