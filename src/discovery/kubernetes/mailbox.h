// Mailbox: the one thread on which a discoverer's state lives. Work posted from anywhere runs there
// in order; so nothing behind it needs a lock.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/threads.h"

namespace tributary::discovery::kubernetes {

class Mailbox {
 public:
  explicit Mailbox(std::string thread_name)
      : queue_(std::make_unique<base::TimerQueue>(std::move(thread_name))) {}

  // Thread-safe. Dropped when the mailbox is closed.
  void Post(std::function<void()> work) { PostAfter(0, std::move(work)); }
  void PostAfter(int64_t delay_ms, std::function<void()> work) {
    base::MutexLock lock(mutex_);
    if (!closed_) queue_->RunAfter(delay_ms, std::move(work));
  }

  // Drops what is pending, waits for what runs. Once, and not from posted work.
  void Close() {
    {
      base::MutexLock lock(mutex_);
      closed_ = true;
    }
    queue_.reset();
  }

 private:
  base::Mutex mutex_;
  bool closed_ TB_GUARDED_BY(mutex_) = false;
  std::unique_ptr<base::TimerQueue> queue_;  // not touched by others once closed_ is set
};

}  // namespace tributary::discovery::kubernetes
