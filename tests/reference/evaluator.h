// A second witness of what PromQL means: walks the syntax tree anew for every step and looks at one
// sample after the other. Slow, and simple enough to be checked by reading. Shares the parser and
// the model with the engine, nothing that evaluates.
//
// What it does not know (info(), absent(), extended selectors, limit_ratio, quantiles and spread of
// native histograms, those in subqueries, resets of those that are gauges, which are another matter
// within histogram_count() and the like, results that depend on which of equal series is taken) is
// kUnimplemented.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "bars.h"
#include "base/result.h"
#include "model/labels.h"
#include "model/sample.h"
#include "promql/parse/ast.h"
#include "random_data.h"

namespace tributary::reference {

struct Element {
  model::Labels labels;
  double v = 0;
  std::optional<Bars> h = {};  // then there is no v
};
using Vector = std::vector<Element>;

struct HistogramSample {
  model::Timestamp t = 0;
  Bars h;
};
// Samples of one series in the window (start, end].
struct Window {
  model::Labels labels;
  std::vector<model::Sample> samples;
  std::vector<HistogramSample> histograms = {};
};
struct Matrix {
  model::Timestamp start = 0, end = 0;
  std::vector<Window> windows;
};

using Value = std::variant<double, std::string, Vector, Matrix>;

class Evaluator {
 public:
  struct Query {
    model::Timestamp start = 0, end = 0;
    int64_t step_ms = 0;  // 0: an instant query at start
  };
  Evaluator(const std::vector<DataSeries>& data, Query query) : data_(data), query_(query) {}

  base::Result<Value> At(const promql::Expr& expr, model::Timestamp t) const;

 private:
  base::Result<double> Scalar(const promql::Expr& expr, model::Timestamp t) const;
  base::Result<Vector> Instant(const promql::Expr& expr, model::Timestamp t) const;
  base::Result<Matrix> Range(const promql::Expr& expr, model::Timestamp t) const;
  base::Result<Value> CallAt(const promql::Call& call, model::Timestamp t) const;
  base::Result<Value> BinaryAt(const promql::BinaryExpr& binary, model::Timestamp t) const;
  base::Result<Vector> AggregateAt(const promql::AggregateExpr& expr, model::Timestamp t) const;

  // The time that @ and offset make of t.
  base::Result<model::Timestamp> Shift(const promql::AtModifier& at, int64_t offset_ms,
                                       const promql::DurationExpr* offset_expr,
                                       model::Timestamp t) const;
  base::Result<double> Duration(const promql::Expr& expr) const;  // seconds
  base::Result<int64_t> DurationMs(int64_t literal_ms, const promql::DurationExpr* expr) const;
  // The newest sample not older than the lookback, unless it is a staleness marker.
  std::vector<std::pair<model::Labels, const DataSample*>> Newest(
      const promql::VectorSelector& selector, model::Timestamp when) const;

  const std::vector<DataSeries>& data_;
  const Query query_;
};

// Pieces of the evaluator, by subject.
model::Labels WithoutName(const model::Labels& labels);
base::Error Unimplemented(const char* what);
base::Status CheckNoDuplicates(const Vector& vector);

// A value without its labels.
struct Point {
  double v = 0;
  std::optional<Bars> h = {};
};
// No value: the window gives no result.
base::Result<std::optional<Point>> OverWindow(promql::FunctionId id, const Window& window,
                                              model::Timestamp start, model::Timestamp end,
                                              model::Timestamp t,
                                              const std::vector<double>& scalars);
// Functions of one number.
std::optional<double> MathFunction(promql::FunctionId id, double v);
base::Result<Vector> Aggregate(const promql::AggregateExpr& expr, const Vector& operand,
                               double param);
base::Result<Vector> CombineVectors(const promql::BinaryExpr& binary, const Vector& lhs,
                                    const Vector& rhs);
// As Go's math.Max and math.Min: an infinity wins over NaN, and that over numbers.
double Larger(double a, double b);
double Smaller(double a, double b);
// The value, and whether a filter keeps it.
std::pair<double, bool> Operate(promql::BinaryOp op, double a, double b);
struct Combined {
  Point value;
  bool keep = true;
};
// The same of floats and histograms. No value: they cannot be combined in this way.
base::Result<std::optional<Combined>> Combine(promql::BinaryOp op, const Element& a,
                                              const Element& b);
base::Result<Vector> HistogramQuantile(double q, const Vector& buckets);
double Quantile(double q, std::vector<double> values);
// Sum and mean as PromQL defines them: with Kahan's compensation.
double Sum(const std::vector<double>& values);
double Mean(const std::vector<double>& values);
double Variance(const std::vector<double>& values);

}  // namespace tributary::reference
