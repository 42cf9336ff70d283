// The engine over a small store: what crosses parser, plan and operators. The bulk of behaviour is
// covered by Prometheus's own scripts (tests/promqltest).
#include "promql/engine.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "promql/parse/parser.h"
#include "storage/memory_store.h"

namespace tributary::promql {
namespace {

class EngineTest : public testing::Test {
 protected:
  EngineTest() { Configure({}); }

  void Configure(EngineOptions options) {
    metrics_ = std::make_unique<base::MetricsRegistry>();
    engine_ = Engine::Create(std::move(options), pool_, *metrics_);
  }

  // Values at 0, 1 min, 2 min, …
  void Load(std::string_view metric, const std::vector<double>& values) {
    std::vector<model::Sample> samples;
    for (size_t i = 0; i < values.size(); i++) {
      samples.push_back({static_cast<int64_t>(i) * 60'000, values[i]});
    }
    ASSERT_TRUE(store_.Add(*ParseMetric(metric), samples));
  }

  // "{a="b"} 1; {a="c"} 2", or "error: …".
  std::string At(std::string_view query, int64_t minute, const QueryOptions& options = {}) {
    auto result = engine_->Instant(store_, query, minute * 60'000, options);
    if (!result) return "error: " + result.error().message();
    if (const auto* scalar = std::get_if<Scalar>(&result->value)) {
      return base::FormatFloat(scalar->v);
    }
    if (const auto* text = std::get_if<String>(&result->value)) return text->v;
    std::vector<std::string> parts;
    if (const auto* matrix = std::get_if<Matrix>(&result->value)) return Rows(*matrix);
    for (const auto& s : std::get<Vector>(result->value)) {
      parts.push_back(s.metric.ToMetricString() + " " + base::FormatFloat(s.v));
    }
    return base::Join(parts, "; ");
  }

  std::string Over(std::string_view query, int64_t from_minute, int64_t to_minute,
                   int64_t step_minutes) {
    auto result = engine_->Range(store_, query, from_minute * 60'000, to_minute * 60'000,
                                 step_minutes * 60'000, {});
    if (!result) return "error: " + result.error().message();
    return Rows(std::get<Matrix>(result->value));
  }

  static std::string Rows(const Matrix& matrix) {
    std::vector<std::string> parts;
    for (const auto& series : matrix) {
      std::string row = series.metric.ToMetricString();
      for (const auto& s : series.floats) {
        row += fmt::format(" {}@{}", base::FormatFloat(s.v), s.t / 60'000);
      }
      parts.push_back(row);
    }
    return base::Join(parts, "; ");
  }

  base::ThreadPool pool_{"engine_test", 2};
  std::unique_ptr<base::MetricsRegistry> metrics_;
  std::unique_ptr<Engine> engine_;
  storage::MemoryStore store_;
};

TEST_F(EngineTest, BlamesASignedOperandWithItsSign) {
  auto h = std::make_shared<model::FloatHistogram>();
  h->count = 1;
  ASSERT_TRUE(store_.Add(*ParseMetric("native"), 0, *h));
  const auto result = engine_->Instant(store_, "stdvar(+native)", 0, {});
  ASSERT_TRUE(result) << result.error().message();
  ASSERT_EQ(result->annotations.infos.size(), 1u);
  EXPECT_EQ(result->annotations.infos[0],
            "PromQL info: ignored histogram in stdvar aggregation (1:8)");
}

TEST_F(EngineTest, AnswersInstantQueries) {
  Load("up{job=\"a\"}", {1, 1, 1});
  Load("up{job=\"b\"}", {0, 0, 3});
  auto f = [&](std::string_view query, std::string_view want) {
    EXPECT_EQ(At(query, 2), want) << query;
  };
  f("1 + 2 * 3", "7");
  f("\"text\"", "text");
  f("time()", "120");
  f("sum(up)", "{} 4");
  f("up > 1", "up{job=\"b\"} 3");
  f("up * 2", "{job=\"a\"} 2; {job=\"b\"} 6");
  f("sort_desc(up)", "up{job=\"b\"} 3; up{job=\"a\"} 1");
  f("topk(1, up)", "up{job=\"b\"} 3");
  f("up offset 1m", "up{job=\"a\"} 1; up{job=\"b\"} 0");
  f("up{job=\"b\"} @ 0", "up{job=\"b\"} 0");
  f("max_over_time(up{job=\"b\"}[2m:1m])", "{job=\"b\"} 3");
  f("absent(down{job=\"x\"})", "{job=\"x\"} 1");
  f("up[2m]", "up{job=\"a\"} 1@1 1@2; up{job=\"b\"} 0@1 3@2");
}

TEST_F(EngineTest, AnswersRangeQueriesSortedByLabels) {
  Load("b", {1, 2, 3});
  Load("a", {4, 5, 6});
  EXPECT_EQ(Over("{__name__=~\"a|b\"}", 0, 2, 1), "a 4@0 5@1 6@2; b 1@0 2@1 3@2");
  EXPECT_EQ(Over("sum({__name__=~\"a|b\"})", 0, 2, 2), "{} 5@0 9@2");
  EXPECT_EQ(Over("a @ 0 + b", 0, 2, 1), "{} 5@0 6@1 7@2");
}

TEST_F(EngineTest, FoldsManySeriesLikeFew) {
  // Enough series for parallel shards: by part (one group) and by group (many).
  constexpr int kSeries = 3000;
  for (int i = 0; i < kSeries; i++) {
    Load(fmt::format("m{{i=\"{}\",g=\"{}\"}}", i, i % 100), {1.0 * i, 2.0 * i, 3.0 * i});
  }
  const double total = 3.0 * kSeries * (kSeries - 1) / 2;
  EXPECT_EQ(At("sum(m)", 2), "{} " + base::FormatFloat(total));
  EXPECT_EQ(At("count(m)", 2), "{} 3000");
  EXPECT_EQ(At("max(m)", 2), "{} 8997");
  EXPECT_EQ(At("avg(m)", 2), "{} " + base::FormatFloat(total / kSeries));
  EXPECT_EQ(At("sum(sum by (g) (m))", 2), "{} " + base::FormatFloat(total));
  EXPECT_EQ(At("count(count without (i) (m))", 2), "{} 100");
  EXPECT_EQ(At("sum by (g) (m{g=\"7\"})", 2), "{g=\"7\"} 131130");
}

TEST_F(EngineTest, ScalarArithmeticIsTheSameWithinAnAggregation) {
  Load("a_total{x=\"1\"}", {0, 60, 120});
  Load("a_total{x=\"2\"}", {0, 120, 240});
  auto f = [&](std::string_view vector, std::string_view sum) {
    EXPECT_EQ(At("sum(" + std::string(vector) + ")", 2), sum) << vector;
    // Materialised first.
    EXPECT_EQ(At("sum(sort(" + std::string(vector) + "))", 2), sum) << vector;
  };
  f("rate(a_total[2m]) * 8", "{} 24");
  f("10 - rate(a_total[2m])", "{} 17");
  f("100 * (1 - rate(a_total[2m]))", "{} -100");
  f("rate(a_total[2m]) + scalar(vector(1))", "{} 5");
}

TEST_F(EngineTest, AbsentOverTimeDoesNotMindEqualLabels) {
  Load("a", {1, 1, 1});
  Load("b", {1, 1, 1});
  EXPECT_EQ(At("absent_over_time({__name__=~\"a|b\"}[2m])", 2), "");
  EXPECT_EQ(At("absent_over_time({__name__=~\"c|d\",x=\"y\"}[2m])", 2), "{x=\"y\"} 1");
}

TEST_F(EngineTest, RefusesWhatBreaksABudget) {
  for (int i = 0; i < 20; i++) Load(fmt::format("m{{i=\"{}\"}}", i), {1, 2, 3, 4, 5});
  EngineOptions options;
  options.max_samples = 10;
  Configure(options);
  EXPECT_EQ(At("m", 2),
            "error: query processing would load too many samples into memory in query execution");
  EXPECT_EQ(At("sum(m)", 2), "{} 60") << "rows that are folded away are not held";
  EXPECT_EQ(At("vector(1)[100y:1ms]", 2),
            "error: query processing would load too many samples into memory in query execution");
}

TEST_F(EngineTest, ALimitOfOursNamesItselfAndTheSelector) {
  for (int i = 0; i < 20; i++) {
    Load(fmt::format("m{{i=\"{}\"}}", i), {1, 2, 3, 4, 5});
    if (i < 5) Load(fmt::format("few{{i=\"{}\"}}", i), {1, 2, 3, 4, 5});
  }
  EngineOptions options;
  options.max_bytes = 100;
  Configure(options);
  const std::string bytes =
      "error: query would hold more memory than the 100 bytes that --query.max-bytes allows, for ";
  EXPECT_EQ(At("sum(few) + on()\n  sum(sort(m))", 2), bytes + "m at 2:12");
  EXPECT_EQ(At("count_values(\"v\", m offset 1m)", 2), bytes + "m offset 1m at 1:19");
  EXPECT_EQ(At("sum(m)", 2), "{} 60") << "rows that are folded away are not held";
  EXPECT_EQ(At("vector(1) + vector(2)", 2), "{} 3");
  EXPECT_EQ(At("few + m", 2), bytes + "m at 1:7");

  options.max_bytes = 0;
  options.max_series = 20;
  Configure(options);
  EXPECT_EQ(At("sum(m)", 2), "{} 60");
  EXPECT_EQ(At("sum(m) + sum(m)", 2), "{} 120") << "a shared selection is read once";
  EXPECT_EQ(At("sum(few) + sum(rate(m[5m]))", 2),
            "error: query would read 25 series, 20 of them for m at 1:21; --query.max-series "
            "allows 20");
}

TEST_F(EngineTest, ExplainsWhatItDid) {
  for (int i = 0; i < 2400; i++) Load(fmt::format("m_total{{i=\"{}\"}}", i), {1, 2, 3, 4, 5});
  QueryOptions options;
  options.explain = true;
  const auto result =
      engine_->Range(store_, "sum(rate(m_total[2m]) * (2 * 4)) / count(m_total @ 0)", 60'000,
                     240'000, 60'000, options);
  ASSERT_TRUE(result);
  ASSERT_NE(result->profile, nullptr);
  ASSERT_EQ(result->profile->selections.size(), 1u) << "equal selectors are read once";
  EXPECT_EQ(result->profile->selections[0].readers, 2u);
  EXPECT_EQ(result->profile->selections[0].series, 2400u);

  // "name rows fused(inputs)"
  std::function<std::string(const OperatorProfile&)> outline = [&](const OperatorProfile& op) {
    std::vector<std::string> inputs;
    for (const auto& input : op.inputs) inputs.push_back(outline(input));
    return fmt::format("{} {}{}{}", op.name, op.rows, op.fused ? " fused" : "",
                       inputs.empty() ? "" : "(" + base::Join(inputs, ", ") + ")");
  };
  EXPECT_EQ(outline(result->profile->root),
            "binary / 1(aggregate sum 1(binary * 2400 fused(function rate 2400 fused(select range "
            "2400 fused), constant 1)), "
            "evaluate once 1(aggregate count 1(select 2400 fused)))");
  const OperatorProfile& sum = result->profile->root.inputs[0];
  EXPECT_EQ(sum.text, "sum(rate(m_total[2m]) * (2 * 4))");
  EXPECT_EQ(sum.bytes, 4 * sizeof(double));
  EXPECT_EQ(sum.samples, 0u);
  EXPECT_GT(sum.tasks, 1u);
  EXPECT_GT(sum.seconds, 0);
  const OperatorProfile& range = sum.inputs[0].inputs[0].inputs[0];
  EXPECT_EQ(range.samples, 2400u * 2 * 4) << "two in each of four windows";
  EXPECT_EQ(range.selection, 0u);
  EXPECT_EQ(result->profile->root.inputs[1].inputs[0].inputs[0].samples, 2400u);
}

TEST_F(EngineTest, CountsSamplesAsPrometheusDoes) {
  Load("m", {1, 2, 3, 4, 5, 6});
  QueryOptions options;
  options.per_step_stats = true;
  // From minute 1 to 3: samples looked at / read by step.
  auto f = [&](std::string_view query, std::string_view want) {
    const auto result = engine_->Range(store_, query, 60'000, 180'000, 60'000, options);
    ASSERT_TRUE(result) << query;
    const QueryStats& stats = result->stats;
    EXPECT_EQ(
        fmt::format("{}: {} / {}: {}", stats.total_samples, fmt::join(stats.samples_per_step, " "),
                    stats.samples_read, fmt::join(stats.samples_read_per_step, " ")),
        want)
        << query;
  };
  f("m", "3: 1 1 1 / 3: 1 1 1");
  f("sum_over_time(m[3m])", "8: 2 3 3 / 4: 2 1 1");
  f("sum_over_time(m[1s])", "3: 1 1 1 / 3: 1 1 1");
  f("m @ 0", "3: 1 1 1 / 1: 1 0 0");
  f("sum_over_time(m[2m:1m])", "6: 2 2 2 / 4: 2 1 1");
  f("timestamp(m) + m", "6: 2 2 2 / 6: 2 2 2");
  f("vector(1)", "0: 0 0 0 / 0: 0 0 0");
}

TEST_F(EngineTest, AGridSaysWhatAMatrixSays) {
  Load("b", {1, 2, 3});
  Load("a", {4});
  QueryOptions options;
  options.grid = true;
  options.lookback_delta_ms = 60'000;
  const auto result = engine_->Range(store_, "{__name__=~\"a|b|c\"}", 0, 120'000, 60'000, options);
  ASSERT_TRUE(result);
  const Grid& grid = std::get<Grid>(result->value);
  ASSERT_EQ(grid.rows.size(), 2u);
  EXPECT_EQ(grid.rows[0].metric.ToMetricString(), "a");
  EXPECT_EQ(grid.rows[0].values[0], 4);
  EXPECT_TRUE(model::IsStaleNaN(grid.rows[0].values[1]));
  EXPECT_EQ(grid.rows[1].metric.ToMetricString(), "b");
  EXPECT_EQ(grid.rows[1].values[2], 3);
  EXPECT_EQ(grid.at(2), 120'000);
}

TEST_F(EngineTest, StopsWhenCancelled) {
  Load("m", {1});
  QueryOptions options;
  options.cancelled = [] { return true; };
  const auto result = engine_->Instant(store_, "m", 0, options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), base::ErrorCode::kCancelled);
}

TEST_F(EngineTest, TellsBadTextFromBadData) {
  Load("a{x=\"1\"}", {1});
  Load("a{x=\"2\"}", {1});
  auto f = [&](std::string_view query, base::ErrorCode want) {
    const auto result = engine_->Instant(store_, query, 0, {});
    ASSERT_FALSE(result) << query;
    EXPECT_EQ(result.error().code(), want) << result.error().message();
  };
  f("sum(", base::ErrorCode::kInvalidArgument);
  f("a[step()]", base::ErrorCode::kInvalidArgument);
  f("a + on() a", base::ErrorCode::kExecution);
  EXPECT_EQ(Over("a[5m]", 0, 1, 1),
            "error: invalid expression type \"range vector\" for range query, must be Scalar or "
            "instant Vector");
}

TEST_F(EngineTest, NamesAreDroppedAtOnceUnlessDelayed) {
  Load("a_total", {1, 2, 3});
  Load("b_total", {1, 3, 5});
  const char* query = "rate({__name__=~\"._total\"}[2m])";
  EXPECT_EQ(At(query, 2), "error: vector cannot contain metrics with the same labelset");
  EXPECT_EQ(At(std::string("sum(") + query + ")", 2),
            "error: vector cannot contain metrics with the same labelset");
  EngineOptions options;
  options.features.delayed_name_removal = true;
  Configure(options);
  EXPECT_EQ(At("label_replace(rate({__name__=~\"._total\"}[2m]), \"n\", \"$1\", \"__name__\", "
               "\"(.*)\") * 60",
               2),
            "{n=\"a_total\"} 1; {n=\"b_total\"} 2");
}

TEST_F(EngineTest, SubqueriesLieOnTheirOwnGrid) {
  Load("m", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  // At 9 min the grid of 4 min within (1 min, 9 min] is 4 min and 8 min.
  EXPECT_EQ(At("m[8m:4m]", 9), "m 4@4 8@8");
  EXPECT_EQ(At("sum_over_time(m[8m:4m])", 9), "{} 12");
}

TEST_F(EngineTest, AnnotationsTellWhereInTheTextTheyBelong) {
  Load("requests", {1, 2, 3});
  const auto result = engine_->Instant(store_, "1 +\n rate(requests[2m])", 120'000, {});
  ASSERT_TRUE(result);
  ASSERT_EQ(result->annotations.infos.size(), 1u);
  EXPECT_EQ(result->annotations.infos[0],
            "PromQL info: metric might not be a counter, name does not end in "
            "_total/_sum/_count/_bucket: \"requests\" (2:7)");
}

}  // namespace
}  // namespace tributary::promql
