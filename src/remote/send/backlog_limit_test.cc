#include "remote/send/backlog_limit.h"

#include <gtest/gtest.h>

namespace tributary::remote {
namespace {

constexpr int64_t kMinuteNs = int64_t{60} * 1'000'000'000;
constexpr int64_t kHourMs = int64_t{3600} * 1000;

TEST(BacklogLimit, WithoutLimitsEverythingIsKept) {
  BacklogLimit limit(0, 0);
  limit.Observe(0, {1, 0});
  EXPECT_EQ(limit.Exceeded(1000 * kMinuteNs, {0, 0}, UINT64_MAX), nullptr);
}

TEST(BacklogLimit, BytesAreCountedFromThePosition) {
  const BacklogLimit limit(1000, 0);
  EXPECT_EQ(limit.Exceeded(0, {0, 0}, 1000), nullptr);
  EXPECT_STREQ(limit.Exceeded(0, {0, 0}, 1001), "backlog_too_large");
  EXPECT_FALSE(limit.HasRoom(876));
  EXPECT_TRUE(limit.HasRoom(875));
}

TEST(BacklogLimit, LogIsAsOldAsTheTimeSinceItWasWritten) {
  BacklogLimit limit(0, kHourMs);
  // The log grows by ten bytes a minute.
  for (uint64_t minute = 0; minute <= 90; ++minute) {
    limit.Observe(static_cast<int64_t>(minute) * kMinuteNs, {0, minute * 10});
  }
  const int64_t now = 90 * kMinuteNs;
  EXPECT_STREQ(limit.Exceeded(now, {0, 299}, 0), "backlog_too_old");
  EXPECT_EQ(limit.Exceeded(now, {0, 300}, 0), nullptr);
}

TEST(BacklogLimit, NothingIsTooOldBeforeTheLimitHasPassed) {
  BacklogLimit limit(0, kHourMs);
  for (uint64_t minute = 0; minute < 60; ++minute) {
    const int64_t now = static_cast<int64_t>(minute) * kMinuteNs;
    limit.Observe(now, {5, 0});
    EXPECT_EQ(limit.Exceeded(now, {0, 0}, 0), nullptr);
  }
  EXPECT_STREQ(limit.Exceeded(60 * kMinuteNs, {0, 0}, 0), "backlog_too_old");
}

}  // namespace
}  // namespace tributary::remote
