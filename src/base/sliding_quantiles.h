// SlidingQuantiles: quantiles over the observations of the last ten minutes, in bounded memory.
//
// Time is cut into five slots of two minutes. Each keeps a fair sample of at most
// kSamplesPerSlot of its observations (reservoir sampling) and how many there were; a quantile is
// read from the samples of all live slots, each weighted with the observations it stands for. So
// it covers the last eight to ten minutes, is exact while a slot sees few observations, and is off
// by about 1/sqrt(samples) in rank beyond that.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tributary::base {

// Thread-compatible.
class SlidingQuantiles {
 public:
  static constexpr int64_t kSlotNs = 120'000'000'000;
  static constexpr size_t kSlots = 5;
  static constexpr size_t kSamplesPerSlot = 512;

  // `now_ns` of this and the next call is monotonic time and never goes back.
  void Observe(double value, int64_t now_ns);
  // One answer for each of `quantiles` (0 to 1); NaN when nothing was observed lately.
  std::vector<double> Read(const std::vector<double>& quantiles, int64_t now_ns) const;

 private:
  struct Slot {
    int64_t index = -1;  // which two minutes since the clock's origin; -1: never used
    uint64_t count = 0;
    std::vector<double> samples;
  };
  std::array<Slot, kSlots> slots_;
  uint64_t random_ = 0x9E3779B97F4A7C15;
};

}  // namespace tributary::base
