// TimeInterval: a stretch of time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tributary::tsdb {

// Milliseconds, both ends inclusive.
struct TimeInterval {
  int64_t min = 0;
  int64_t max = 0;
  friend bool operator==(const TimeInterval&, const TimeInterval&) = default;
};

// Adds to intervals that ascend and neither overlap nor touch; they stay so.
void AddInterval(TimeInterval interval, std::vector<TimeInterval>* intervals);

// Whether one of them holds all of `stretch`.
bool Covers(std::span<const TimeInterval> intervals, TimeInterval stretch);

}  // namespace tributary::tsdb
