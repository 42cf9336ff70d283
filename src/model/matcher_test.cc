#include "model/matcher.h"

#include <gtest/gtest.h>

namespace tributary::model {
namespace {

TEST(MatcherTest, MatchesAndPrints) {
  const auto f = [](MatchType type, std::string value, std::string_view text, bool want,
                    std::string_view printed) {
    const auto matcher = Matcher::Create(type, "a", std::move(value));
    ASSERT_TRUE(matcher);
    EXPECT_EQ(matcher->Matches(text), want) << printed << " on " << text;
    EXPECT_EQ(matcher->ToString(), printed);
  };
  f(MatchType::kEqual, "x", "x", true, R"(a="x")");
  f(MatchType::kEqual, "x", "", false, R"(a="x")");
  f(MatchType::kEqual, "", "", true, R"(a="")");
  f(MatchType::kNotEqual, "x", "x", false, R"(a!="x")");
  f(MatchType::kNotEqual, "x", "", true, R"(a!="x")");
  f(MatchType::kRegexp, "x|y", "y", true, R"(a=~"x|y")");
  f(MatchType::kRegexp, "x.", "xyz", false, R"(a=~"x.")");
  f(MatchType::kNotRegexp, "x.", "xy", false, R"(a!~"x.")");
  f(MatchType::kNotRegexp, "x\"\n", "", true, R"(a!~"x\"\n")");
}

TEST(MatcherTest, QuotesNamesThatNeedIt) {
  EXPECT_EQ(Matcher::Equal("a.b", "x").ToString(), R"("a.b"="x")");
  EXPECT_EQ(Matcher::Equal("a", "x"), *Matcher::Create(MatchType::kEqual, "a", "x"));
}

TEST(MatcherTest, RefusesABadRegexp) {
  EXPECT_FALSE(Matcher::Create(MatchType::kRegexp, "a", "("));
  EXPECT_FALSE(Matcher::Create(MatchType::kNotRegexp, "a", "["));
  EXPECT_TRUE(Matcher::Create(MatchType::kEqual, "a", "("));
}

}  // namespace
}  // namespace tributary::model
