// Adds to the increase of a counter what its resets within each window have hidden.
//
// Each window's sum is made in the order of time, so that it is rounded as if it were made alone.
// Windows of neighbouring steps have most of their resets in common: those are added to the sums
// of several windows at once.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tributary::promql {

// The samples first … last of a series, as seen from a step.
struct StepWindow {
  size_t step = 0;
  size_t first = 0;
  size_t last = 0;
};

class ResetCorrection {
 public:
  // `resets` are the samples that are less than the one before, in order; `v` all values.
  ResetCorrection(std::span<const size_t> resets, const double* v) : resets_(resets) {
    before_.reserve(resets.size());
    for (size_t i : resets) before_.push_back(v[i - 1]);
  }

  // Windows must come in order: neither end moves back. `increase` is the last value less the
  // first. True when the next thing to do is Flush().
  bool Add(const StepWindow& window, double increase) {
    while (from_ < resets_.size() && resets_[from_] <= window.first) from_++;
    to_ = std::max(to_, from_);
    while (to_ < resets_.size() && resets_[to_] <= window.last) to_++;
    made_ += to_ - from_;
    windows_[count_] = window;
    begin_[count_] = from_;
    end_[count_] = to_;
    sums_[count_] = increase;
    return ++count_ == kLanes;
  }

  // Calls take(window, corrected increase) for each window added since the last Flush().
  template <class Take>
  void Flush(Take take) {
    if (count_ == kLanes && begin_[kLanes - 1] < end_[0]) {
      AddTogether();
    } else {
      for (size_t k = 0; k < count_; k++) AddRange(k, begin_[k], end_[k]);
    }
    for (size_t k = 0; k < count_; k++) take(windows_[k], sums_[k]);
    count_ = 0;
  }

  uint64_t made() const { return made_; }

 private:
  static constexpr size_t kLanes = 8;
  using Lanes = double __attribute__((vector_size(kLanes * sizeof(double))));

  void AddRange(size_t lane, size_t begin, size_t end) {
    double sum = sums_[lane];
    for (size_t r = begin; r < end; r++) sum += before_[r];
    sums_[lane] = sum;
  }

  void AddTogether() {
    const size_t begin = begin_[kLanes - 1], end = end_[0];  // what all windows have
    for (size_t k = 0; k < kLanes; k++) AddRange(k, begin_[k], begin);
    Lanes sums = sums_;
    for (size_t r = begin; r < end; r++) sums += before_[r];
    sums_ = sums;
    for (size_t k = 0; k < kLanes; k++) AddRange(k, end, end_[k]);
  }

  const std::span<const size_t> resets_;
  std::vector<double> before_;  // the value before each reset
  size_t from_ = 0, to_ = 0;    // resets of the window added last
  uint64_t made_ = 0;
  size_t count_ = 0;
  std::array<StepWindow, kLanes> windows_;
  std::array<size_t, kLanes> begin_, end_;
  Lanes sums_ = {};
};

}  // namespace tributary::promql
