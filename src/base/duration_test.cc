#include "base/duration.h"

#include <gtest/gtest.h>

namespace tributary::base {
namespace {

TEST(ParseDuration, ReadsWhatPrometheusReads) {
  const auto f = [](const char* text, int64_t want) {
    const auto got = ParseDurationMs(text);
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(*got, want) << text;
  };
  f("0", 0);
  f("0s", 0);
  f("5ms", 5);
  f("1s", 1000);
  f("1h30m", 5'400'000);
  f("1m30s5ms", 90'005);
  f("15d", 15 * 86'400'000LL);
  f("2w", 14 * 86'400'000LL);
  f("1y", 365 * 86'400'000LL);
  f("1y2w3d4h5m6s7ms", 33'019'506'007LL);
  f("292y", 292LL * 365 * 86'400'000);
}

TEST(ParseDuration, RefusesTheRest) {
  const auto f = [](const char* text, const char* want) {
    const auto got = ParseDurationMs(text);
    ASSERT_FALSE(got) << text;
    EXPECT_EQ(got.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(got.error().message(), want);
  };
  f("", "empty duration string");
  f("1", R"(not a valid duration string: "1")");
  f("s", R"(not a valid duration string: "s")");
  f("-1s", R"(not a valid duration string: "-1s")");
  f("1s1m", R"(not a valid duration string: "1s1m")");
  f("1s1s", R"(not a valid duration string: "1s1s")");
  f("1.5h", R"(unknown unit "." in duration "1.5h")");
  f("1x", R"(unknown unit "x" in duration "1x")");
  f("1 s", R"(unknown unit " s" in duration "1 s")");
  f("293y", R"(duration out of range: "293y")");
  f("99999999999999999999s", R"(not a valid duration string: "99999999999999999999s")");
}

TEST(FormatDuration, WritesWhatPrometheusWrites) {
  const auto f = [](int64_t ms, const char* want) { EXPECT_EQ(FormatDurationMs(ms), want); };
  f(0, "0s");
  f(5, "5ms");
  f(1000, "1s");
  f(90'000, "1m30s");
  f(3'600'000, "1h");
  f(86'400'000, "1d");
  f(90 * 86'400'000LL, "90d");
  f(14 * 86'400'000LL, "2w");
  f(365 * 86'400'000LL, "1y");
  f(366 * 86'400'000LL, "366d");
  f(36 * 3'600'000LL + 1, "1d12h1ms");
  f(-90'000, "-1m30s");
}

TEST(ParseSize, ReadsBytes) {
  const auto f = [](const char* text, uint64_t want) {
    const auto got = ParseSize(text);
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(*got, want) << text;
  };
  f("0", 0);
  f("1B", 1);
  f("1KB", 1024);
  f("1KiB", 1024);
  f("512MB", 512ull << 20);
  f("1.5GiB", 3ull << 29);
  f("1GB512MB", 3ull << 29);
  f("+2TB", 2ull << 40);
  f("3PB", 3ull << 50);
  f("7EB", 7ull << 60);
}

TEST(ParseSize, RefusesTheRest) {
  for (const char* text :
       {"", "1", "-1MB", "MB", ".MB", "1kB", "1K", "1XB", "1 MB", "8EB", "1e3MB", "0x1MB", "+"}) {
    const auto got = ParseSize(text);
    ASSERT_FALSE(got) << text;
    EXPECT_EQ(got.error().code(), ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace tributary::base
