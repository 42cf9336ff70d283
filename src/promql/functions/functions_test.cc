// The arithmetic behind functions, apart from blocks.
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "promql/functions/classic_histogram.h"
#include "promql/functions/go_math.h"
#include "promql/functions/kahan.h"
#include "promql/functions/natural_order.h"
#include "promql/functions/quantile.h"

namespace tributary::promql {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void ExpectSame(double got, double want) {
  if (std::isnan(want)) {
    EXPECT_TRUE(std::isnan(got)) << got;
  } else {
    EXPECT_DOUBLE_EQ(got, want);
  }
}

TEST(Quantile, IsLinearBetweenRanks) {
  auto f = [](double q, std::vector<double> values, double want) {
    ExpectSame(Quantile(q, values), want);
  };
  f(0.5, {3, 1, 2}, 2);
  f(0.25, {1, 2}, 1.25);
  f(0, {4, 2, 9}, 2);
  f(1, {4, 2, 9}, 9);
  f(-0.1, {1}, -kInfinity);
  f(1.1, {1}, kInfinity);
  f(kNaN, {1}, kNaN);
  f(0.5, {}, kNaN);
  f(1, {kNaN, 1, 2}, 2);
  f(0, {2, kNaN, 1}, kNaN);
}

TEST(ClassicHistogram, QuantilesInterpolateWithinABucket) {
  auto f = [](double q, std::vector<ClassicBucket> buckets, double want) {
    ExpectSame(QuantileOfBuckets(q, &buckets).value, want);
  };
  f(0.5, {{1, 10}, {2, 20}, {kInfinity, 20}}, 1);
  f(0.75, {{1, 10}, {2, 20}, {kInfinity, 20}}, 1.5);
  f(0.99, {{1, 10}, {kInfinity, 20}}, 1);
  f(0.5, {{-1, 10}, {kInfinity, 10}}, -1);
  f(0.5, {{1, 10}, {2, 20}}, kNaN);
  f(0.5, {{kInfinity, 20}}, kNaN);
  f(0.5, {{1, 0}, {kInfinity, 0}}, kNaN);
  f(0.5, {{1, 5}, {1, 5}, {2, 20}, {kInfinity, 20}}, 1);
}

TEST(ClassicHistogram, FallingCountsAreLevelledAndReported) {
  std::vector<ClassicBucket> buckets = {{1, 10}, {2, 8}, {3, 20}, {4, 15}, {kInfinity, 20}};
  const auto quantile = QuantileOfBuckets(0.9, &buckets);
  EXPECT_TRUE(quantile.forced_monotonic);
  EXPECT_EQ(quantile.min_bucket, 2);
  EXPECT_EQ(quantile.max_bucket, 4);
  EXPECT_EQ(quantile.max_diff, 5);
  std::vector<ClassicBucket> rounding = {{1, 10}, {2, 10 - 1e-13}, {kInfinity, 10}};
  EXPECT_FALSE(QuantileOfBuckets(0.9, &rounding).forced_monotonic);
}

TEST(ClassicHistogram, FractionsAreRankDifferences) {
  auto f = [](double lower, double upper, double want) {
    std::vector<ClassicBucket> buckets = {{1, 10}, {2, 20}, {kInfinity, 40}};
    ExpectSame(FractionOfBuckets(lower, upper, &buckets), want);
  };
  f(0, 1, 0.25);
  f(0.5, 1.5, 0.25);
  f(-kInfinity, kInfinity, 1);
  f(2, 1, 0);
  f(kNaN, 1, kNaN);
}

TEST(NaturalOrder, ComparesDigitsAsNumbers) {
  auto f = [](std::string_view a, std::string_view b, bool want) {
    EXPECT_EQ(NaturallyLess(a, b), want) << a << " < " << b;
  };
  f("a2", "a10", true);
  f("a10", "a2", false);
  f("a", "a1", true);
  f("2", "10", true);
  f("10.0.0.9", "10.0.0.10", true);
  f("x", "x", false);
  f("", "a", true);
  f("a01", "a1", true);
  f("a1", "a01", false);
}

TEST(GoMath, InfinityWinsOverNaN) {
  ExpectSame(GoMax(kNaN, kInfinity), kInfinity);
  ExpectSame(GoMin(-kInfinity, kNaN), -kInfinity);
  ExpectSame(GoMax(kNaN, 1), kNaN);
  ExpectSame(GoMin(1, kNaN), kNaN);
  EXPECT_FALSE(std::signbit(GoMax(-0.0, 0.0)));
  EXPECT_TRUE(std::signbit(GoMin(-0.0, 0.0)));
}

TEST(KahanSum, KeepsWhatIsLost) {
  KahanSum sum;
  for (int i = 0; i < 1'000'000; i++) sum.Add(0.1);
  EXPECT_EQ(sum.total(), 100000);
}

}  // namespace
}  // namespace tributary::promql
