#include "promql/parse/series_description.h"

#include <string>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "model/float_histogram.h"

namespace tributary::promql {
namespace {

std::string Describe(std::string_view text) {
  const auto series = ParseSeriesDescription(text);
  if (!series) return series.error().message();
  std::string out = series->labels.ToMetricString();
  for (const SequenceValue& v : series->values) {
    out += ' ';
    if (v.omitted) {
      out += '_';
    } else if (v.histogram) {
      out += model::ToTestExpression(*v.histogram);
    } else if (model::IsStaleNaN(v.value)) {
      out += "stale";
    } else {
      out += base::FormatFloat(v.value);
    }
  }
  return out;
}

TEST(SeriesDescriptionTest, Expands) {
  const auto f = [](std::string_view in, std::string_view want) {
    EXPECT_EQ(Describe(in), want) << in;
  };
  f("foo", "foo");
  f(R"(foo{a="} 1", b='x'} 1 -2 +3)", R"(foo{a="} 1", b="x"} 1 -2 3)");
  f("{} 1", "{} 1");
  f("foo _ _x3 1", "foo _ _ _ _ 1");
  f("foo 1x2", "foo 1 1 1");
  f("foo 1+2x3 10-1.5x2", "foo 1 3 5 7 10 8.5 7");
  f("foo -1-1x1 1e-3 .5 1_000", "foo -1 -2 0.001 0.5 1000");
  f("foo Inf -inf NaN stale Infx1", "foo +Inf -Inf NaN stale +Inf +Inf");
  f("foo 0x3", "foo 0 0 0 0");
  f("foo 1\t2", "foo 1 2");
  f("foo {{}}", "foo {{}}");
  f("foo {{ schema:1 sum:-0.3 count:3.1 z_bucket:7.1 z_bucket_w:0.05 buckets:[5.1 10 7] "
    "offset:-3 n_buckets:[4.1 5] n_offset:-5 }}",
    "foo {{schema:1 count:3.1 sum:-0.3 z_bucket:7.1 z_bucket_w:0.05 offset:-3 buckets:[5.1 10 7] "
    "n_offset:-5 n_buckets:[4.1 5]}}");
  f("foo {{count:1 buckets:[1]}}+{{count:1 buckets:[1]}}x2",
    "foo {{count:1 buckets:[1]}} {{count:2 buckets:[2]}} {{count:3 buckets:[3]}}");
  f("foo {{schema:-53 custom_values:[1 2.5] buckets:[1 0 1]}}x1 _",
    "foo {{schema:-53 custom_values:[1 2.5] buckets:[1 0 1]}} "
    "{{schema:-53 custom_values:[1 2.5] buckets:[1 0 1]}} _");
}

TEST(SeriesDescriptionTest, KnowsWhetherTheHintWasGiven) {
  const auto series = ParseSeriesDescription("foo {{counter_reset_hint:gauge}} {{}}");
  ASSERT_TRUE(series);
  EXPECT_TRUE(series->values[0].reset_hint_given);
  EXPECT_EQ(series->values[0].histogram->reset_hint, model::CounterResetHint::kGauge);
  EXPECT_FALSE(series->values[1].reset_hint_given);
}

TEST(SeriesDescriptionTest, Refuses) {
  for (const std::string_view in :
       {"foo 1y", "foo 1x", "foo 1+x2", "foo 1+1", "foo stal", "foo {{", "foo {{sum:}}",
        "foo {{sum:1 sum:2}}", "foo {{what:1}}", "foo {{buckets:[]}}", "foo {{buckets:[1}}",
        "foo {{counter_reset_hint:maybe}}", "foo{a=1} 1", "foo{a=\"b\" 1", "foo 1x99999999999999",
        "foo 1x999999 1x999999", "foo {{schema:99999999999}}", "foo 1+1x99999999",
        "foo {{schema:2 buckets:[1]}}+{{schema:1 buckets:[1]}}x1"}) {
    EXPECT_FALSE(ParseSeriesDescription(in)) << in;
  }
}

}  // namespace
}  // namespace tributary::promql
