// RateLimit: a token bucket over all requests, as the web config's rate_limit asks for.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/mutex.h"

namespace tributary::web {

// Thread-safe.
class RateLimit {
 public:
  // One request an interval, `burst` at once. An interval of 0: no limit.
  RateLimit(int64_t interval_ms, int64_t burst)
      : interval_ns_(interval_ms * 1'000'000), burst_(burst), tokens_(static_cast<double>(burst)) {}

  bool Allow(int64_t monotonic_ns) {
    if (interval_ns_ <= 0) return true;
    base::MutexLock lock(mutex_);
    if (last_ns_ != 0) {
      tokens_ += static_cast<double>(monotonic_ns - last_ns_) / static_cast<double>(interval_ns_);
      tokens_ = std::min(tokens_, static_cast<double>(burst_));
    }
    last_ns_ = monotonic_ns;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  const int64_t interval_ns_;
  const int64_t burst_;
  base::Mutex mutex_;
  double tokens_ TB_GUARDED_BY(mutex_);
  int64_t last_ns_ TB_GUARDED_BY(mutex_) = 0;
};

}  // namespace tributary::web
