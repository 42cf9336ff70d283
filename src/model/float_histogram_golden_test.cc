// Float histogram arithmetic against answers of Prometheus itself. Each line of the data file is a
// question and its answer; testdata/generate_float_histogram.go wrote it. All numbers are bit
// patterns. FLOAT_HISTOGRAM_GOLDEN names another file, for a longer run.
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "model/float_histogram.h"
#include "model/go_math.h"

namespace tributary::model {
namespace {

template <class Int>
Int ParseInt(std::string_view text, int base = 10) {
  Int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

double Bits(std::string_view hex) { return std::bit_cast<double>(ParseInt<uint64_t>(hex, 16)); }

std::vector<double> ParseNumbers(std::string_view text) {
  std::vector<double> out;
  if (text.empty()) return out;
  for (const std::string_view item : base::Split(text, ',')) out.push_back(Bits(item));
  return out;
}

std::vector<BucketSpan> ParseSpans(std::string_view text) {
  std::vector<BucketSpan> out;
  if (text.empty()) return out;
  for (const std::string_view item : base::Split(text, ',')) {
    const size_t colon = item.find(':');
    out.push_back(
        {ParseInt<int32_t>(item.substr(0, colon)), ParseInt<uint32_t>(item.substr(colon + 1))});
  }
  return out;
}

FloatHistogram Parse(std::string_view text) {
  const std::vector<std::string_view> f = base::Split(text, ';');
  FloatHistogram h;
  if (f.size() != 11) {
    ADD_FAILURE() << text;
    return h;
  }
  h.reset_hint = static_cast<CounterResetHint>(ParseInt<int>(f[0]));
  h.schema = ParseInt<int32_t>(f[1]);
  h.zero_threshold = Bits(f[2]);
  h.zero_count = Bits(f[3]);
  h.count = Bits(f[4]);
  h.sum = Bits(f[5]);
  h.positive_spans = ParseSpans(f[6]);
  h.positive_buckets = ParseNumbers(f[7]);
  h.negative_spans = ParseSpans(f[8]);
  h.negative_buckets = ParseNumbers(f[9]);
  h.custom_values = ParseNumbers(f[10]);
  return h;
}

testing::AssertionResult Same(const FloatHistogram& got, std::string_view want_text) {
  const FloatHistogram want = Parse(want_text);
  if (Equals(got, want) && got.reset_hint == want.reset_hint) return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << "got " << ToTestExpression(got) << ", want " << ToTestExpression(want);
}

void Check(const std::vector<std::string_view>& f) {
  const std::string_view op = f[0];
  if (op == "log2") {
    const double x = Bits(f[1]);
    if (std::isnan(x)) return;
    EXPECT_EQ(GoLog(x), Bits(f[2]));
    EXPECT_EQ(GoLog2(x), Bits(f[3]));
    return;
  }
  FloatHistogram h = Parse(f[1]);
  if (op == "compact") {
    Compact(&h, ParseInt<size_t>(f[2]));
    EXPECT_TRUE(Same(h, f[3]));
  } else if (op == "add" || op == "sub") {
    const auto notes = op == "add" ? Add(&h, Parse(f[2])) : Sub(&h, Parse(f[2]));
    ASSERT_TRUE(notes);
    Compact(&h);
    EXPECT_TRUE(Same(h, f[3]));
    EXPECT_EQ(notes->counter_reset_collision, f[4] == "true");
    EXPECT_EQ(notes->bounds_reconciled, f[5] == "true");
  } else if (op == "kahan") {
    FloatHistogram c = NewCompensation(h);
    for (const std::string_view other : base::Split(f[2], '|')) {
      ASSERT_TRUE(KahanAdd(&h, Parse(other), &c));
    }
    ASSERT_TRUE(Add(&h, c));
    Compact(&h);
    EXPECT_TRUE(Same(h, f[3]));
  } else if (op == "reset") {
    EXPECT_EQ(DetectReset(h, Parse(f[2])), f[3] == "true");
  } else if (op == "reduce") {
    ASSERT_TRUE(ReduceResolution(&h, ParseInt<int32_t>(f[2])));
    EXPECT_TRUE(Same(h, f[3]));
  } else if (op == "trim") {
    TrimBuckets(&h, Bits(f[2]), f[3] == "true");
    EXPECT_TRUE(Same(h, f[4]));
  } else if (op == "print") {
    EXPECT_EQ(ToString(h), f[2]);
    EXPECT_EQ(ToTestExpression(h), f[3]);
  } else if (op == "buckets") {
    const auto order =
        f[2] == "up" ? AllBucketIterator::Order::kAscending : AllBucketIterator::Order::kDescending;
    std::string got;
    for (AllBucketIterator it(h, order); it.Next();) {
      if (!got.empty()) got += " ";
      got += ToString(it.At());
    }
    EXPECT_EQ(got, f[3]);
  } else {
    FAIL() << "unknown operation " << op;
  }
}

TEST(FloatHistogramGoldenTest, AnswersAsPrometheusDoes) {
  const char* other = std::getenv("FLOAT_HISTOGRAM_GOLDEN");
  std::string path = __FILE__;
  path = path.substr(0, path.rfind('/')) + "/testdata/float_histogram.txt";
  std::ifstream file(other == nullptr ? path : other);
  ASSERT_TRUE(file) << path;
  int line_number = 0;
  for (std::string line; std::getline(file, line);) {
    ++line_number;
    SCOPED_TRACE(line_number);
    Check(base::Split(line, '\t'));
  }
  EXPECT_GT(line_number, 100);
}

}  // namespace
}  // namespace tributary::model
