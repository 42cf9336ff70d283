#include "base/sliding_quantiles.h"

#include <cmath>

#include <gtest/gtest.h>

namespace tributary::base {
namespace {

constexpr int64_t kMinute = 60'000'000'000;

TEST(SlidingQuantiles, AreExactForFewObservations) {
  SlidingQuantiles window;
  for (int i = 100; i >= 1; --i) window.Observe(i, kMinute);
  EXPECT_EQ(window.Read({0, 0.5, 0.9, 0.99, 1}, kMinute),
            (std::vector<double>{1, 50, 90, 99, 100}));
}

TEST(SlidingQuantiles, AreNanWithoutObservations) {
  const SlidingQuantiles window;
  EXPECT_TRUE(std::isnan(window.Read({0.5}, kMinute)[0]));
}

TEST(SlidingQuantiles, ForgetAfterTenMinutes) {
  SlidingQuantiles window;
  window.Observe(1, 0);
  EXPECT_EQ(window.Read({0.5}, 7 * kMinute)[0], 1);
  window.Observe(9, 8 * kMinute);
  EXPECT_EQ(window.Read({0}, 9 * kMinute)[0], 1);
  EXPECT_EQ(window.Read({0}, 10 * kMinute)[0], 9);
  EXPECT_TRUE(std::isnan(window.Read({0.5}, 60 * kMinute)[0]));
}

TEST(SlidingQuantiles, WeighBusyTimesByWhatTheySaw) {
  SlidingQuantiles window;
  for (int i = 0; i < 9'000; ++i) window.Observe(1, 0);
  for (int i = 0; i < 1'000; ++i) window.Observe(2, 3 * kMinute);
  EXPECT_EQ(window.Read({0.85, 0.95}, 4 * kMinute), (std::vector<double>{1, 2}));
}

TEST(SlidingQuantiles, SampleFairlyWhenThereAreMany) {
  SlidingQuantiles window;
  for (int i = 0; i < 100'000; ++i) window.Observe(i, 0);
  EXPECT_NEAR(window.Read({0.5}, 0)[0], 50'000, 10'000);
  EXPECT_NEAR(window.Read({0.9}, 0)[0], 90'000, 6'000);
}

TEST(SlidingQuantiles, IgnoreNan) {
  SlidingQuantiles window;
  window.Observe(std::nan(""), 0);
  EXPECT_TRUE(std::isnan(window.Read({0.5}, 0)[0]));
  window.Observe(3, 0);
  EXPECT_EQ(window.Read({0.5}, 0)[0], 3);
}

}  // namespace
}  // namespace tributary::base
