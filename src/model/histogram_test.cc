#include "model/histogram.h"

#include <cmath>
#include <functional>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/float_histogram.h"
#include "model/sample.h"

namespace tributary::model {
namespace {

using ::testing::HasSubstr;

Histogram Valid() {
  Histogram h;
  h.count = 12;
  h.zero_count = 2;
  h.zero_threshold = 0.001;
  h.sum = 18.4;
  h.schema = 1;
  h.positive_spans = {{0, 2}, {1, 2}};
  h.positive_buckets = {1, 1, -1, 0};  // 1 2 1 1
  h.negative_spans = {{-3, 2}};
  h.negative_buckets = {2, 1};  // 2 3
  return h;
}

Histogram ValidCustom() {
  Histogram h;
  h.schema = kCustomBucketsSchema;
  h.custom_values = {0.1, 1, 10};
  h.positive_spans = {{0, 4}};
  h.positive_buckets = {1, 0, 0, 0};
  h.count = 4;
  return h;
}

TEST(HistogramTest, ToFloatMakesCountsAbsolute) {
  const FloatHistogram f = ToFloat(Valid());
  EXPECT_EQ(f.positive_buckets, (std::vector<double>{1, 2, 1, 1}));
  EXPECT_EQ(f.negative_buckets, (std::vector<double>{2, 3}));
  EXPECT_EQ(f.count, 12);
  EXPECT_EQ(f.zero_count, 2);
  EXPECT_EQ(f.negative_spans, Valid().negative_spans);
}

TEST(HistogramTest, ValidatesInPrometheusWords) {
  const auto f = [](const Histogram& h, std::string_view want) {
    const auto status = Validate(h);
    if (want.empty()) {
      EXPECT_TRUE(status) << status.error().message();
    } else {
      ASSERT_FALSE(status) << want;
      EXPECT_THAT(status.error().message(), HasSubstr(want));
    }
  };
  const auto change = [](Histogram h, const std::function<void(Histogram&)>& edit) {
    edit(h);
    return h;
  };
  f(Valid(), "");
  f(ValidCustom(), "");
  f(Histogram{}, "");
  f(change(Valid(), [](auto& h) { h.count = 13; }),
    "12 observations found in buckets, but the Count field is 13: histogram's observation count "
    "should equal the number of observations found in the buckets (in absence of NaN)");
  f(change(Valid(), [](auto& h) { h.count = 13, h.sum = NAN; }), "");
  f(change(Valid(), [](auto& h) { h.count = 11, h.sum = NAN; }), "should be at least the number");
  f(change(Valid(), [](auto& h) { h.positive_buckets[1] = -2; }),
    "positive side: bucket number 2 has observation count of -1: histogram has a bucket whose "
    "observation count is negative");
  f(change(Valid(), [](auto& h) { h.positive_spans[1].offset = -1; }),
    "positive side: span number 2 with offset -1: histogram has a span whose offset is negative");
  f(change(Valid(), [](auto& h) { h.negative_buckets.push_back(0); }),
    "negative side: spans need 2 buckets, have 3 buckets: histogram spans specify different number "
    "of buckets than provided");
  f(change(Valid(), [](auto& h) { h.schema = 9; }), "got schema 9");
  f(change(Valid(), [](auto& h) { h.custom_values = {1}; }), "must not have custom bounds");
  f(change(ValidCustom(), [](auto& h) { h.custom_values = {0.1, 1}; }),
    "custom buckets: only 2 custom bounds defined which is insufficient to cover total span length "
    "of 4: histogram custom bounds are too few");
  f(change(ValidCustom(), [](auto& h) { h.custom_values = {1, 1, 10}; }),
    "previous bound is 1.000000 and current is 1.000000: histogram custom bounds must be in "
    "strictly increasing order");
  f(change(ValidCustom(), [](auto& h) { h.custom_values[2] = INFINITY; }), "must be finite");
  f(change(ValidCustom(), [](auto& h) { h.custom_values[2] = NAN; }), "must not be NaN");
  f(change(ValidCustom(), [](auto& h) { h.zero_count = 1; }), "must have zero count of 0");
  f(change(ValidCustom(), [](auto& h) { h.zero_threshold = 1; }), "must have zero threshold of 0");
  f(change(ValidCustom(), [](auto& h) { h.negative_spans = {{0, 0}}; }),
    "must not have negative spans");

  FloatHistogram fh = ToFloat(Valid());
  EXPECT_TRUE(Validate(fh));
  fh.count = 1;  // floats are not counted up
  EXPECT_TRUE(Validate(fh));
  fh.count = -1;
  EXPECT_THAT(Validate(fh).error().message(), HasSubstr("observation count is negative"));
  fh = ToFloat(Valid());
  fh.zero_count = -0.5;
  EXPECT_THAT(Validate(fh).error().message(),
              HasSubstr("zero bucket has observation count of -0.5"));
}

TEST(HistogramTest, IntegerHistogramsCompactAndReduceAsFloatsDo) {
  for (int32_t target = -4; target < 1; ++target) {
    Histogram h = Valid();
    FloatHistogram f = ToFloat(h);
    ASSERT_TRUE(ReduceResolution(&h, target));
    ASSERT_TRUE(ReduceResolution(&f, target));
    EXPECT_TRUE(Equals(ToFloat(h), f)) << target;
    EXPECT_TRUE(Validate(h));
  }
  Histogram h = Valid();
  h.positive_buckets = {0, 2, -2, 3};  // 0 2 0 3
  for (const size_t max_empty : {0U, 1U, 2U, 5U}) {
    Histogram compact = h;
    FloatHistogram f = ToFloat(h);
    Compact(&compact, max_empty);
    Compact(&f, max_empty);
    EXPECT_TRUE(Equals(ToFloat(compact), f)) << max_empty;
  }
}

TEST(FloatHistogramTest, RefusesWhatCannotBeDone) {
  FloatHistogram exponential = ToFloat(Valid());
  FloatHistogram custom = ToFloat(ValidCustom());
  const auto mixed = Add(&exponential, custom);
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().code(), base::ErrorCode::kExecution);
  EXPECT_FALSE(Sub(&custom, exponential));
  EXPECT_FALSE(ReduceResolution(&custom, 0));
  EXPECT_FALSE(ReduceResolution(&exponential, 1));
  EXPECT_FALSE(ReduceResolution(&exponential, kCustomBucketsSchema));
  FloatHistogram broken = exponential;
  broken.positive_buckets.pop_back();
  EXPECT_FALSE(Add(&exponential, broken));
  EXPECT_FALSE(Add(&broken, exponential));
}

TEST(FloatHistogramTest, SpansMayDescribeTheSameLayoutDifferently) {
  EXPECT_TRUE(SameSpans({{1, 2}}, {{1, 2}, {5, 0}}));
  EXPECT_TRUE(SameSpans({{1, 2}, {3, 1}}, {{0, 0}, {1, 2}, {2, 0}, {1, 1}}));
  EXPECT_TRUE(SameSpans({}, {{4, 0}}));
  EXPECT_FALSE(SameSpans({{1, 2}}, {{1, 3}}));
  EXPECT_FALSE(SameSpans({{1, 2}}, {{2, 2}}));
  EXPECT_FALSE(SameSpans({{1, 2}}, {}));
  FloatHistogram a = ToFloat(Valid());
  FloatHistogram b = a;
  b.reset_hint = CounterResetHint::kGauge;
  EXPECT_TRUE(Equals(a, b));
  a.sum = StaleNaN();
  b.sum = NormalNaN();
  EXPECT_FALSE(Equals(a, b));
}

TEST(FloatHistogramTest, MulAndDiv) {
  FloatHistogram h = ToFloat(Valid());
  Mul(&h, -2);
  EXPECT_EQ(h.count, -24);
  EXPECT_EQ(h.positive_buckets, (std::vector<double>{-2, -4, -2, -2}));
  EXPECT_EQ(h.reset_hint, CounterResetHint::kGauge);
  Div(&h, 2);
  EXPECT_EQ(h.negative_buckets, (std::vector<double>{-2, -3}));
  Div(&h, 0);
  EXPECT_TRUE(std::isinf(h.count));
  EXPECT_TRUE(h.positive_spans.empty() && h.positive_buckets.empty());
  EXPECT_TRUE(HasOverflow(h));
}

TEST(FloatHistogramTest, DamagedHistogramsDoNoHarm) {
  FloatHistogram h = ToFloat(Valid());
  h.positive_spans = {{INT32_MAX, 3}, {INT32_MAX, 5}, {-7, 1}};
  h.negative_spans = {{INT32_MIN, 1}};
  h.zero_threshold = std::numeric_limits<double>::quiet_NaN();
  (void)ToString(h);
  (void)ToTestExpression(h);
  for (AllBucketIterator it(h); it.Next();) (void)it.At();
  FloatHistogram other = ToFloat(Valid());
  (void)Add(&other, h);
  (void)Add(&h, other);
  (void)DetectReset(h, other);
  (void)DetectReset(other, h);
  TrimBuckets(&h, 1, true);
  Compact(&h, 3);
}

}  // namespace
}  // namespace tributary::model
