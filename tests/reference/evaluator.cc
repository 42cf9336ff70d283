#include "evaluator.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <re2/re2.h>

namespace tributary::reference {

using namespace promql;  // NOLINT(google-build-using-namespace)
using VectorResult = base::Result<reference::Vector>;
using reference::Matrix;
using reference::Vector;

namespace {

constexpr int64_t kLookbackMs = 300'000;
constexpr int64_t kDefaultSubqueryStepMs = 60'000;

bool Selects(const VectorSelector& selector, const model::Labels& labels) {
  return std::ranges::all_of(
      selector.matchers, [&](const model::Matcher& m) { return m.Matches(labels.Get(m.name())); });
}

const Expr& Unwrap(const Expr& expr) {
  const auto* paren = DynAs<ParenExpr>(&expr);
  return paren == nullptr ? expr : Unwrap(*paren->expr);
}

// Does not change from step to step. As in Prometheus, of an aggregation the operand decides.
bool Pinned(const Expr& expr) {
  if (const auto* selector = DynAs<VectorSelector>(&expr)) {
    return selector->at.kind != AtKind::kNone;
  }
  if (const auto* subquery = DynAs<SubqueryExpr>(&expr)) {
    return subquery->at.kind != AtKind::kNone;
  }
  if (const auto* aggregate = DynAs<AggregateExpr>(&expr)) return Pinned(*aggregate->expr);
  if (const auto* call = DynAs<Call>(&expr)) {
    const std::set<FunctionId> timely = {
        FunctionId::kTime,      FunctionId::kTimestamp,  FunctionId::kPredictLinear,
        FunctionId::kHour,      FunctionId::kMinute,     FunctionId::kMonth,
        FunctionId::kYear,      FunctionId::kDayOfMonth, FunctionId::kDayOfWeek,
        FunctionId::kDayOfYear, FunctionId::kDaysInMonth};
    if (timely.contains(call->function->id)) return false;
  }
  bool pinned = true;
  ForEachChild(expr, [&](const Expr& child) { pinned = pinned && Pinned(child); });
  return pinned;
}

// Functions of one element; the others pass over histograms.
bool TakesHistograms(FunctionId id) {
  const std::set<FunctionId> takers = {FunctionId::kHistogramCount,  FunctionId::kHistogramSum,
                                       FunctionId::kHistogramAvg,    FunctionId::kHistogramStddev,
                                       FunctionId::kHistogramStdvar, FunctionId::kSortByLabel,
                                       FunctionId::kSortByLabelDesc, FunctionId::kTimestamp,
                                       FunctionId::kLabelReplace,    FunctionId::kLabelJoin};
  return takers.contains(id);
}

}  // namespace

model::Labels WithoutName(const model::Labels& labels) {
  return model::LabelsBuilder(labels).Del("__name__").Build();
}

base::Error Unimplemented(const char* what) { return {base::ErrorCode::kUnimplemented, what}; }

base::Status CheckNoDuplicates(const Vector& vector) {
  std::set<model::Labels> seen;
  for (const Element& e : vector) {
    if (!seen.insert(e.labels).second) {
      return base::Error(base::ErrorCode::kExecution,
                         "vector cannot contain metrics with the same labelset");
    }
  }
  return {};
}

base::Result<double> Evaluator::Duration(const Expr& expr) const {
  if (const auto* number = DynAs<NumberLiteral>(&expr)) return number->value;
  const auto& duration = As<DurationExpr>(expr);
  if (duration.op == DurationOp::kStep) return static_cast<double>(query_.step_ms) / 1000;
  if (duration.op == DurationOp::kRange) {
    return static_cast<double>(query_.end - query_.start) / 1000;
  }
  ASSIGN_OR_RETURN(const double b, Duration(*duration.rhs));
  if (!duration.lhs) return duration.op == DurationOp::kSub ? -b : b;
  ASSIGN_OR_RETURN(const double a, Duration(*duration.lhs));
  switch (duration.op) {
    case DurationOp::kAdd:
      return a + b;
    case DurationOp::kSub:
      return a - b;
    case DurationOp::kMul:
      return a * b;
    case DurationOp::kDiv:
      return a / b;
    case DurationOp::kMod:
      return std::fmod(a, b);
    case DurationOp::kPow:
      return std::pow(a, b);
    case DurationOp::kMinOf:
      return std::min(a, b);
    default:
      return std::max(a, b);
  }
}

base::Result<int64_t> Evaluator::DurationMs(int64_t literal_ms, const DurationExpr* expr) const {
  if (expr == nullptr) return literal_ms;
  ASSIGN_OR_RETURN(const double seconds, Duration(*expr));
  return static_cast<int64_t>(std::llround(seconds * 1000));
}

base::Result<model::Timestamp> Evaluator::Shift(const AtModifier& at, int64_t offset_ms,
                                                const DurationExpr* offset_expr,
                                                model::Timestamp t) const {
  ASSIGN_OR_RETURN(const int64_t offset, DurationMs(offset_ms, offset_expr));
  if (at.kind == AtKind::kTimestamp) t = at.timestamp_ms;
  if (at.kind == AtKind::kStart) t = query_.start;
  if (at.kind == AtKind::kEnd) t = query_.end;
  return t - offset;
}

std::vector<std::pair<model::Labels, const DataSample*>> Evaluator::Newest(
    const VectorSelector& selector, model::Timestamp when) const {
  std::vector<std::pair<model::Labels, const DataSample*>> out;
  for (const DataSeries& series : data_) {
    if (!Selects(selector, series.labels)) continue;
    const DataSample* newest = nullptr;
    for (const DataSample& s : series.samples) {
      if (s.t <= when && s.t > when - kLookbackMs) newest = &s;
    }
    if (newest == nullptr || model::IsStaleNaN(newest->v)) continue;
    out.emplace_back(series.labels, newest);
  }
  return out;
}

base::Result<Matrix> Evaluator::Range(const Expr& wrapped, model::Timestamp t) const {
  const Expr& expr = Unwrap(wrapped);
  Matrix matrix;
  if (const auto* range = DynAs<MatrixSelector>(&expr)) {
    const VectorSelector& selector = range->vector();
    if (selector.anchored || selector.smoothed) return Unimplemented("extended selectors");
    ASSIGN_OR_RETURN(matrix.end,
                     Shift(selector.at, selector.offset_ms, selector.offset_expr.get(), t));
    ASSIGN_OR_RETURN(const int64_t length, DurationMs(range->range_ms, range->range_expr.get()));
    matrix.start = matrix.end - length;
    for (const DataSeries& series : data_) {
      if (!Selects(selector, series.labels)) continue;
      Window window{series.labels, {}};
      for (const DataSample& s : series.samples) {
        if (s.t <= matrix.start || s.t > matrix.end || model::IsStaleNaN(s.v)) continue;
        if (s.h) {
          window.histograms.push_back({s.t, BarsOf(model::ToFloat(*s.h))});
        } else {
          window.samples.push_back({s.t, s.v});
        }
      }
      if (window.samples.empty() && window.histograms.empty()) continue;
      matrix.windows.push_back(std::move(window));
    }
    return matrix;
  }
  const auto& subquery = As<SubqueryExpr>(expr);
  ASSIGN_OR_RETURN(matrix.end,
                   Shift(subquery.at, subquery.offset_ms, subquery.offset_expr.get(), t));
  ASSIGN_OR_RETURN(const int64_t length, DurationMs(subquery.range_ms, subquery.range_expr.get()));
  ASSIGN_OR_RETURN(int64_t step, DurationMs(subquery.step_ms, subquery.step_expr.get()));
  if (step == 0) step = kDefaultSubqueryStepMs;
  matrix.start = matrix.end - length;
  for (model::Timestamp at = matrix.start / step * step; at <= matrix.end; at += step) {
    if (at <= matrix.start) continue;
    ASSIGN_OR_RETURN(const Value value, At(*subquery.expr, at));
    Vector vector;
    if (const auto* scalar = std::get_if<double>(&value)) {
      vector.push_back({{}, *scalar});
    } else {
      vector = std::get<Vector>(value);
    }
    for (const Element& e : vector) {
      if (e.h) return Unimplemented("histograms in subqueries");
      auto row = std::ranges::find(matrix.windows, e.labels, &Window::labels);
      if (row == matrix.windows.end()) {
        row = matrix.windows.insert(row, Window{e.labels, {}});
      }
      row->samples.push_back({at, e.v});
    }
  }
  return matrix;
}

base::Result<Value> Evaluator::At(const Expr& expr, model::Timestamp t) const {
  switch (expr.kind) {
    case ExprKind::kNumberLiteral:
      return Value(As<NumberLiteral>(expr).value);
    case ExprKind::kStringLiteral:
      return Value(As<StringLiteral>(expr).value);
    case ExprKind::kParen:
      return At(*As<ParenExpr>(expr).expr, t);
    case ExprKind::kVectorSelector: {
      const auto& selector = As<VectorSelector>(expr);
      if (selector.smoothed || selector.anchored) return Unimplemented("extended selectors");
      ASSIGN_OR_RETURN(const auto when,
                       Shift(selector.at, selector.offset_ms, selector.offset_expr.get(), t));
      Vector out;
      for (const auto& [labels, sample] : Newest(selector, when)) {
        Element& e = out.emplace_back(labels, sample->v);
        if (sample->h) e.h = BarsOf(model::ToFloat(*sample->h));
      }
      return Value(std::move(out));
    }
    case ExprKind::kMatrixSelector:
    case ExprKind::kSubquery: {
      ASSIGN_OR_RETURN(Matrix matrix, Range(expr, t));
      return Value(std::move(matrix));
    }
    case ExprKind::kUnary: {
      const auto& unary = As<UnaryExpr>(expr);
      ASSIGN_OR_RETURN(Value value, At(*unary.expr, t));
      if (!unary.negative) return value;
      if (auto* scalar = std::get_if<double>(&value)) return Value(-*scalar);
      auto& vector = std::get<Vector>(value);
      for (Element& e : vector) {
        e.labels = WithoutName(e.labels);
        e.v = -e.v;
        if (e.h) e.h = Times(*e.h, -1);
      }
      RETURN_IF_ERROR(CheckNoDuplicates(vector));
      return value;
    }
    case ExprKind::kCall:
      return CallAt(As<Call>(expr), t);
    case ExprKind::kAggregate: {
      ASSIGN_OR_RETURN(Vector vector, AggregateAt(As<AggregateExpr>(expr), t));
      return Value(std::move(vector));
    }
    case ExprKind::kBinary:
      return BinaryAt(As<BinaryExpr>(expr), t);
    default:
      return Unimplemented("this kind of expression");
  }
}

base::Result<double> Evaluator::Scalar(const Expr& expr, model::Timestamp t) const {
  ASSIGN_OR_RETURN(const Value value, At(expr, t));
  return std::get<double>(value);
}

VectorResult Evaluator::Instant(const Expr& expr, model::Timestamp t) const {
  ASSIGN_OR_RETURN(Value value, At(expr, t));
  return std::get<Vector>(std::move(value));
}

VectorResult Evaluator::AggregateAt(const AggregateExpr& expr, model::Timestamp t) const {
  ASSIGN_OR_RETURN(const Vector operand, Instant(*expr.expr, t));
  double param = 0;
  if (expr.param && expr.op != AggregateOp::kCountValues) {
    const model::Timestamp at = Pinned(*expr.expr) ? query_.start : t;
    ASSIGN_OR_RETURN(param, Scalar(*expr.param, at));
  }
  return Aggregate(expr, operand, param);
}

base::Result<Value> Evaluator::BinaryAt(const BinaryExpr& binary, model::Timestamp t) const {
  ASSIGN_OR_RETURN(const Value lhs, At(*binary.lhs, t));
  ASSIGN_OR_RETURN(const Value rhs, At(*binary.rhs, t));
  const auto* a = std::get_if<double>(&lhs);
  const auto* b = std::get_if<double>(&rhs);
  if (a != nullptr && b != nullptr) {
    const auto [v, keep] = Operate(binary.op, *a, *b);
    return Value(binary.return_bool ? (keep ? 1.0 : 0.0) : v);
  }
  if (a == nullptr && b == nullptr) {
    ASSIGN_OR_RETURN(Vector out,
                     CombineVectors(binary, std::get<Vector>(lhs), std::get<Vector>(rhs)));
    return Value(std::move(out));
  }
  Vector out;
  for (const Element& e : std::get<Vector>(a == nullptr ? lhs : rhs)) {
    const Element scalar{{}, a != nullptr ? *a : *b};
    ASSIGN_OR_RETURN(const auto combined,
                     a != nullptr ? Combine(binary.op, scalar, e) : Combine(binary.op, e, scalar));
    if (!combined) continue;
    if (binary.return_bool) {
      out.push_back({WithoutName(e.labels), combined->keep ? 1.0 : 0.0});
    } else if (IsComparison(binary.op)) {
      if (combined->keep) out.push_back(e);  // the vector's value, on whichever side it stands
    } else {
      out.push_back({WithoutName(e.labels), combined->value.v, combined->value.h});
    }
  }
  RETURN_IF_ERROR(CheckNoDuplicates(out));
  return Value(std::move(out));
}

base::Result<Value> Evaluator::CallAt(const Call& call, model::Timestamp t) const {
  const FunctionId id = call.function->id;
  const auto seconds = [](model::Timestamp ms) { return static_cast<double>(ms) / 1000; };
  const auto text = [&](size_t i) { return As<StringLiteral>(Unwrap(*call.args[i])).value; };
  switch (id) {
    case FunctionId::kTime:
      return Value(seconds(t));
    case FunctionId::kPi:
      return Value(M_PI);
    case FunctionId::kStart:
      return Value(seconds(query_.start));
    case FunctionId::kEnd:
      return Value(seconds(query_.end));
    case FunctionId::kRange:
      return Value(seconds(query_.end - query_.start));
    case FunctionId::kStep:
      return Value(query_.start == query_.end ? 0.0 : seconds(query_.step_ms));
    case FunctionId::kVector: {
      ASSIGN_OR_RETURN(const double v, Scalar(*call.args[0], t));
      return Value(Vector{{{}, v}});
    }
    case FunctionId::kScalar: {
      ASSIGN_OR_RETURN(Vector v, Instant(*call.args[0], t));
      std::erase_if(v, [](const Element& e) { return e.h.has_value(); });
      return Value(v.size() == 1 ? v[0].v : std::nan(""));
    }
    case FunctionId::kMinOf:
    case FunctionId::kMaxOf: {
      ASSIGN_OR_RETURN(const double a, Scalar(*call.args[0], t));
      ASSIGN_OR_RETURN(const double b, Scalar(*call.args[1], t));
      const double infinity = id == FunctionId::kMinOf ? -INFINITY : INFINITY;
      if (a == infinity || b == infinity) return Value(infinity);
      if (std::isnan(a) || std::isnan(b)) return Value(std::nan(""));
      return Value(id == FunctionId::kMinOf ? std::min(a, b) : std::max(a, b));
    }
    case FunctionId::kInfo:
    case FunctionId::kAbsent:
    case FunctionId::kAbsentOverTime:
    case FunctionId::kStartTimestamp:
    case FunctionId::kHistogramQuantiles:
    case FunctionId::kHistogramFraction:
      return Unimplemented("this function");
    default:
      break;
  }
  Vector out;
  if (call.function->arg_types().size() > 0) {
    // A range function: one result for each window.
    for (size_t i = 0; i < call.args.size(); i++) {
      if (TypeOf(*call.args[i]) != ValueType::kMatrix) continue;
      ASSIGN_OR_RETURN(const Matrix matrix, Range(*call.args[i], t));
      std::vector<double> scalars;
      for (size_t k = 0; k < call.args.size(); k++) {
        if (k == i) continue;
        ASSIGN_OR_RETURN(scalars.emplace_back(), Scalar(*call.args[k], t));
      }
      for (const Window& window : matrix.windows) {
        ASSIGN_OR_RETURN(const auto v,
                         OverWindow(id, window, matrix.start, matrix.end, t, scalars));
        const bool keeps_name = id == FunctionId::kLastOverTime || id == FunctionId::kFirstOverTime;
        if (!v) continue;
        out.push_back({keeps_name ? window.labels : WithoutName(window.labels), v->v, v->h});
      }
      RETURN_IF_ERROR(CheckNoDuplicates(out));
      return Value(std::move(out));
    }
  }
  if (id == FunctionId::kTimestamp) {
    const Expr& arg = Unwrap(*call.args[0]);
    if (const auto* selector = DynAs<VectorSelector>(&arg)) {
      if (selector->at.kind != AtKind::kNone && selector->offset_ms != 0) {
        return Unimplemented("timestamp() with @ and offset");
      }
      ASSIGN_OR_RETURN(const auto when, Shift(selector->at, selector->offset_ms, nullptr, t));
      for (const auto& [labels, sample] : Newest(*selector, when)) {
        out.push_back({WithoutName(labels), seconds(sample->t)});
      }
      RETURN_IF_ERROR(CheckNoDuplicates(out));
      return Value(std::move(out));
    }
  }
  if (id == FunctionId::kHistogramQuantile) {
    ASSIGN_OR_RETURN(const double q, Scalar(*call.args[0], t));
    ASSIGN_OR_RETURN(const Vector buckets, Instant(*call.args[1], t));
    ASSIGN_OR_RETURN(out, HistogramQuantile(q, buckets));
    return Value(std::move(out));
  }
  if (call.args.empty()) return Unimplemented("calendar functions of now");
  ASSIGN_OR_RETURN(const Vector operand, Instant(*call.args[0], t));
  const auto scalar = [&](size_t i) { return Scalar(*call.args[i], t); };
  double low = -INFINITY, high = INFINITY, nearest = 1;
  if (id == FunctionId::kClamp || id == FunctionId::kClampMin) {
    ASSIGN_OR_RETURN(low, scalar(1));
  }
  if (id == FunctionId::kClamp || id == FunctionId::kClampMax) {
    ASSIGN_OR_RETURN(high, scalar(id == FunctionId::kClamp ? 2 : 1));
  }
  if (id == FunctionId::kRound && call.args.size() > 1) {
    ASSIGN_OR_RETURN(nearest, scalar(1));
  }
  for (const Element& e : operand) {
    if (e.h && !TakesHistograms(id)) continue;
    switch (id) {
      case FunctionId::kHistogramCount:
      case FunctionId::kHistogramSum:
      case FunctionId::kHistogramAvg: {
        if (!e.h) break;
        const double v = id == FunctionId::kHistogramCount ? e.h->count
                         : id == FunctionId::kHistogramSum ? e.h->sum
                                                           : e.h->sum / e.h->count;
        out.push_back({WithoutName(e.labels), v});
        break;
      }
      case FunctionId::kHistogramStddev:
      case FunctionId::kHistogramStdvar:
        if (e.h) return Unimplemented("the spread of a histogram");
        break;
      case FunctionId::kSort:
      case FunctionId::kSortDesc:
      case FunctionId::kSortByLabel:
      case FunctionId::kSortByLabelDesc:
        out.push_back(e);  // the order is looked at elsewhere
        break;
      case FunctionId::kTimestamp:
        out.push_back({WithoutName(e.labels), seconds(t)});
        break;
      case FunctionId::kClamp:
      case FunctionId::kClampMin:
      case FunctionId::kClampMax:
        if (id == FunctionId::kClamp && high < low) break;
        out.push_back({WithoutName(e.labels), Larger(low, Smaller(high, e.v))});
        break;
      case FunctionId::kRound: {
        const double inverse = 1 / nearest;
        out.push_back({WithoutName(e.labels), std::floor(e.v * inverse + 0.5) / inverse});
        break;
      }
      case FunctionId::kLabelReplace: {
        const std::string source(e.labels.Get(text(3)));
        const re2::RE2 regex("^(?s:" + text(4) + ")$");
        re2::StringPiece groups[10];
        const int n = std::min(regex.NumberOfCapturingGroups() + 1, 10);
        if (!regex.Match(source, 0, source.size(), re2::RE2::UNANCHORED, groups, n)) {
          out.push_back(e);
          break;
        }
        std::string value;
        const std::string replacement = text(2);
        for (size_t i = 0; i < replacement.size(); i++) {
          if (replacement[i] == '$' && i + 1 < replacement.size()) {
            const int group = replacement[++i] - '0';
            if (group < n) value.append(groups[group].data(), groups[group].size());
          } else {
            value += replacement[i];
          }
        }
        out.push_back({model::LabelsBuilder(e.labels).Set(text(1), value).Build(), e.v, e.h});
        break;
      }
      case FunctionId::kLabelJoin: {
        std::string value;
        for (size_t i = 3; i < call.args.size(); i++) {
          if (i > 3) value += text(2);
          value += e.labels.Get(text(i));
        }
        out.push_back({model::LabelsBuilder(e.labels).Set(text(1), value).Build(), e.v, e.h});
        break;
      }
      default: {
        const auto v = MathFunction(id, e.v);
        if (!v) return Unimplemented("this function");
        out.push_back({WithoutName(e.labels), *v});
      }
    }
  }
  RETURN_IF_ERROR(CheckNoDuplicates(out));
  return Value(std::move(out));
}

}  // namespace tributary::reference
