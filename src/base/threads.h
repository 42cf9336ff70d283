// Threads: a fixed pool for CPU work and a timer queue. Threads are named, owned by whoever made
// them, and joined by Stop() or the destructor; nothing is detached.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace tributary::base {

// Names the calling thread (at most 15 characters are kept), for ps, perf and gdb.
void SetThreadName(const std::string& name);

// Thread-safe.
class ThreadPool {
 public:
  // threads = 0: one a core.
  ThreadPool(std::string name, size_t threads);
  ~ThreadPool();  // runs what was submitted, then joins

  size_t size() const;
  // Runs `work` on some pool thread. `work` must not throw.
  void Submit(std::function<void()> work);
  // Runs body(0..n-1), each once, on the pool's threads and the caller's; returns when all are
  // done. May be called from a pool thread.
  void ParallelFor(size_t n, const std::function<void(size_t)>& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Runs callbacks at points of the monotonic clock on one thread of its own. Callbacks must be
// short: hand work to a pool. Thread-safe.
class TimerQueue {
 public:
  using Id = uint64_t;
  explicit TimerQueue(std::string name);
  ~TimerQueue();  // drops what is pending, joins

  // Runs `callback` once, `delay_ms` from now (0 = as soon as possible).
  Id RunAfter(int64_t delay_ms, std::function<void()> callback);
  // False when it has run or is running already.
  bool Cancel(Id id);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tributary::base
