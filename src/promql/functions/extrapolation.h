// The extrapolation of rate, increase and delta: from the samples of a window to its ends.
// Source: Prometheus promql/functions.go, extrapolatedRate.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tributary::promql {

// What is known of a window.
struct Extrapolation {
  int64_t to_start_ms;  // from the range's start to the first sample
  int64_t to_end_ms;    // from the last sample to the range's end
  int64_t sampled_ms;   // between the samples
  size_t intervals;     // samples - 1, > 0
  double first;         // value of the first sample, or count of the first histogram
  double increase;      // over the samples
  bool counter;
};

// How much longer than the samples' own interval the extrapolated one is: Prometheus's "factor",
// without the division by the range.
double ExtrapolationFactor(const Extrapolation& e);

// Windows that are extrapolated together, all of a counter or none, with ExtrapolationFactor()'s
// factors, rounded alike.
class ExtrapolationBatch {
 public:
  explicit ExtrapolationBatch(bool counter) : counter_(counter) {}

  // True when the next thing to do is Flush().
  bool Add(size_t step, const Extrapolation& e) {
    const size_t pair = count_ / 2, lane = count_ % 2;
    to_start_[pair][lane] = static_cast<double>(e.to_start_ms);
    to_end_[pair][lane] = static_cast<double>(e.to_end_ms);
    sampled_[pair][lane] = static_cast<double>(e.sampled_ms);
    intervals_[pair][lane] = static_cast<double>(e.intervals);
    first_[pair][lane] = e.first;
    increase_[pair][lane] = e.increase;
    steps_[count_] = step;
    return ++count_ == kMost;
  }

  // Calls take(step, increase, factor) for each window added since the last Flush().
  template <class Take>
  void Flush(Take take) {
    for (size_t pair = 0; 2 * pair < count_; pair++) ComputePair(pair);
    for (size_t k = 0; k < count_; k++) {
      take(steps_[k], increase_[k / 2][k % 2], factor_[k / 2][k % 2]);
    }
    count_ = 0;
  }

 private:
  // Many, because what was written in halves is slow to read as a pair at once.
  static constexpr size_t kMost = 64;
  using Pair = double __attribute__((vector_size(2 * sizeof(double))));
  using Pairs = std::array<Pair, kMost / 2>;

  void ComputePair(size_t pair) {
    const Pair sampled = sampled_[pair] / 1000.0;
    const Pair average = sampled / intervals_[pair];
    const Pair threshold = average * 1.1;
    Pair to_start = to_start_[pair] / 1000.0, to_end = to_end_[pair] / 1000.0;
    to_start = to_start >= threshold ? average / 2.0 : to_start;
    to_end = to_end >= threshold ? average / 2.0 : to_end;
    if (counter_) {
      // A counter cannot have been below zero.
      const Pair first = first_[pair], increase = increase_[pair];
      const Pair to_zero = sampled * (first / increase);
      to_start = (increase > 0.0) & (first >= 0.0) & (to_zero < to_start) ? to_zero : to_start;
    }
    factor_[pair] = sampled == 0.0 ? Pair{1, 1} : (sampled + to_start + to_end) / sampled;
  }

  const bool counter_;
  size_t count_ = 0;
  // Times in milliseconds. A lane without a window holds what was there before.
  Pairs to_start_{}, to_end_{}, sampled_{}, intervals_{}, first_{}, increase_{}, factor_{};
  std::array<size_t, kMost> steps_;
};

}  // namespace tributary::promql
