#include "tsdb/block/time_interval.h"

#include <algorithm>
#include <limits>

namespace tributary::tsdb {
namespace {

// Whether there is time between the end of `a` and the begin of `b`.
bool Apart(const TimeInterval& a, const TimeInterval& b) {
  return a.max != std::numeric_limits<int64_t>::max() && a.max + 1 < b.min;
}

}  // namespace

void AddInterval(TimeInterval interval, std::vector<TimeInterval>* intervals) {
  const auto first = std::ranges::find_if(
      *intervals, [&](const TimeInterval& other) { return !Apart(other, interval); });
  auto last = first;
  for (; last != intervals->end() && !Apart(interval, *last); ++last) {
    interval.min = std::min(interval.min, last->min);
    interval.max = std::max(interval.max, last->max);
  }
  intervals->insert(intervals->erase(first, last), interval);
}

bool Covers(std::span<const TimeInterval> intervals, TimeInterval stretch) {
  return std::ranges::any_of(intervals, [&](const TimeInterval& interval) {
    return interval.min <= stretch.min && stretch.max <= interval.max;
  });
}

}  // namespace tributary::tsdb
