// Poller: calls a function at once and then again and again on a thread of its own, until it dies.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "base/mutex.h"

namespace tributary::discovery {

class Poller {
 public:
  Poller(std::string thread_name, int64_t interval_ms, std::function<void()> poll);
  ~Poller();  // waits for a poll under way
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

 private:
  void Run();
  const std::string thread_name_;
  const int64_t interval_ms_;
  const std::function<void()> poll_;
  base::Mutex mutex_;
  base::CondVar wake_;
  bool stopping_ TB_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: starts when all else is ready
};

}  // namespace tributary::discovery
