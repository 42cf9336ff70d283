// Mutex, MutexLock, CondVar: std::mutex with Clang's thread-safety annotations, so that
// `clang -Wthread-safety` checks what TB_GUARDED_BY says (the prefix keeps clear of Abseil's
// macros). Write the lock order where a mutex is declared. No lock is held across I/O.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define TRIBUTARY_ATTRIBUTE(x) __attribute__((x))
#else
#define TRIBUTARY_ATTRIBUTE(x)
#endif

#define TB_CAPABILITY(x) TRIBUTARY_ATTRIBUTE(capability(x))
#define TB_SCOPED_CAPABILITY TRIBUTARY_ATTRIBUTE(scoped_lockable)
#define TB_GUARDED_BY(x) TRIBUTARY_ATTRIBUTE(guarded_by(x))
#define TB_REQUIRES(...) TRIBUTARY_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define TB_EXCLUDES(...) TRIBUTARY_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define TB_ACQUIRE(...) TRIBUTARY_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define TB_RELEASE(...) TRIBUTARY_ATTRIBUTE(release_capability(__VA_ARGS__))
#define TB_TRY_ACQUIRE(...) TRIBUTARY_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define TB_NO_THREAD_SAFETY_ANALYSIS TRIBUTARY_ATTRIBUTE(no_thread_safety_analysis)

namespace tributary::base {

class TB_CAPABILITY("mutex") Mutex {
 public:
  void Lock() TB_ACQUIRE() { mutex_.lock(); }
  void Unlock() TB_RELEASE() { mutex_.unlock(); }
  bool TryLock() TB_TRY_ACQUIRE(true) { return mutex_.try_lock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class TB_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) TB_ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() TB_RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Waits may wake spuriously: always wait in a loop over the condition.
class CondVar {
 public:
  void Wait(Mutex& mutex) TB_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    cv_.wait(lock);
    lock.release();
  }
  // False when the time ran out first.
  bool WaitFor(Mutex& mutex, std::chrono::nanoseconds timeout) TB_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool notified = cv_.wait_for(lock, timeout) == std::cv_status::no_timeout;
    lock.release();
    return notified;
  }
  void NotifyOne() { cv_.notify_one(); }
  void NotifyAll() { cv_.notify_all(); }

 private:
  std::condition_variable cv_;
};

}  // namespace tributary::base
