#include "promql/functions/range_function.h"

namespace tributary::promql {

std::unique_ptr<RangeFunction> MakeRangeFunction(FunctionId id, const RangeFunctionEnv& env) {
  using Maker = std::unique_ptr<RangeFunction> (*)(FunctionId, const RangeFunctionEnv&);
  constexpr Maker kFamilies[] = {
      &MakeRateFunction,           &MakeInstantRateFunction,        &MakeSumOverTimeFunction,
      &MakeSelectOverTimeFunction, &MakeStatisticsOverTimeFunction, &MakeRegressionFunction,
      &MakeChangesFunction,
  };
  for (Maker make : kFamilies) {
    if (auto function = make(id, env)) return function;
  }
  return nullptr;
}

bool ReadsStartTimestamps(FunctionId id) {
  return id == FunctionId::kRate || id == FunctionId::kIrate || id == FunctionId::kIncrease ||
         id == FunctionId::kResets;
}

bool KeepsMetricName(FunctionId id) {
  return id == FunctionId::kLastOverTime || id == FunctionId::kFirstOverTime;
}

}  // namespace tributary::promql
