// The engine beside the reference evaluator, on random questions over random data. The seed is
// printed; settings:
//
//   TRIBUTARY_SEED            of data and questions (default 1)
//   TRIBUTARY_RANDOM_QUERIES  how many questions (default 2000)
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <initializer_list>
#include <iostream>
#include <map>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/metrics.h"
#include "base/threads.h"
#include "evaluator.h"
#include "promql/engine.h"
#include "promql/parse/parser.h"
#include "random_query.h"
#include "storage/memory_store.h"

namespace tributary::reference {
namespace {

uint64_t Setting(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// What is compared: by labels, by time.
using Answer = std::map<model::Labels, std::map<int64_t, Point>>;

bool Has(const std::string& text, std::initializer_list<const char*> words) {
  return std::ranges::any_of(
      words, [&](const char* word) { return text.find(word) != std::string::npos; });
}

// Sums and rates are the same up to rounding, and the spread of large numbers (times) has few
// digits left.
double ToleranceOf(const std::string& query) {
  return Has(query, {"stddev", "stdvar"}) ? 1e-5 : 1e-9;
}

// What turns rounding into another answer altogether.
bool MagnifiesRounding(const std::string& query) {
  const bool jumps = Has(query, {"count_values", "floor", "ceil", "round", " % ", "sgn",
                                 "==", "!=", "<", ">", "changes", "resets", "topk", "bottomk"});
  const bool rounds = Has(query, {"rate", "increase", "delta", "stddev", "stdvar", "avg", "deriv",
                                  "predict_linear", "quantile", "smoothing", "sum", "sin", "cos",
                                  "tan", "exp", "ln", "log", "deg", "rad"});
  // A step down in the last digit is a reset; the angle of a very large number is any angle.
  const bool spreads = Has(query, {"stddev", "stdvar"});
  return (jumps && rounds) || (spreads && Has(query, {"rate", "increase", "sin", "cos", "tan"}));
}

std::string Show(const Point& point) {
  if (!point.h) return fmt::format("{}", point.v);
  const Bars& h = *point.h;
  std::string out = fmt::format("{{schema {} bounds {} zero {} count {} sum {}", h.schema,
                                fmt::join(h.bounds, ","), h.zero, h.count, h.sum);
  for (const auto& [index, count] : h.negative) out += fmt::format(" -{}:{}", index, count);
  for (const auto& [index, count] : h.positive) out += fmt::format(" {}:{}", index, count);
  return out + "}";
}

std::string Show(const Answer& answer) {
  std::string out;
  for (const auto& [labels, points] : answer) {
    out += labels.ToString();
    for (const auto& [t, p] : points) out += fmt::format(" {}@{}", Show(p), t);
    out += "\n";
  }
  return out.substr(0, 2000);
}

bool Same(const Answer& a, const Answer& b, double tolerance) {
  return std::ranges::equal(a, b, [&](const auto& x, const auto& y) {
    return x.first == y.first &&
           std::ranges::equal(x.second, y.second, [&](const auto& p, const auto& q) {
             const Point &left = p.second, &right = q.second;
             if (p.first != q.first || left.h.has_value() != right.h.has_value()) return false;
             return left.h ? SameBars(*left.h, *right.h, tolerance)
                           : Close(left.v, right.v, tolerance);
           });
  });
}

bool HasHistograms(const Answer& answer) {
  return std::ranges::any_of(answer, [](const auto& row) {
    return std::ranges::any_of(row.second, [](const auto& p) { return p.second.h.has_value(); });
  });
}

Answer FromEngine(const promql::Value& value) {
  Answer out;
  const auto histogram = [](const auto& h) { return Point{0, BarsOf(*h)}; };
  if (const auto* scalar = std::get_if<promql::Scalar>(&value)) out[{}][scalar->t] = {scalar->v};
  if (const auto* vector = std::get_if<promql::Vector>(&value)) {
    for (const auto& s : *vector) out[s.metric][s.t] = s.h ? histogram(s.h) : Point{s.v};
  }
  if (const auto* matrix = std::get_if<promql::Matrix>(&value)) {
    for (const auto& row : *matrix) {
      for (const auto& s : row.floats) out[row.metric][s.t] = {s.v};
      for (const auto& s : row.histograms) out[row.metric][s.t] = histogram(s.h);
    }
  }
  return out;
}

base::Result<Answer> FromReference(const std::vector<DataSeries>& data, const promql::Expr& expr,
                                   Evaluator::Query query) {
  Answer out;
  const Evaluator evaluator(data, query);
  const int64_t step = std::max<int64_t>(query.step_ms, 1);
  for (model::Timestamp t = query.start; t <= query.end; t += step) {
    ASSIGN_OR_RETURN(const Value value, evaluator.At(expr, t));
    if (const auto* scalar = std::get_if<double>(&value)) out[{}][t] = {*scalar};
    if (const auto* vector = std::get_if<Vector>(&value)) {
      for (const Element& e : *vector) out[e.labels][t] = {e.v, e.h};
    }
    if (const auto* matrix = std::get_if<Matrix>(&value)) {
      for (const Window& w : matrix->windows) {
        for (const model::Sample& s : w.samples) out[w.labels][s.t] = {s.v};
        for (const HistogramSample& s : w.histograms) out[w.labels][s.t] = {0, s.h};
      }
    }
  }
  return out;
}

TEST(ReferenceTest, TheEngineAgreesOnRandomQueries) {
  const uint64_t seed = Setting("TRIBUTARY_SEED", 1);
  const uint64_t count = Setting("TRIBUTARY_RANDOM_QUERIES", 2000);
  const auto data = RandomData(seed, /*with_histograms=*/true);
  storage::MemoryStore store;
  ASSERT_TRUE(StoreData(data, store));
  base::ThreadPool pool("reference_test", 2);
  base::MetricsRegistry metrics;
  promql::EngineOptions options;
  options.features = {.experimental_functions = true,
                      .extended_range_selectors = true,
                      .binop_fill_modifiers = true};
  const auto engine = promql::Engine::Create(options, pool, metrics);
  QueryGenerator generator(seed, Dialect::kFull);
  uint64_t compared = 0, with_histograms = 0, failed = 0, unknown = 0, rounded = 0;
  for (uint64_t i = 0; i < count && failed < 20; i++) {
    const RandomQuery q = generator.Next();
    const auto expr = promql::ParseExpr(q.text, {.experimental_functions = true,
                                                 .extended_range_selectors = true,
                                                 .binop_fill_modifiers = true});
    if (!expr) continue;
    for (const bool range : {false, true}) {
      if (range && promql::TypeOf(**expr) == promql::ValueType::kMatrix) continue;
      const auto theirs = FromReference(
          data, **expr,
          range ? Evaluator::Query{q.start, q.end, q.step} : Evaluator::Query{q.time, q.time, 0});
      if (!theirs && theirs.error().code() == base::ErrorCode::kUnimplemented) {
        unknown++;
        continue;
      }
      const auto ours = range ? engine->Range(store, q.text, q.start, q.end, q.step, {})
                              : engine->Instant(store, q.text, q.time, {});
      compared++;
      with_histograms += theirs && HasHistograms(*theirs);
      const std::string place =
          fmt::format("seed {}: {} {} at {} or {}..{} by {}", seed, range ? "range" : "instant",
                      q.text, q.time, q.start, q.end, q.step);
      // An error at a step of a subquery that no window looks at is one for the engine, as for
      // Prometheus, which evaluate all of its steps at once.
      const bool unseen = !ours && theirs && q.text.find(':') != std::string::npos;
      if (unseen) {
        unknown++;
      } else if (ours.has_value() != theirs.has_value()) {
        failed++;
        ADD_FAILURE() << place << "\nengine: " << (ours ? "ok" : ours.error().message())
                      << "\nreference: " << (theirs ? "ok" : theirs.error().message());
      } else if (ours && !Same(FromEngine(ours->value), *theirs, ToleranceOf(q.text))) {
        if (MagnifiesRounding(q.text)) {
          rounded++;
          continue;
        }
        failed++;
        ADD_FAILURE() << place << "\nengine:\n"
                      << Show(FromEngine(ours->value)) << "reference:\n"
                      << Show(*theirs);
      }
    }
  }
  std::cout << "seed " << seed << ": " << compared << " answers compared, " << failed
            << " differences, " << with_histograms << " with histograms, " << rounded
            << " more where rounding decides, " << unknown << " the reference does not know\n";
  EXPECT_GT(compared, unknown);
  EXPECT_GT(with_histograms, compared / 50);
  EXPECT_LE(rounded, compared / 200);
}

}  // namespace
}  // namespace tributary::reference
