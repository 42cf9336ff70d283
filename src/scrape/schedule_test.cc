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
    ++targets[Offset(i, 500, 1'234'567)];
  }
  EXPECT_EQ(targets.size(), 30u);
  for (const auto& [offset, count] : targets) {
    EXPECT_EQ(offset % 500, 67);
    EXPECT_LT(count, 45);
  }
}

// Whatever the beat: those that joined before there was so much to scrape stay on it.
TEST(Schedule, CloserBeatsHaveTheInstantsOfTheOthers) {
  for (int i = 0; i < 600; ++i) {
    const int64_t wide = Offset(i, 500, 1'234'567);
    EXPECT_EQ((wide - 67) % 500, 0);
    EXPECT_EQ((Offset(i, 125, 1'234'567) - wide) % 125, 0);
    EXPECT_EQ((Offset(i, 5, 1'234'567) - wide) % 5, 0);
  }
}

// Also where the last beat of an interval is cut short.
TEST(Schedule, OffsetsStayInTheInterval) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    for (const uint64_t target : {0u, 1299u, 1300u, 77'777u}) {
      const int64_t offset = ScrapeOffsetMs(target, seed, 1300, 125);
      EXPECT_GE(offset, 0);
      EXPECT_LT(offset, 1300);
    }
  }
}

TEST(Schedule, ReplicasAndAgentsHaveTheirOwnMoment) {
  std::map<int64_t, int> moments;
  for (int agent = 0; agent < 1000; ++agent) {
    ++moments[Offset(1, 500, base::Hash64(std::to_string(agent), 1)) % 500 / 50];
  }
  EXPECT_EQ(moments.size(), 10u);
  for (const auto& [moment, agents] : moments) {
    EXPECT_LT(agents, 150);
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
