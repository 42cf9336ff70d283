#include "scrape/schedule.h"

#include <map>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace tributary::scrape {
namespace {

constexpr int64_t kInterval = 15'000;

int64_t Offset(int target, int64_t beat_ms, uint64_t seed = 42) {
  return ScrapeOffsetMs(base::Hash64(std::to_string(target), 0), seed, kInterval, beat_ms);
}

TEST(Schedule, OffsetsSpreadOverTheInterval) {
  int early = 0;
  int moved = 0;
  for (int i = 0; i < 1000; ++i) {
    const int64_t offset = Offset(i, 1);
    ASSERT_GE(offset, 0);
    ASSERT_LT(offset, kInterval);
    early += offset < kInterval / 2;
    moved += offset != Offset(i, 1, 43);
  }
  EXPECT_GT(early, 420);
  EXPECT_LT(early, 580);
  EXPECT_GT(moved, 900);
}

TEST(Schedule, OffsetsStandOnBeats) {
  std::map<int64_t, int> targets;
  for (int i = 0; i < 600; ++i) {
    ++targets[Offset(i, 500)];
  }
  EXPECT_EQ(targets.size(), 30u);
  for (const auto& [offset, count] : targets) {
    EXPECT_EQ(offset % 500, 0);
    EXPECT_LT(count, 45);
  }
}

TEST(Schedule, BeatsAreCloserWhereThereIsMoreToScrape) {
  EXPECT_EQ(BeatMs(kInterval, 0.1), 500);
  EXPECT_EQ(BeatMs(kInterval, 48), 500);
  EXPECT_EQ(BeatMs(kInterval, 49), 250);
  EXPECT_EQ(BeatMs(kInterval, 100), 125);
  EXPECT_EQ(BeatMs(kInterval, 500), 25);
  EXPECT_EQ(BeatMs(kInterval, 1e6), 1);
}

TEST(Schedule, ShortIntervalsHaveTheirBeatsToo) {
  EXPECT_EQ(BeatMs(5000, 1), 500);
  EXPECT_EQ(BeatMs(1000, 1), 25);
  EXPECT_EQ(BeatMs(1, 1000), 1);
}

}  // namespace
}  // namespace tributary::scrape
