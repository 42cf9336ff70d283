#include "promql/plan/duration_expr.h"

#include <cmath>

#include <fmt/format.h>

namespace tributary::promql {
namespace {

base::Error At(const Expr& expr, const char* what) {
  return base::InvalidArgument(fmt::format("{}:{}: {}", expr.pos.start, expr.pos.end, what));
}

// Seconds.
base::Result<double> Eval(const Expr& expr, const DurationContext& context) {
  if (const auto* number = DynAs<NumberLiteral>(&expr)) return number->value;
  const auto* duration = DynAs<DurationExpr>(&expr);
  if (duration == nullptr) return At(expr, "unexpected duration expression");
  double lhs = 0, rhs = 0;
  if (duration->lhs) {
    ASSIGN_OR_RETURN(lhs, Eval(*duration->lhs, context));
  }
  if (duration->rhs) {
    ASSIGN_OR_RETURN(rhs, Eval(*duration->rhs, context));
  }
  switch (duration->op) {
    case DurationOp::kAdd:
      return duration->lhs ? lhs + rhs : rhs;
    case DurationOp::kSub:
      return duration->lhs ? lhs - rhs : -rhs;
    case DurationOp::kMul:
      return lhs * rhs;
    case DurationOp::kDiv:
      if (rhs == 0) return At(expr, "division by zero");
      return lhs / rhs;
    case DurationOp::kMod:
      if (rhs == 0) return At(expr, "modulo by zero");
      return std::fmod(lhs, rhs);
    case DurationOp::kPow:
      return std::pow(lhs, rhs);
    case DurationOp::kStep:
      return static_cast<double>(context.step_ms) / 1000;
    case DurationOp::kRange:
      return static_cast<double>(context.range_ms) / 1000;
    case DurationOp::kMinOf:
      return std::isnan(lhs) || lhs < rhs ? lhs : rhs;
    case DurationOp::kMaxOf:
      return std::isnan(lhs) || lhs > rhs ? lhs : rhs;
  }
  return At(expr, "unexpected duration expression operator");
}

}  // namespace

base::Result<int64_t> EvalDuration(const Expr& expr, const DurationContext& context,
                                   bool allow_negative) {
  ASSIGN_OR_RETURN(const double seconds, Eval(expr, context));
  if (!std::isfinite(seconds)) return At(expr, "duration is NaN or infinite");
  if (seconds <= 0 && !allow_negative) return At(expr, "duration must be greater than 0");
  constexpr double kLimitSeconds = 9223372036.854775807;  // of Go's nanosecond durations
  if (seconds > kLimitSeconds || seconds < -kLimitSeconds) {
    return At(expr, "duration is out of range");
  }
  return static_cast<int64_t>(seconds * 1000);
}

}  // namespace tributary::promql
