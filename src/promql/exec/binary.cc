#include "promql/exec/binary.h"

#include <limits>

#include "base/strings.h"
#include "promql/exec/binary_ops.h"
#include "promql/exec/evaluator.h"

namespace tributary::promql {
namespace {

base::Result<Block> CombineScalars(BinaryOp op, Block lhs, const Block& rhs) {
  if (IsTrimOperator(op)) {
    return base::Error(base::ErrorCode::kExecution, "operator " + base::Quote(BinaryOpSymbol(op)) +
                                                        " not allowed for Scalar operations");
  }
  if (lhs.series.empty() || rhs.series.empty()) {
    return base::Internal("scalar operand without a value");
  }
  auto values = lhs.series[0].row.values;
  const auto others = rhs.series[0].row.values;
  for (size_t i = 0; i < values.size(); i++) values[i] = ScalarBinary(op, values[i], others[i]);
  return lhs;
}

}  // namespace

base::Result<Block> CombineBlocks(QueryContext& context, const Plan& plan, Block lhs, Block rhs) {
  const bool left_scalar = plan.children[0]->type == ValueType::kScalar;
  const bool right_scalar = plan.children[1]->type == ValueType::kScalar;
  const BinaryOp op = As<BinaryExpr>(*plan.expr).op;
  if (left_scalar && right_scalar) return CombineScalars(op, std::move(lhs), rhs);
  if (right_scalar) return CombineVectorScalar(context, plan, std::move(lhs), rhs, false);
  if (left_scalar) return CombineVectorScalar(context, plan, std::move(rhs), lhs, true);
  if (IsSetOperator(op)) return CombineSets(context, plan, std::move(lhs), std::move(rhs));
  return CombineVectors(context, plan, std::move(lhs), std::move(rhs));
}

base::Result<Block> CombineVectorScalar(QueryContext& context, const Plan& plan, Block vector,
                                        const Block& scalar, bool scalar_on_left) {
  if (scalar.series.empty()) return base::Internal("scalar operand without a value");
  const auto& binary = As<BinaryExpr>(*plan.expr);
  const BinaryOp op = binary.op;
  const bool trims = IsTrimOperator(op);
  const auto scalars = scalar.series[0].row.values;
  auto combine = [&](Row* row, size_t step) {
    const bool is_histogram = row->histogram(step) != nullptr;
    Element element{row->values[step], is_histogram ? row->histograms[step] : nullptr};
    const Element number{scalars[step], nullptr};
    const bool comparison = IsComparison(op);
    Outcome out = ElementBinary(op, scalar_on_left ? number : element,
                                scalar_on_left ? element : number, context.annotations(), plan.pos);
    row->Clear(step);
    if (!out.valid || (!out.keep && !binary.return_bool)) return;
    if (binary.return_bool) {
      row->Set(step, out.keep ? 1.0 : 0.0);
    } else if (comparison) {
      // The vector's element is what passes the filter, whichever side it is on.
      if (element.h) {
        row->Set(step, std::move(element.h));
      } else {
        row->Set(step, element.v);
      }
    } else if (out.value.h) {
      row->Set(step, std::move(out.value.h));
    } else {
      row->Set(step, out.value.v);
    }
  };
  for (auto& s : vector.series) {
    const bool plain = s.row.histograms.empty() && !trims;
    if (plain && ChangesMetric(op)) {
      ApplyScalars(op, s.row.values, scalars, scalar_on_left);
      continue;
    }
    for (size_t step = 0; step < vector.steps.count; step++) {
      double& v = s.row.values[step];
      if (!plain) {
        if (s.row.present(step)) combine(&s.row, step);
        continue;
      }
      if (IsAbsent(v)) continue;
      const FloatOutcome out =
          scalar_on_left ? FloatBinary(op, scalars[step], v) : FloatBinary(op, v, scalars[step]);
      if (binary.return_bool) {
        v = out.keep ? 1.0 : 0.0;
      } else if (!out.keep) {
        v = Absent();
      }
    }
  }
  vector.DropEmpty();
  if (ChangesMetric(op) || binary.return_bool) {
    RETURN_IF_ERROR(LoseMetricName(context, &vector));
  }
  return vector;
}

}  // namespace tributary::promql
