// Start timestamps that become zeros in the head.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/metrics.h"
#include "tsdb/head/head_test_support.h"

namespace tributary::tsdb {
namespace {

using storage::AppendOutcome;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Pair;

constexpr int64_t kMinute = 60'000;

// A sample at a time, in minutes from now, of a counter that began at another.
struct Told {
  int64_t t, start;
};

class StartZerosTest : public ::testing::Test {
 protected:
  StartZerosTest() { head_.SetOutOfOrderWindow(120 * kMinute, nullptr); }

  // One commit; each value is 7.
  void Put(const std::vector<Told>& told) {
    const auto appender = head_.NewAppender();
    std::vector<storage::RefSample> samples;
    storage::Starts starts;
    for (const Told& one : told) {
      starts.Set(samples.size(), kNow + one.start * kMinute);
      samples.push_back({Ref(*appender, 0), kNow + one.t * kMinute, 7});
    }
    std::vector<AppendOutcome> outcomes(samples.size());
    appender->AppendWithStarts(samples, starts, outcomes);
    EXPECT_THAT(outcomes, Each(AppendOutcome::kAppended));
    ASSERT_TRUE(appender->Commit());
  }
  template <class H>
  void PutHistogram(const H& h, Told told) {
    const auto appender = head_.NewAppender();
    EXPECT_EQ(appender->AppendHistogramWithStart(Ref(*appender, 0), kNow + told.t * kMinute,
                                                 kNow + told.start * kMinute, h),
              AppendOutcome::kAppended);
    ASSERT_TRUE(appender->Commit());
  }
  std::vector<StoredSample> Samples() {
    std::vector<StoredSample> samples;
    const auto querier = head_.NewQuerier(model::kMinTime, model::kMaxTime);
    const auto selection = (*querier)->Select({}, {});
    storage::ChunkBuffer buffer;
    std::vector<chunk::ChunkView> chunks;
    EXPECT_TRUE((*selection)->Chunks(0, &buffer, &chunks));
    for (const chunk::ChunkView& c : chunks) {
      EXPECT_TRUE(DecodeSamples(c, {model::kMinTime, model::kMaxTime}, &samples));
    }
    return samples;
  }
  // Minute -> value.
  std::map<int64_t, double> Floats() {
    std::map<int64_t, double> values;
    for (const StoredSample& sample : Samples()) {
      values[(sample.t - kNow) / kMinute] = std::get<double>(sample.value);
    }
    return values;
  }

  base::MetricsRegistry registry_;
  Head head_{{.chunks = {}, .start_zeros = true}, registry_, nullptr};
};

TEST_F(StartZerosTest, AStartIsStoredOnce) {
  Put({{.t = 0, .start = -5}});
  Put({{.t = 1, .start = -5}});
  Put({{.t = 2, .start = -5}, {.t = 3, .start = -5}});
  EXPECT_THAT(Floats(), ElementsAre(Pair(-5, 0), Pair(0, 7), Pair(1, 7), Pair(2, 7), Pair(3, 7)));
}

TEST_F(StartZerosTest, AResetBeginsAnew) {
  Put({{.t = 0, .start = -5}});
  Put({{.t = 4, .start = 2}});
  // Within a message as well.
  Put({{.t = 6, .start = 2}, {.t = 9, .start = 8}});
  EXPECT_THAT(Floats(), ElementsAre(Pair(-5, 0), Pair(0, 7), Pair(2, 0), Pair(4, 7), Pair(6, 7),
                                    Pair(8, 0), Pair(9, 7)));
}

// However wide the out-of-order window is: what was told before a restart is told again.
TEST_F(StartZerosTest, AStartOlderThanTheSeriesIsNotTakenLate) {
  Put({{.t = 0, .start = 0}});
  Put({{.t = 1, .start = -5}});
  EXPECT_THAT(Floats(), ElementsAre(Pair(0, 7), Pair(1, 7)));
}

TEST_F(StartZerosTest, AStartThatTheHeadCannotTakeCostsNoSample) {
  Put({{.t = 0, .start = -24 * 60}});
  Put({{.t = 1, .start = 1}});
  Put({{.t = 2, .start = 5}});
  EXPECT_THAT(Floats(), ElementsAre(Pair(0, 7), Pair(1, 7), Pair(2, 7)));
}

TEST_F(StartZerosTest, HistogramsBeginAsHistograms) {
  PutHistogram(HistogramAt(1), {.t = 0, .start = -5});
  PutHistogram(HistogramAt(2), {.t = 1, .start = -5});
  const std::vector<StoredSample> samples = Samples();
  ASSERT_EQ(samples.size(), 3u);
  const auto& zero = std::get<std::unique_ptr<model::Histogram>>(samples[0].value);
  EXPECT_EQ(samples[0].t, kNow - 5 * kMinute);
  EXPECT_EQ(zero->count, 0u);
  EXPECT_EQ(zero->schema, HistogramAt(1).schema);
  EXPECT_EQ(zero->zero_threshold, HistogramAt(1).zero_threshold);
}

TEST_F(StartZerosTest, FloatHistogramsBeginAsSuch) {
  PutHistogram(model::ToFloat(HistogramAt(1)), {.t = 0, .start = -5});
  const std::vector<StoredSample> samples = Samples();
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_EQ(std::get<std::unique_ptr<model::FloatHistogram>>(samples[0].value)->count, 0);
}

TEST(WithoutStartZeros, StartsAreNotStored) {
  base::MetricsRegistry registry;
  Head head({}, registry, nullptr);
  const auto appender = head.NewAppender();
  const storage::RefSample sample{Ref(*appender, 0), kNow, 7};
  storage::Starts starts;
  starts.Set(0, kNow - kMinute);
  AppendOutcome outcome = AppendOutcome::kInvalid;
  appender->AppendWithStarts({&sample, 1}, starts, {&outcome, 1});
  ASSERT_TRUE(appender->Commit());
  EXPECT_EQ(All(head).begin()->second.size(), 1u);
}

}  // namespace
}  // namespace tributary::tsdb
