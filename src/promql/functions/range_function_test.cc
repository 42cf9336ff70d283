// Range functions against a naive reference: for each step, collect the window and compute.
#include "promql/functions/range_function.h"

#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "base/threads.h"
#include "promql/exec/block_samples.h"
#include "promql/exec/range_rows.h"
#include "storage/memory_store.h"

namespace tributary::promql {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Point {
  int64_t t;
  double v;
};
// What a window of samples amounts to; nothing when it has no result.
using Reference = std::function<std::optional<double>(const std::vector<Point>& window,
                                                      int64_t start, int64_t end)>;

// A context that no query has made.
class Fixture {
 public:
  Fixture() : pool_("test", 1), querier_(*store_.NewQuerier(0, 0)) {
    context_ = std::make_unique<QueryContext>(plan_, *querier_, pool_, QueryContext::Options{});
  }
  QueryContext& context() { return *context_; }

 private:
  QueryPlan plan_;
  base::ThreadPool pool_;
  storage::MemoryStore store_;
  std::unique_ptr<storage::Querier> querier_;
  std::unique_ptr<QueryContext> context_;
};

class OneSeries final : public SampleSource {
 public:
  explicit OneSeries(std::vector<Point> points) : points_(std::move(points)) {}
  size_t size() const override { return 1; }
  model::Labels LabelsOf(size_t) const override { return model::Labels::Of({{"__name__", "m"}}); }
  bool drop_name(size_t) const override { return false; }
  storage::LabelColumn Column(std::string_view) const override { return {{0}, {"m"}}; }
  base::Status Read(size_t, model::Timestamp mint, model::Timestamp maxt, ReadScratch*,
                    Samples* out) const override {
    out->Clear();
    for (const Point& p : points_) {
      if (p.t < mint || p.t > maxt) continue;
      out->t.push_back(p.t);
      out->v.push_back(p.v);
    }
    return {};
  }

 private:
  std::vector<Point> points_;
};

std::vector<double> RunKernel(FunctionId id, const std::vector<Point>& points, const Steps& steps,
                              int64_t range_ms) {
  Fixture fixture;
  RangeFunctionEnv env;
  env.context = &fixture.context();
  env.steps = steps;
  env.window.range_ms = range_ms;
  const auto rows = MakeRangeRows(id, env, std::make_unique<OneSeries>(points));
  std::vector<double> values(steps.count);
  Row row{values, {}};
  ReadScratch scratch;
  EXPECT_TRUE(rows->Fill(0, &scratch, &row));
  return values;
}

std::vector<double> RunNaive(const Reference& reference, const std::vector<Point>& points,
                             const Steps& steps, int64_t range_ms) {
  std::vector<double> out(steps.count, Absent());
  for (size_t i = 0; i < steps.count; i++) {
    const int64_t end = steps.at(i), start = end - range_ms;
    std::vector<Point> window;
    for (const Point& p : points) {
      if (p.t > start && p.t <= end && !model::IsStaleNaN(p.v)) window.push_back(p);
    }
    if (window.empty()) continue;
    if (const auto v = reference(window, start, end)) out[i] = *v;
  }
  return out;
}

// Prometheus's extrapolation, in seconds and word for word.
Reference Rate(bool counter, bool per_second) {
  return [=](const std::vector<Point>& w, int64_t start, int64_t end) -> std::optional<double> {
    if (w.size() < 2) return std::nullopt;
    double result = w.back().v - w.front().v;
    for (size_t i = 1; counter && i < w.size(); i++) {
      if (w[i].v < w[i - 1].v) result += w[i - 1].v;
    }
    const double sampled = static_cast<double>(w.back().t - w.front().t) / 1000;
    const double average = sampled / static_cast<double>(w.size() - 1);
    double to_start = static_cast<double>(w.front().t - start) / 1000;
    double to_end = static_cast<double>(end - w.back().t) / 1000;
    if (to_start >= average * 1.1) to_start = average / 2;
    if (counter && result > 0 && w.front().v >= 0) {
      to_start = std::min(to_start, sampled * (w.front().v / result));
    }
    if (to_end >= average * 1.1) to_end = average / 2;
    double factor = (sampled + to_start + to_end) / sampled;
    if (per_second) factor /= static_cast<double>(end - start) / 1000;
    return result * factor;
  };
}

Reference Fold(std::function<double(const std::vector<double>&)> fold) {
  return [=](const std::vector<Point>& w, int64_t, int64_t) -> std::optional<double> {
    std::vector<double> values;
    for (const Point& p : w) values.push_back(p.v);
    return fold(values);
  };
}

void ExpectSame(const std::vector<double>& got, const std::vector<double>& want,
                std::string_view what) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); i++) {
    ASSERT_EQ(IsAbsent(got[i]), IsAbsent(want[i])) << what << " at step " << i;
    if (IsAbsent(want[i]) || (std::isnan(got[i]) && std::isnan(want[i]))) continue;
    ASSERT_NEAR(got[i], want[i], 1e-12 * std::max(1.0, std::abs(want[i])))
        << what << " at step " << i;
  }
}

std::vector<Point> RandomCounter(std::mt19937& random, size_t n) {
  std::vector<Point> points;
  int64_t t = 0;
  double v = 0;
  for (size_t i = 0; i < n; i++) {
    t += std::uniform_int_distribution<int64_t>(1, 30'000)(random);
    if (random() % 10 == 0) t += 120'000;
    v = random() % 20 == 0 ? 0 : v + std::uniform_real_distribution<>(0, 10)(random);
    points.push_back({t, random() % 25 == 0 ? model::StaleNaN() : v});
  }
  return points;
}

TEST(RangeFunction, AgreesWithTheNaiveReferenceOnRandomSeries) {
  auto sum = [](const std::vector<double>& v) {
    long double total = 0;
    for (double x : v) total += x;
    return static_cast<double>(total);
  };
  struct Case {
    FunctionId id;
    const char* name;
    Reference reference;
  };
  const Case cases[] = {
      {FunctionId::kRate, "rate", Rate(true, true)},
      {FunctionId::kIncrease, "increase", Rate(true, false)},
      {FunctionId::kDelta, "delta", Rate(false, false)},
      {FunctionId::kSumOverTime, "sum_over_time", Fold(sum)},
      {FunctionId::kAvgOverTime, "avg_over_time",
       Fold([&](const auto& v) { return sum(v) / static_cast<double>(v.size()); })},
      {FunctionId::kMaxOverTime, "max_over_time",
       Fold([](const auto& v) { return *std::max_element(v.begin(), v.end()); })},
      {FunctionId::kMinOverTime, "min_over_time",
       Fold([](const auto& v) { return *std::min_element(v.begin(), v.end()); })},
      {FunctionId::kCountOverTime, "count_over_time",
       Fold([](const auto& v) { return static_cast<double>(v.size()); })},
      {FunctionId::kLastOverTime, "last_over_time", Fold([](const auto& v) { return v.back(); })},
      {FunctionId::kResets, "resets", Fold([](const auto& v) {
         double n = 0;
         for (size_t i = 1; i < v.size(); i++) n += v[i] < v[i - 1];
         return n;
       })},
      {FunctionId::kChanges, "changes", Fold([](const auto& v) {
         double n = 0;
         for (size_t i = 1; i < v.size(); i++) n += v[i] != v[i - 1];
         return n;
       })},
  };
  constexpr unsigned kSeed = 20240713;
  std::mt19937 random(kSeed);
  for (int round = 0; round < 10; round++) {
    const auto points = RandomCounter(random, 200);
    const Steps steps{.start = std::uniform_int_distribution<int64_t>(-1000, 600'000)(random),
                      .step_ms = std::uniform_int_distribution<int64_t>(500, 90'000)(random),
                      .count = 80};
    const int64_t range = std::uniform_int_distribution<int64_t>(1000, 900'000)(random);
    for (const Case& c : cases) {
      ExpectSame(RunKernel(c.id, points, steps, range), RunNaive(c.reference, points, steps, range),
                 c.name);
    }
  }
}

TEST(RangeFunction, ExtremesOfOverlappingWindowsLookPastNaN) {
  constexpr unsigned kSeed = 3;
  std::mt19937 random(kSeed);
  std::vector<Point> points;
  for (int i = 0; i < 500; i++) {
    const bool nan = random() % 4 == 0 || (i > 100 && i < 200);
    points.push_back({i * 15'000, nan ? kNaN : static_cast<double>(random() % 50)});
  }
  auto naive = [](bool max) {
    return Fold([max](const std::vector<double>& values) {
      double best = kNaN;
      for (double v : values) {
        if (std::isnan(best) || (max ? v > best : v < best)) best = v;
      }
      return best;
    });
  };
  const Steps steps{.start = 60'000, .step_ms = 20'000, .count = 380};
  ExpectSame(RunKernel(FunctionId::kMaxOverTime, points, steps, 300'000),
             RunNaive(naive(true), points, steps, 300'000), "max_over_time");
  ExpectSame(RunKernel(FunctionId::kMinOverTime, points, steps, 300'000),
             RunNaive(naive(false), points, steps, 300'000), "min_over_time");
}

TEST(RangeFunction, SumsOfIntegersAreExactHoweverTheyAreMade) {
  constexpr unsigned kSeed = 11;
  std::mt19937 random(kSeed);
  std::vector<Point> points;
  for (int i = 0; i < 500; i++) {
    points.push_back({i * 15'000, std::floor(std::uniform_real_distribution<>(-1e6, 1e6)(random))});
  }
  auto sum = [](const std::vector<double>& v) {
    double total = 0;
    for (double x : v) total += x;
    return total;
  };
  const Steps steps{.start = 600'000, .step_ms = 15'000, .count = 400};
  ExpectSame(RunKernel(FunctionId::kSumOverTime, points, steps, 1'800'000),
             RunNaive(Fold(sum), points, steps, 1'800'000), "sum_over_time");
  ExpectSame(RunKernel(FunctionId::kAvgOverTime, points, steps, 1'800'000),
             RunNaive(Fold([&](const auto& v) { return sum(v) / static_cast<double>(v.size()); }),
                      points, steps, 1'800'000),
             "avg_over_time");
}

TEST(RangeFunction, ExtrapolationJumpsExactlyWherePrometheusDoes) {
  // Samples every 15 s; the threshold is 16.5 s before the first sample.
  auto f = [](int64_t gap_ms, double want) {
    std::vector<Point> points;
    for (int i = 0; i < 16; i++) points.push_back({gap_ms + i * 15'000, 100.0 + i});
    const int64_t end = points.back().t;
    const auto got = RunKernel(FunctionId::kIncrease, points, {.start = end}, end);
    ASSERT_NEAR(got[0], want, 1e-9) << gap_ms;
  };
  f(16'499, 15 * (225 + 16.499) / 225);
  f(16'500, 15 * (225 + 7.5) / 225);
  f(16'501, 15 * (225 + 7.5) / 225);
}

TEST(RangeFunction, SamplesAtTheOpenEndOfTheWindowAreLeftOut) {
  auto f = [](std::vector<Point> points, double want) {
    const auto got = RunKernel(FunctionId::kCountOverTime, points, {.start = 100}, 50);
    if (std::isnan(want)) {
      EXPECT_TRUE(IsAbsent(got[0]));
    } else {
      EXPECT_EQ(got[0], want);
    }
  };
  f({{50, 1}}, kNaN);
  f({{51, 1}}, 1);
  f({{51, 1}, {100, 1}}, 2);
  f({{51, 1}, {101, 1}}, 1);
}

}  // namespace
}  // namespace tributary::promql
