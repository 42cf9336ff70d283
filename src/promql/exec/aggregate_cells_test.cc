#include "promql/exec/aggregate_cells.h"

#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace tributary::promql {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

template <class Cell>
double Fold(const std::vector<double>& values) {
  Cell cell;
  for (double v : values) cell.Add(v);
  return cell.Value();
}

// The same with the values split in two and merged.
template <class Cell>
double FoldInTwo(const std::vector<double>& values, size_t split) {
  Cell a, b;
  for (size_t i = 0; i < values.size(); i++) (i < split ? a : b).Add(values[i]);
  a.Merge(b);
  return a.Value();
}

template <class Cell>
void ExpectMergeAgrees(const std::vector<double>& values) {
  const double want = Fold<Cell>(values);
  for (size_t split = 0; split <= values.size(); split++) {
    const double got = FoldInTwo<Cell>(values, split);
    if (std::isnan(want)) {
      EXPECT_TRUE(std::isnan(got));
    } else {
      EXPECT_NEAR(got, want, std::abs(want) * 1e-12);
    }
  }
}

TEST(AggregateCells, NothingAddedIsAbsent) {
  EXPECT_TRUE(IsAbsent(Fold<SumCell>({})));
  EXPECT_TRUE(IsAbsent(Fold<AvgCell>({})));
  EXPECT_TRUE(IsAbsent(Fold<CountCell>({})));
  EXPECT_TRUE(IsAbsent(Fold<GroupCell>({})));
  EXPECT_TRUE(IsAbsent(Fold<MaxCell>({})));
  EXPECT_TRUE(IsAbsent(Fold<MinCell>({})));
  EXPECT_TRUE(IsAbsent(Fold<VarianceCell<true>>({})));
}

TEST(AggregateCells, SumKeepsWhatPlainAdditionLoses) {
  EXPECT_EQ(Fold<SumCell>({1, 1e100, 1, -1e100}), 2);
  EXPECT_EQ(Fold<SumCell>({kInfinity, 1}), kInfinity);
  EXPECT_TRUE(std::isnan(Fold<SumCell>({kInfinity, -kInfinity})));
}

TEST(AggregateCells, AverageSurvivesOverflow) {
  EXPECT_DOUBLE_EQ(Fold<AvgCell>({1.5e308, 1.5e308, 1.5e308}), 1.5e308);
  EXPECT_DOUBLE_EQ(FoldInTwo<AvgCell>({1.5e308, 1.5e308, 1.5e308}, 2), 1.5e308);
}

TEST(AggregateCells, ExtremesPreferAnythingToNaN) {
  EXPECT_EQ(Fold<MaxCell>({kNaN, 1, 3, 2}), 3);
  EXPECT_EQ(Fold<MinCell>({kNaN, 2, 1, 3}), 1);
  EXPECT_TRUE(std::isnan(Fold<MaxCell>({kNaN, kNaN})));
  EXPECT_FALSE(IsAbsent(Fold<MaxCell>({kNaN})));
}

TEST(AggregateCells, VarianceOfSomethingInfiniteIsNaN) {
  EXPECT_EQ(Fold<VarianceCell<false>>({5}), 0);
  EXPECT_EQ(Fold<VarianceCell<false>>({1, 3}), 1);
  EXPECT_TRUE(std::isnan(Fold<VarianceCell<true>>({kInfinity})));
}

TEST(AggregateCells, MergedShardsGiveTheSameResult) {
  constexpr unsigned kSeed = 7;
  std::mt19937 random(kSeed);
  std::normal_distribution<> normal(1e6, 1e3);
  std::vector<double> values(40);
  for (double& v : values) v = normal(random);
  ExpectMergeAgrees<SumCell>(values);
  ExpectMergeAgrees<AvgCell>(values);
  ExpectMergeAgrees<CountCell>(values);
  ExpectMergeAgrees<MaxCell>(values);
  ExpectMergeAgrees<MinCell>(values);
  ExpectMergeAgrees<VarianceCell<false>>(values);
  ExpectMergeAgrees<SumCell>({1, kInfinity, 2, kNaN});
}

}  // namespace
}  // namespace tributary::promql
