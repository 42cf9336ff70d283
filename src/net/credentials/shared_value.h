// SharedValue: something that is asked for over the network when it is needed and kept while it is
// valid (a token, credentials). Those who need it while the answer is under way wait for that one.
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"

namespace tributary::net {

template <class T>
class SharedValue {
 public:
  using Done = std::function<void(base::Result<T>)>;

  // Hands the value to `done`: at once, or out of Settle(). True when the caller is the one who has
  // to ask, and then to call Settle().
  bool Get(Done done) {
    std::optional<T> value;
    {
      base::MutexLock lock(mutex_);
      if (value_ && NowMs() < valid_until_ms_) {
        value = value_;
      } else {
        waiting_.push_back(std::move(done));
        return !std::exchange(asking_, true);
      }
    }
    done(*std::move(value));
    return false;
  }

  void Settle(base::Result<T> value, int64_t valid_ms) {
    std::vector<Done> waiting;
    {
      base::MutexLock lock(mutex_);
      asking_ = false;
      waiting.swap(waiting_);
      if (value) {
        value_ = *value;
        valid_until_ms_ = NowMs() + valid_ms;
      }
    }
    for (const Done& done : waiting) done(value);
  }

 private:
  static int64_t NowMs() { return base::SystemClock().MonotonicNs() / 1'000'000; }

  base::Mutex mutex_;
  std::optional<T> value_ TB_GUARDED_BY(mutex_);
  int64_t valid_until_ms_ TB_GUARDED_BY(mutex_) = 0;  // monotonic
  bool asking_ TB_GUARDED_BY(mutex_) = false;
  std::vector<Done> waiting_ TB_GUARDED_BY(mutex_);
};

}  // namespace tributary::net
