// The interpreter itself: scripts are understood as upstream describes them, wrong ones are
// refused.
#include "script.h"

#include <cmath>

#include <gtest/gtest.h>

#include "compare.h"

namespace tributary::promqltest {
namespace {

TEST(ScriptTest, Loads) {
  const auto commands = ParseScript(R"(
# a comment
load 10s
  foo{a="b"}@st -5s _ -5s+1sx1
  foo{a="b"} 1 _ 3 stale
  bar _ 2

clear
load_with_nhcb 1m
  x 1
)");
  ASSERT_TRUE(commands) << commands.error().message();
  ASSERT_EQ(commands->size(), 3U);
  const auto& load = std::get<LoadCommand>((*commands)[0]);
  EXPECT_EQ(load.line, 3);
  EXPECT_FALSE(load.with_nhcb);
  ASSERT_EQ(load.series.size(), 2U);
  const auto& foo = load.series[0].samples;
  ASSERT_EQ(foo.size(), 3U);
  EXPECT_EQ(foo[0].start, -5000);
  EXPECT_EQ(foo[1].t, 20'000);
  EXPECT_EQ(foo[1].start, 15'000);
  EXPECT_EQ(foo[2].start, 26'000);
  EXPECT_EQ(load.series[1].samples[0].t, 10'000);
  EXPECT_TRUE(std::get<LoadCommand>((*commands)[2]).with_nhcb);
}

TEST(ScriptTest, Evaluates) {
  const auto commands = ParseScript(R"(
eval instant at 1m30s sum by (a) (foo)
  expect ordered
  expect warn msg: PromQL warning: x
  {a="2"} 5
  {} 1

eval range from 0 to 10s step 5s foo
  foo 1 _ 3

eval_fail instant at 0 bar
  expected_fail_message no bar
)");
  ASSERT_TRUE(commands) << commands.error().message();
  ASSERT_EQ(commands->size(), 3U);
  const auto& instant = std::get<EvalCommand>((*commands)[0]);
  EXPECT_EQ(instant.expr, "sum by (a) (foo)");
  EXPECT_EQ(instant.eval_ms, 90'000);
  EXPECT_TRUE(instant.ordered);
  EXPECT_EQ(instant.warn_matches.at(0).text, "PromQL warning: x");
  ASSERT_EQ(instant.series.size(), 2U);
  EXPECT_EQ(instant.series[1].position, 2);
  const auto& range = std::get<EvalCommand>((*commands)[1]);
  EXPECT_TRUE(range.is_range);
  EXPECT_EQ(range.step_ms, 5000);
  EXPECT_EQ(range.series.at(0).values.size(), 3U);
  const auto& failing = std::get<EvalCommand>((*commands)[2]);
  EXPECT_TRUE(failing.fail);
  EXPECT_EQ(failing.fail_matches.at(0).text, "no bar");
}

TEST(ScriptTest, RefusesWhatUpstreamRefuses) {
  for (const std::string_view text :
       {"what 1m", "load x\n", "load 1m\n foo 1y", "load 1m\n foo@st 1s\n", "eval at 0 foo",
        "load 1m\n foo@st 1s 2s\n foo 1\n", "load 1m\n foo@st 1s\n bar 1\n",
        "eval range from 1m to 0 step 1s foo", "eval instant at 0 foo\n expect maybe",
        "eval instant at 0 foo\n expect info\n expect no_info",
        "eval instant at 0 foo\n expect fail\n expect fail",
        "eval instant at 0 foo\n expect fail regex: (", "eval instant at 0 foo\n {} 1 2"}) {
    EXPECT_FALSE(ParseScript(text)) << text;
  }
}

TEST(CompareTest, Tolerance) {
  EXPECT_TRUE(AlmostEqual(1, 1.000001));
  EXPECT_FALSE(AlmostEqual(1, 1.00001));
  EXPECT_FALSE(AlmostEqual(0, 1e-300));
  EXPECT_TRUE(AlmostEqual(NAN, -NAN));
  EXPECT_FALSE(AlmostEqual(NAN, model::StaleNaN()));
}

}  // namespace
}  // namespace tributary::promqltest
