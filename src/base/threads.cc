#include "base/threads.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <pthread.h>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/mutex.h"

namespace tributary::base {

void SetThreadName(const std::string& name) {
  // The kernel refuses longer names instead of cutting them.
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

// --- ThreadPool ---

struct ThreadPool::State {
  Mutex mutex;
  CondVar wake;
  std::deque<std::function<void()>> queue TB_GUARDED_BY(mutex);
  bool stopping TB_GUARDED_BY(mutex) = false;
  std::vector<std::thread> threads;  // constant after construction

  // Waits for work; empty when the pool stops and nothing is left.
  std::function<void()> Next() TB_EXCLUDES(mutex) {
    MutexLock lock(mutex);
    while (queue.empty() && !stopping) wake.Wait(mutex);
    if (queue.empty()) return nullptr;
    std::function<void()> work = std::move(queue.front());
    queue.pop_front();
    return work;
  }
};

ThreadPool::ThreadPool(std::string name, size_t threads) : state_(std::make_unique<State>()) {
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  state_->threads.reserve(threads);
  for (size_t i = 0; i < threads; ++i) {
    state_->threads.emplace_back([state = state_.get(), name] {
      SetThreadName(name);
      while (const std::function<void()> work = state->Next()) work();
    });
  }
}

ThreadPool::~ThreadPool() {
  {
    MutexLock lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.NotifyAll();
  for (std::thread& thread : state_->threads) thread.join();
}

size_t ThreadPool::size() const { return state_->threads.size(); }

void ThreadPool::Submit(std::function<void()> work) {
  {
    MutexLock lock(state_->mutex);
    state_->queue.push_back(std::move(work));
  }
  state_->wake.NotifyOne();
}

namespace {

// Shared by the caller of ParallelFor and the pool threads that help it. A helper may start after
// the caller has left: it then finds no index to claim and never touches `body`.
struct ForLoop {
  explicit ForLoop(size_t count, const std::function<void(size_t)>& work) : n(count), body(work) {}
  const size_t n;
  const std::function<void(size_t)>& body;
  std::atomic<size_t> next{0};
  Mutex mutex;
  CondVar all_done;
  size_t done TB_GUARDED_BY(mutex) = 0;

  void Run() {
    size_t ran = 0;
    for (;;) {
      const size_t i = next.fetch_add(1, std::memory_order_relaxed);
      if (i >= n) break;
      body(i);
      ++ran;
    }
    if (ran == 0) return;
    MutexLock lock(mutex);
    done += ran;
    if (done == n) all_done.NotifyAll();
  }
  void WaitUntilDone() {
    MutexLock lock(mutex);
    while (done < n) all_done.Wait(mutex);
  }
};

}  // namespace

void ThreadPool::ParallelFor(size_t n, const std::function<void(size_t)>& body) {
  if (n <= 1) {
    if (n == 1) body(0);
    return;
  }
  const auto loop = std::make_shared<ForLoop>(n, body);
  const size_t helpers = std::min(n - 1, size());
  for (size_t i = 0; i < helpers; ++i) {
    Submit([loop] { loop->Run(); });
  }
  // The caller claims every index that no helper has taken, so what it then waits for is running
  // on some thread already: no pool thread needs to become free, and nested loops cannot deadlock.
  loop->Run();
  loop->WaitUntilDone();
}

// --- TimerQueue ---

struct TimerQueue::State {
  using TimePoint = std::chrono::steady_clock::time_point;
  using Due = std::pair<TimePoint, Id>;  // equal deadlines in the order of asking

  Mutex mutex;
  CondVar wake;
  // A heap, the first to run in front. Of what was cancelled it has some.
  std::vector<Due> order TB_GUARDED_BY(mutex);
  absl::flat_hash_map<Id, std::function<void()>> pending TB_GUARDED_BY(mutex);
  Id last_id TB_GUARDED_BY(mutex) = 0;
  bool stopping TB_GUARDED_BY(mutex) = false;
  std::thread thread;  // constant after construction

  // Waits for the next callback that is due; empty when the queue stops.
  std::function<void()> Next() TB_EXCLUDES(mutex) {
    MutexLock lock(mutex);
    while (!stopping) {
      if (order.empty()) {
        wake.Wait(mutex);
        continue;
      }
      const auto [deadline, id] = order.front();
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left > std::chrono::nanoseconds(0)) {
        wake.WaitFor(mutex, left);
        continue;
      }
      std::ranges::pop_heap(order, std::greater());
      order.pop_back();
      if (const auto found = pending.find(id); found != pending.end()) {
        std::function<void()> callback = std::move(found->second);
        pending.erase(found);
        return callback;
      }
    }
    return nullptr;
  }

  // Cancelled ones whose time is far away must not add up.
  void DropCancelled() TB_REQUIRES(mutex) {
    constexpr size_t kFew = 64;
    if (order.size() <= 2 * pending.size() + kFew) return;
    std::erase_if(order, [&](const Due& due) TB_NO_THREAD_SAFETY_ANALYSIS {
      return !pending.contains(due.second);
    });
    std::ranges::make_heap(order, std::greater());
  }
};

TimerQueue::TimerQueue(std::string name) : state_(std::make_unique<State>()) {
  state_->thread = std::thread([state = state_.get(), name = std::move(name)] {
    SetThreadName(name);
    while (const std::function<void()> callback = state->Next()) callback();
  });
}

TimerQueue::~TimerQueue() {
  {
    MutexLock lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.NotifyAll();
  state_->thread.join();
}

TimerQueue::Id TimerQueue::RunAfter(int64_t delay_ms, std::function<void()> callback) {
  // A hundred years stand for "never": the clock's arithmetic must not overflow.
  constexpr int64_t kLongest = 100LL * 365 * 24 * 3600 * 1000;
  const auto delay = std::chrono::milliseconds(std::clamp<int64_t>(delay_ms, 0, kLongest));
  const auto deadline = std::chrono::steady_clock::now() + delay;
  Id id = 0;
  bool is_first = false;
  {
    MutexLock lock(state_->mutex);
    id = ++state_->last_id;
    is_first = state_->order.empty() || deadline < state_->order.front().first;
    state_->pending.emplace(id, std::move(callback));
    state_->order.emplace_back(deadline, id);
    std::ranges::push_heap(state_->order, std::greater());
  }
  if (is_first) state_->wake.NotifyOne();
  return id;
}

bool TimerQueue::Cancel(Id id) {
  std::function<void()> dropped;  // destroyed outside the lock: it may own anything
  MutexLock lock(state_->mutex);
  const auto found = state_->pending.find(id);
  if (found == state_->pending.end()) return false;
  dropped = std::move(found->second);
  state_->pending.erase(found);
  state_->DropCancelled();
  return true;
}

}  // namespace tributary::base
