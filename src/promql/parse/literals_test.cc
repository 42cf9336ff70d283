#include "promql/parse/literals.h"

#include <string_view>

#include <gtest/gtest.h>

namespace tributary::promql {
namespace {

TEST(LiteralsTest, DurationsSurviveSecondsToTheMillisecond) {
  for (int64_t ms = 1; ms < 5000; ++ms) {
    ASSERT_EQ(SecondsToMs(DurationSeconds(ms)), ms);
    ASSERT_EQ(SecondsToMs(-DurationSeconds(ms)), -ms);
  }
  EXPECT_EQ(SecondsToMs(1e300), INT64_MAX / 1'000'000);
}

TEST(LiteralsTest, DurationErrors) {
  const auto f = [](std::string_view in, std::string_view want) {
    const auto got = ParseDurationLiteral(in);
    ASSERT_FALSE(got) << in;
    EXPECT_EQ(got.error().message(), want);
  };
  f("1m1h", "not a valid duration string: \"1m1h\"");
  f("1m1m", "not a valid duration string: \"1m1m\"");
  f("5hs", "unknown unit \"hs\" in duration \"5hs\"");
  f("300y", "duration out of range");
  f("292y300d", "duration out of range");
}

TEST(LiteralsTest, RunesAreQuotedAsGoDoes) {
  EXPECT_EQ(QuoteRune('x'), "'x'");
  EXPECT_EQ(QuoteRune('\''), R"('\'')");
  EXPECT_EQ(QuoteRune('"'), R"('"')");
  EXPECT_EQ(QuoteRune('\n'), R"('\n')");
  EXPECT_EQ(QuoteRune(-1), "'\uFFFD'");
}

TEST(LiteralsTest, DecodesUtf8Strictly) {
  const auto f = [](std::string_view in, int32_t value, size_t width) {
    const Rune rune = DecodeRune(in);
    EXPECT_EQ(rune.value, value);
    EXPECT_EQ(rune.width, width);
  };
  f("é", 0xE9, 2);
  f("€", 0x20AC, 3);
  f("😀", 0x1F600, 4);
  f("\xff", 0xFFFD, 1);
  f("\xc3", 0xFFFD, 1);
  f("\xed\xa0\x80", 0xFFFD, 1);
  f("\xe0\x80\x80", 0xFFFD, 1);
}

}  // namespace
}  // namespace tributary::promql
