#include "promql/exec/binary_ops.h"

#include <cmath>
#include <functional>
#include <limits>

#include "model/float_histogram.h"
#include "promql/functions/go_math.h"

namespace tributary::promql {
namespace {

using model::FloatHistogram;

Outcome Keep(FloatHistogram h) {
  return {true, true, {0, std::make_shared<FloatHistogram>(std::move(h))}};
}

// hist + hist and hist - hist. A conflict of counter resets costs the result.
Outcome AddOrSub(BinaryOp op, const FloatHistogram& lhs, const FloatHistogram& rhs,
                 AnnotationSink& annotations, PosRange pos) {
  const bool add = op == BinaryOp::kAdd;
  const auto operation = add ? HistogramOperation::kAddition : HistogramOperation::kSubtraction;
  FloatHistogram result = lhs;
  auto notes = add ? model::Add(&result, rhs) : model::Sub(&result, rhs);
  if (!notes) {
    annotations.IncompatibleBucketLayout(BinaryOpSymbol(op), pos);
    return {};
  }
  if (notes->counter_reset_collision) {
    annotations.CounterResetCollision(operation, pos);
    return {};
  }
  if (notes->bounds_reconciled) annotations.MismatchedCustomBuckets(operation, pos);
  if (!add) result.reset_hint = model::CounterResetHint::kGauge;
  model::Compact(&result);
  return Keep(std::move(result));
}

Outcome Scale(const FloatHistogram& h, double factor, bool divide) {
  FloatHistogram result = h;
  if (divide) {
    model::Div(&result, factor);
  } else {
    model::Mul(&result, factor);
  }
  model::Compact(&result);
  return Keep(std::move(result));
}

template <class Op>
void ApplyOp(std::span<double> values, std::span<const double> scalars, bool scalar_on_left,
             Op op) {
  for (size_t i = 0; i < values.size(); i++) {
    const double v = values[i];
    const double result = scalar_on_left ? op(scalars[i], v) : op(v, scalars[i]);
    values[i] = IsAbsent(v) ? v : result;
  }
}

}  // namespace

void ApplyScalars(BinaryOp op, std::span<double> values, std::span<const double> scalars,
                  bool scalar_on_left) {
  switch (op) {
    // The cheap ones: worth a loop of their own.
    case BinaryOp::kAdd:
      return ApplyOp(values, scalars, scalar_on_left, std::plus<>());
    case BinaryOp::kSub:
      return ApplyOp(values, scalars, scalar_on_left, std::minus<>());
    case BinaryOp::kMul:
      return ApplyOp(values, scalars, scalar_on_left, std::multiplies<>());
    case BinaryOp::kDiv:
      return ApplyOp(values, scalars, scalar_on_left, std::divides<>());
    default:
      for (size_t i = 0; i < values.size(); i++) {
        double& v = values[i];
        if (IsAbsent(v)) continue;
        v = scalar_on_left ? ScalarBinary(op, scalars[i], v) : ScalarBinary(op, v, scalars[i]);
      }
  }
}

double ScalarBinary(BinaryOp op, double lhs, double rhs) {
  switch (op) {
    case BinaryOp::kAdd:
      return lhs + rhs;
    case BinaryOp::kSub:
      return lhs - rhs;
    case BinaryOp::kMul:
      return lhs * rhs;
    case BinaryOp::kDiv:
      return lhs / rhs;
    case BinaryOp::kMod:
      return std::fmod(lhs, rhs);
    case BinaryOp::kPow:
      return std::pow(lhs, rhs);
    case BinaryOp::kAtan2:
      return GoAtan2(lhs, rhs);
    case BinaryOp::kEq:
      return lhs == rhs;
    case BinaryOp::kNe:
      return lhs != rhs;
    case BinaryOp::kGt:
      return lhs > rhs;
    case BinaryOp::kGe:
      return lhs >= rhs;
    case BinaryOp::kLt:
      return lhs < rhs;
    case BinaryOp::kLe:
      return lhs <= rhs;
    case BinaryOp::kTrimUpper:
    case BinaryOp::kTrimLower:
    case BinaryOp::kAnd:
    case BinaryOp::kOr:
    case BinaryOp::kUnless:
      break;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

Outcome ElementBinary(BinaryOp op, const Element& lhs, const Element& rhs,
                      AnnotationSink& annotations, PosRange pos) {
  if (!lhs.h && !rhs.h && !IsTrimOperator(op)) {
    const FloatOutcome out = FloatBinary(op, lhs.v, rhs.v);
    return {true, out.keep, {out.v, nullptr}};
  }
  if (lhs.h && rhs.h) {
    switch (op) {
      case BinaryOp::kAdd:
      case BinaryOp::kSub:
        return AddOrSub(op, *lhs.h, *rhs.h, annotations, pos);
      case BinaryOp::kEq:
        return {true, model::Equals(*lhs.h, *rhs.h), lhs};
      case BinaryOp::kNe:
        return {true, !model::Equals(*lhs.h, *rhs.h), lhs};
      default:
        break;
    }
  } else if (lhs.h) {
    switch (op) {
      case BinaryOp::kMul:
        return Scale(*lhs.h, rhs.v, false);
      case BinaryOp::kDiv:
        return Scale(*lhs.h, rhs.v, true);
      case BinaryOp::kTrimUpper:
      case BinaryOp::kTrimLower: {
        FloatHistogram trimmed = *lhs.h;
        model::TrimBuckets(&trimmed, rhs.v, op == BinaryOp::kTrimUpper);
        return Keep(std::move(trimmed));
      }
      default:
        break;
    }
  } else if (rhs.h && op == BinaryOp::kMul) {
    return Scale(*rhs.h, lhs.v, false);
  }
  annotations.IncompatibleTypes(lhs.h ? "histogram" : "float", BinaryOpSymbol(op),
                                rhs.h ? "histogram" : "float", pos);
  return {};
}

bool ChangesMetric(BinaryOp op) {
  switch (op) {
    case BinaryOp::kAdd:
    case BinaryOp::kSub:
    case BinaryOp::kMul:
    case BinaryOp::kDiv:
    case BinaryOp::kMod:
    case BinaryOp::kPow:
    case BinaryOp::kAtan2:
      return true;
    default:
      return false;
  }
}

}  // namespace tributary::promql
