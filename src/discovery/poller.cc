#include "discovery/poller.h"

#include <utility>

#include "base/threads.h"

namespace tributary::discovery {

Poller::Poller(std::string thread_name, int64_t interval_ms, std::function<void()> poll)
    : thread_name_(std::move(thread_name)),
      interval_ms_(interval_ms),
      poll_(std::move(poll)),
      thread_([this] { Run(); }) {}

Poller::~Poller() {
  {
    base::MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  thread_.join();
}

void Poller::Run() {
  base::SetThreadName(thread_name_);
  while (true) {
    poll_();
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(interval_ms_);
    base::MutexLock lock(mutex_);
    while (!stopping_) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left.count() <= 0) {
        break;
      }
      wake_.WaitFor(mutex_, left);
    }
    if (stopping_) {
      return;
    }
  }
}

}  // namespace tributary::discovery
