// time, pi, scalar, vector, max_of, min_of.
#include <limits>
#include <numbers>

#include "promql/exec/evaluator.h"
#include "promql/functions/go_math.h"
#include "promql/functions/vector_function.h"

namespace tributary::promql {
namespace {

template <class PerStep>
base::Result<Block> FromSteps(VectorCall& call, PerStep value) {
  ASSIGN_OR_RETURN(Block block, MakeScalarBlock(call.context, call.steps, 0));
  for (size_t step = 0; step < call.steps.count; step++) {
    block.series[0].row.Set(step, value(step));
  }
  return block;
}

// The value of the only float at a step, else NaN.
double OnlyFloat(const Block& block, size_t step) {
  const BlockSeries* only = nullptr;
  for (const auto& s : block.series) {
    if (IsAbsent(s.row.values[step])) continue;
    if (only != nullptr) return std::numeric_limits<double>::quiet_NaN();
    only = &s;
  }
  return only == nullptr ? std::numeric_limits<double>::quiet_NaN() : only->row.values[step];
}

}  // namespace

base::Result<Block> CallScalars(VectorCall& call) {
  switch (call.id) {
    case FunctionId::kPi:
      return MakeScalarBlock(call.context, call.steps, std::numbers::pi);
    case FunctionId::kTime:
      return FromSteps(
          call, [&](size_t step) { return static_cast<double>(call.steps.at(step)) / 1000; });
    case FunctionId::kScalar:
      return FromSteps(call, [&](size_t step) { return OnlyFloat(call.args[0], step); });
    case FunctionId::kMaxOf:
      return FromSteps(
          call, [&](size_t step) { return GoMax(call.scalar(0, step), call.scalar(1, step)); });
    case FunctionId::kMinOf:
      return FromSteps(
          call, [&](size_t step) { return GoMin(call.scalar(0, step), call.scalar(1, step)); });
    case FunctionId::kVector:
      return std::move(call.args[0]);
    default:
      return base::Internal("not a function of scalars");
  }
}

}  // namespace tributary::promql
