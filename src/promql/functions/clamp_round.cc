// clamp, clamp_min, clamp_max, round: functions of a float and scalars.
#include <cmath>
#include <limits>

#include "promql/exec/evaluator.h"
#include "promql/functions/go_math.h"
#include "promql/functions/vector_function.h"

namespace tributary::promql {
namespace {

// PerStep(step) gives the function for that step's floats; it may say that nothing is left.
template <class PerStep>
base::Result<Block> MapPerStep(VectorCall& call, PerStep per_step) {
  Block block = std::move(call.args[0]);
  for (auto& s : block.series) s.row.histograms.clear();
  for (size_t step = 0; step < block.steps.count; step++) {
    const auto fn = per_step(step);
    for (auto& s : block.series) {
      double& v = s.row.values[step];
      if (!IsAbsent(v)) v = fn(v);
    }
  }
  block.DropEmpty();
  RETURN_IF_ERROR(LoseMetricName(call.context, &block));
  return block;
}

struct Clamp {
  double min, max;
  double operator()(double v) const { return max < min ? Absent() : GoMax(min, GoMin(max, v)); }
};

struct Round {
  double inverse;  // of what to round to
  double operator()(double v) const { return std::floor(v * inverse + 0.5) / inverse; }
};

}  // namespace

base::Result<Block> CallClampRound(VectorCall& call) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  switch (call.id) {
    case FunctionId::kClamp:
      return MapPerStep(
          call, [&](size_t step) { return Clamp{call.scalar(1, step), call.scalar(2, step)}; });
    case FunctionId::kClampMax:
      return MapPerStep(call, [&](size_t step) { return Clamp{-kInfinity, call.scalar(1, step)}; });
    case FunctionId::kClampMin:
      return MapPerStep(call, [&](size_t step) { return Clamp{call.scalar(1, step), kInfinity}; });
    case FunctionId::kRound:
      return MapPerStep(call, [&](size_t step) {
        return Round{1.0 / (call.args.size() > 1 ? call.scalar(1, step) : 1.0)};
      });
    default:
      return base::Internal("not a clamp or round");
  }
}

}  // namespace tributary::promql
