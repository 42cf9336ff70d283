// Functions of one float, element by element. Histograms are left out.
#include <cmath>
#include <numbers>

#include "promql/exec/evaluator.h"
#include "promql/functions/go_math.h"
#include "promql/functions/vector_function.h"

namespace tributary::promql {
namespace {

template <class Fn>
base::Result<Block> Map(VectorCall& call, Fn fn) {
  Block block = std::move(call.args[0]);
  for (auto& s : block.series) {
    s.row.histograms.clear();
    for (double& v : s.row.values) {
      if (!IsAbsent(v)) v = fn(v);
    }
  }
  block.DropEmpty();
  RETURN_IF_ERROR(LoseMetricName(call.context, &block));
  return block;
}

}  // namespace

base::Result<Block> CallMath(VectorCall& call) {
  using std::numbers::pi;
  switch (call.id) {
    case FunctionId::kAbs:
      return Map(call, [](double v) { return std::abs(v); });
    case FunctionId::kAcos:
      return Map(call, [](double v) { return GoAcos(v); });
    case FunctionId::kAcosh:
      return Map(call, [](double v) { return std::acosh(v); });
    case FunctionId::kAsin:
      return Map(call, [](double v) { return GoAsin(v); });
    case FunctionId::kAsinh:
      return Map(call, [](double v) { return std::asinh(v); });
    case FunctionId::kAtan:
      return Map(call, [](double v) { return GoAtan(v); });
    case FunctionId::kAtanh:
      return Map(call, [](double v) { return std::atanh(v); });
    case FunctionId::kCeil:
      return Map(call, [](double v) { return std::ceil(v); });
    case FunctionId::kCos:
      return Map(call, [](double v) { return std::cos(v); });
    case FunctionId::kCosh:
      return Map(call, [](double v) { return std::cosh(v); });
    case FunctionId::kDeg:
      return Map(call, [](double v) { return v * 180 / pi; });
    case FunctionId::kExp:
      return Map(call, [](double v) { return std::exp(v); });
    case FunctionId::kFloor:
      return Map(call, [](double v) { return std::floor(v); });
    case FunctionId::kLn:
      return Map(call, [](double v) { return std::log(v); });
    case FunctionId::kLog10:
      return Map(call, [](double v) { return std::log10(v); });
    case FunctionId::kLog2:
      return Map(call, [](double v) { return std::log2(v); });
    case FunctionId::kRad:
      return Map(call, [](double v) { return v * pi / 180; });
    case FunctionId::kSgn:
      return Map(call, [](double v) { return v < 0 ? -1.0 : v > 0 ? 1.0 : v; });
    case FunctionId::kSin:
      return Map(call, [](double v) { return std::sin(v); });
    case FunctionId::kSinh:
      return Map(call, [](double v) { return std::sinh(v); });
    case FunctionId::kSqrt:
      return Map(call, [](double v) { return std::sqrt(v); });
    case FunctionId::kTan:
      return Map(call, [](double v) { return std::tan(v); });
    case FunctionId::kTanh:
      return Map(call, [](double v) { return std::tanh(v); });
    default:
      return base::Internal("not a function of one float");
  }
}

}  // namespace tributary::promql
