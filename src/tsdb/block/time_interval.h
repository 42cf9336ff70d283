// TimeInterval: a stretch of time.
#pragma once

#include <cstdint>

namespace tributary::tsdb {

// Milliseconds, both ends inclusive.
struct TimeInterval {
  int64_t min = 0;
  int64_t max = 0;
  friend bool operator==(const TimeInterval&, const TimeInterval&) = default;
};

}  // namespace tributary::tsdb
