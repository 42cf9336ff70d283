#include "promql/functions/reset_correction.h"

#include <bit>
#include <random>

#include <gtest/gtest.h>

namespace tributary::promql {
namespace {

// One window after the other, sample by sample.
double Corrected(const std::vector<double>& v, const StepWindow& w, double increase) {
  for (size_t i = w.first + 1; i <= w.last; i++) {
    if (v[i] < v[i - 1]) increase += v[i - 1];
  }
  return increase;
}

TEST(ResetCorrection, EachWindowIsRoundedAsIfItWereAlone) {
  constexpr unsigned kSeed = 9;
  std::mt19937 random(kSeed);
  for (int round = 0; round < 300; round++) {
    const size_t n = 2 + random() % 200;
    const unsigned reset_every = 1 + random() % 20;
    std::vector<double> v(n);
    for (size_t i = 0; i < n; i++) {
      const double step = static_cast<double>(random()) / 7;
      v[i] = i == 0 || random() % reset_every == 0 ? step : v[i - 1] + step;
    }
    std::vector<size_t> resets;
    for (size_t i = 1; i < n; i++) {
      if (v[i] < v[i - 1]) resets.push_back(i);
    }
    ResetCorrection correction(resets, v.data());
    std::vector<StepWindow> windows;
    const size_t size = 1 + random() % n, stride = random() % 4;
    for (size_t last = size; last < n; last += stride) {
      windows.push_back({windows.size(), last - size, last});
      if (windows.size() == n) break;
    }
    size_t taken = 0;
    const auto take = [&](const StepWindow& w, double corrected) {
      const StepWindow& want = windows[taken++];
      EXPECT_EQ(w.step, want.step);
      EXPECT_EQ(std::bit_cast<uint64_t>(corrected),
                std::bit_cast<uint64_t>(Corrected(v, want, v[want.last] - v[want.first])));
    };
    for (const StepWindow& w : windows) {
      if (correction.Add(w, v[w.last] - v[w.first])) correction.Flush(take);
    }
    correction.Flush(take);
    EXPECT_EQ(taken, windows.size());
  }
}

}  // namespace
}  // namespace tributary::promql
