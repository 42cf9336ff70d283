// The extrapolation of rate, increase and delta: from the samples of a window to its ends.
// Source: Prometheus promql/functions.go, extrapolatedRate.
#pragma once

#include <array>
#include <cstddef>

namespace tributary::promql {

// What is known of a window, of one or (Number: a vector of doubles) of several at once.
template <class Number>
struct Extrapolation {
  Number to_start_ms;  // from the range's start to the first sample
  Number to_end_ms;    // from the last sample to the range's end
  Number sampled_ms;   // between the samples, > 0
  Number intervals;    // samples - 1, > 0
  Number first;        // value of the first sample, or count of the first histogram
  Number increase;     // over the samples
};

// How much longer than the samples' own interval the extrapolated one is: Prometheus's "factor",
// without the division by the range. Written to `factor`: returning vectors is not portable.
template <class Number>
void ExtrapolationFactor(const Extrapolation<Number>& e, bool counter, Number* factor) {
  const Number sampled = e.sampled_ms / 1000.0;
  const Number average = sampled / e.intervals;
  const Number threshold = average * 1.1;
  Number to_start = e.to_start_ms / 1000.0, to_end = e.to_end_ms / 1000.0;
  to_start = to_start >= threshold ? average / 2.0 : to_start;
  to_end = to_end >= threshold ? average / 2.0 : to_end;
  if (counter) {
    // A counter cannot have been below zero.
    const Number to_zero = sampled * (e.first / e.increase);
    const auto below = (e.increase > 0.0) & (e.first >= 0.0) & (to_zero < to_start);
    to_start = below ? to_zero : to_start;
  }
  *factor = (sampled + to_start + to_end) / sampled;
}

// Windows that are extrapolated together, all of a counter or none.
class ExtrapolationBatch {
 public:
  explicit ExtrapolationBatch(bool counter) : counter_(counter) {}

  // True when the next thing to do is Flush().
  bool Add(size_t step, const Extrapolation<double>& e) {
    const size_t lane = count_ % 2;
    Extrapolation<Pair>& pair = pairs_[count_ / 2];
    pair.to_start_ms[lane] = e.to_start_ms;
    pair.to_end_ms[lane] = e.to_end_ms;
    pair.sampled_ms[lane] = e.sampled_ms;
    pair.intervals[lane] = e.intervals;
    pair.first[lane] = e.first;
    pair.increase[lane] = e.increase;
    steps_[count_] = step;
    return ++count_ == kMost;
  }

  // Calls take(step, increase, factor) for each window added since the last Flush().
  template <class Take>
  void Flush(Take take) {
    for (size_t k = 0; k < count_; k += 2) {
      Pair factors;
      ExtrapolationFactor(pairs_[k / 2], counter_, &factors);
      for (size_t lane = 0; lane < 2 && k + lane < count_; lane++) {
        take(steps_[k + lane], pairs_[k / 2].increase[lane], factors[lane]);
      }
    }
    count_ = 0;
  }

 private:
  // Many, because what was written in halves is slow to read as a pair at once.
  static constexpr size_t kMost = 64;
  using Pair = double __attribute__((vector_size(2 * sizeof(double))));

  const bool counter_;
  size_t count_ = 0;
  // A lane without a window holds what was there before.
  std::array<Extrapolation<Pair>, kMost / 2> pairs_{};
  std::array<size_t, kMost> steps_;
};

}  // namespace tributary::promql
