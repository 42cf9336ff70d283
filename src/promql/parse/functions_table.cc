#include "promql/parse/functions_table.h"

#include <algorithm>

namespace tributary::promql {
namespace {

using enum ValueType;

// Sorted by name, in the order of FunctionId.
constexpr std::array<Function, kFunctionCount> kFunctions = {{
    {FunctionId::kAbs, "abs", {kVector}, 1, 0, kVector, false},
    {FunctionId::kAbsent, "absent", {kVector}, 1, 0, kVector, false},
    {FunctionId::kAbsentOverTime, "absent_over_time", {kMatrix}, 1, 0, kVector, false},
    {FunctionId::kAcos, "acos", {kVector}, 1, 0, kVector, false},
    {FunctionId::kAcosh, "acosh", {kVector}, 1, 0, kVector, false},
    {FunctionId::kAsin, "asin", {kVector}, 1, 0, kVector, false},
    {FunctionId::kAsinh, "asinh", {kVector}, 1, 0, kVector, false},
    {FunctionId::kAtan, "atan", {kVector}, 1, 0, kVector, false},
    {FunctionId::kAtanh, "atanh", {kVector}, 1, 0, kVector, false},
    {FunctionId::kAvgOverTime, "avg_over_time", {kMatrix}, 1, 0, kVector, false},
    {FunctionId::kCeil, "ceil", {kVector}, 1, 0, kVector, false},
    {FunctionId::kChanges, "changes", {kMatrix}, 1, 0, kVector, false},
    {FunctionId::kClamp, "clamp", {kVector, kScalar, kScalar}, 3, 0, kVector, false},
    {FunctionId::kClampMax, "clamp_max", {kVector, kScalar}, 2, 0, kVector, false},
    {FunctionId::kClampMin, "clamp_min", {kVector, kScalar}, 2, 0, kVector, false},
    {FunctionId::kCos, "cos", {kVector}, 1, 0, kVector, false},
    {FunctionId::kCosh, "cosh", {kVector}, 1, 0, kVector, false},
    {FunctionId::kCountOverTime, "count_over_time", {kMatrix}, 1, 0, kVector, false},
    {FunctionId::kDayOfMonth, "day_of_month", {kVector}, 1, 1, kVector, false},
    {FunctionId::kDayOfWeek, "day_of_week", {kVector}, 1, 1, kVector, false},
    {FunctionId::kDayOfYear, "day_of_year", {kVector}, 1, 1, kVector, false},
    {FunctionId::kDaysInMonth, "days_in_month", {kVector}, 1, 1, kVector, false},
    {FunctionId::kDeg, "deg", {kVector}, 1, 0, kVector, false},
    {FunctionId::kDelta, "delta", {kMatrix}, 1, 0, kVector, false},
    {FunctionId::kDeriv, "deriv", {kMatrix}, 1, 0, kVector, false},
    {FunctionId::kDoubleExponentialSmoothing,
     "double_exponential_smoothing",
     {kMatrix, kScalar, kScalar},
     3,
     0,
     kVector,
     true},
    {FunctionId::kEnd, "end", {}, 0, 0, kScalar, true},
    {FunctionId::kExp, "exp", {kVector}, 1, 0, kVector, false},
    {FunctionId::kFirstOverTime, "first_over_time", {kMatrix}, 1, 0, kVector, false},
    {FunctionId::kFloor, "floor", {kVector}, 1, 0, kVector, false},
    {FunctionId::kHistogramAvg, "histogram_avg", {kVector}, 1, 0, kVector, false},
    {FunctionId::kHistogramCount, "histogram_count", {kVector}, 1, 0, kVector, false},
    {FunctionId::kHistogramFraction,
     "histogram_fraction",
     {kScalar, kScalar, kVector},
     3,
     0,
     kVector,
     false},
    {FunctionId::kHistogramQuantile,
     "histogram_quantile",
     {kScalar, kVector},
     2,
     0,
     kVector,
     false},
    {FunctionId::kHistogramQuantiles,
     "histogram_quantiles",
     {kVector, kString, kScalar, kScalar},
     4,
     9,
     kVector,
     true},
    {FunctionId::kHistogramStddev, "histogram_stddev", {kVector}, 1, 0, kVector, false},
    {FunctionId::kHistogramStdvar, "histogram_stdvar", {kVector}, 1, 0, kVector, false},
    {FunctionId::kHistogramSum, "histogram_sum", {kVector}, 1, 0, kVector, false},
    {FunctionId::kHour, "hour", {kVector}, 1, 1, kVector, false},
    {FunctionId::kIdelta, "idelta", {kMatrix}, 1, 0, kVector, false},
    {FunctionId::kIncrease, "increase", {kMatrix}, 1, 0, kVector, false},
    {FunctionId::kInfo, "info", {kVector, kVector}, 2, 1, kVector, true},
    {FunctionId::kIrate, "irate", {kMatrix}, 1, 0, kVector, false},
    {FunctionId::kLabelJoin,
     "label_join",
     {kVector, kString, kString, kString},
     4,
     -1,
     kVector,
     false},
    {FunctionId::kLabelReplace,
     "label_replace",
     {kVector, kString, kString, kString, kString},
     5,
     0,
     kVector,
     false},
    {FunctionId::kLastOverTime, "last_over_time", {kMatrix}, 1, 0, kVector, false},
    {FunctionId::kLn, "ln", {kVector}, 1, 0, kVector, false},
    {FunctionId::kLog10, "log10", {kVector}, 1, 0, kVector, false},
    {FunctionId::kLog2, "log2", {kVector}, 1, 0, kVector, false},
    {FunctionId::kMadOverTime, "mad_over_time", {kMatrix}, 1, 0, kVector, true},
    {FunctionId::kMaxOf, "max_of", {kScalar, kScalar}, 2, 0, kScalar, true},
    {FunctionId::kMaxOverTime, "max_over_time", {kMatrix}, 1, 0, kVector, false},
    {FunctionId::kMinOf, "min_of", {kScalar, kScalar}, 2, 0, kScalar, true},
    {FunctionId::kMinOverTime, "min_over_time", {kMatrix}, 1, 0, kVector, false},
    {FunctionId::kMinute, "minute", {kVector}, 1, 1, kVector, false},
    {FunctionId::kMonth, "month", {kVector}, 1, 1, kVector, false},
    {FunctionId::kPi, "pi", {}, 0, 0, kScalar, false},
    {FunctionId::kPredictLinear, "predict_linear", {kMatrix, kScalar}, 2, 0, kVector, false},
    {FunctionId::kPresentOverTime, "present_over_time", {kMatrix}, 1, 0, kVector, false},
    {FunctionId::kQuantileOverTime, "quantile_over_time", {kScalar, kMatrix}, 2, 0, kVector, false},
    {FunctionId::kRad, "rad", {kVector}, 1, 0, kVector, false},
    {FunctionId::kRange, "range", {}, 0, 0, kScalar, true},
    {FunctionId::kRate, "rate", {kMatrix}, 1, 0, kVector, false},
    {FunctionId::kResets, "resets", {kMatrix}, 1, 0, kVector, false},
    {FunctionId::kRound, "round", {kVector, kScalar}, 2, 1, kVector, false},
    {FunctionId::kScalar, "scalar", {kVector}, 1, 0, kScalar, false},
    {FunctionId::kSgn, "sgn", {kVector}, 1, 0, kVector, false},
    {FunctionId::kSin, "sin", {kVector}, 1, 0, kVector, false},
    {FunctionId::kSinh, "sinh", {kVector}, 1, 0, kVector, false},
    {FunctionId::kSort, "sort", {kVector}, 1, 0, kVector, false},
    {FunctionId::kSortByLabel, "sort_by_label", {kVector, kString}, 2, -1, kVector, true},
    {FunctionId::kSortByLabelDesc, "sort_by_label_desc", {kVector, kString}, 2, -1, kVector, true},
    {FunctionId::kSortDesc, "sort_desc", {kVector}, 1, 0, kVector, false},
    {FunctionId::kSqrt, "sqrt", {kVector}, 1, 0, kVector, false},
    {FunctionId::kStart, "start", {}, 0, 0, kScalar, true},
    {FunctionId::kStartTimestamp, "start_timestamp", {kVector}, 1, 0, kVector, true},
    {FunctionId::kStddevOverTime, "stddev_over_time", {kMatrix}, 1, 0, kVector, false},
    {FunctionId::kStdvarOverTime, "stdvar_over_time", {kMatrix}, 1, 0, kVector, false},
    {FunctionId::kStep, "step", {}, 0, 0, kScalar, true},
    {FunctionId::kSumOverTime, "sum_over_time", {kMatrix}, 1, 0, kVector, false},
    {FunctionId::kTan, "tan", {kVector}, 1, 0, kVector, false},
    {FunctionId::kTanh, "tanh", {kVector}, 1, 0, kVector, false},
    {FunctionId::kTime, "time", {}, 0, 0, kScalar, false},
    {FunctionId::kTimestamp, "timestamp", {kVector}, 1, 0, kVector, false},
    {FunctionId::kTsOfFirstOverTime, "ts_of_first_over_time", {kMatrix}, 1, 0, kVector, true},
    {FunctionId::kTsOfLastOverTime, "ts_of_last_over_time", {kMatrix}, 1, 0, kVector, true},
    {FunctionId::kTsOfMaxOverTime, "ts_of_max_over_time", {kMatrix}, 1, 0, kVector, true},
    {FunctionId::kTsOfMinOverTime, "ts_of_min_over_time", {kMatrix}, 1, 0, kVector, true},
    {FunctionId::kVector, "vector", {kScalar}, 1, 0, kVector, false},
    {FunctionId::kYear, "year", {kVector}, 1, 1, kVector, false},
}};

constexpr bool IsConsistent() {
  for (size_t i = 0; i < kFunctions.size(); ++i) {
    if (static_cast<size_t>(kFunctions[i].id) != i) return false;
    if (i > 0 && kFunctions[i - 1].name >= kFunctions[i].name) return false;
  }
  return true;
}
static_assert(IsConsistent());

}  // namespace

const Function* FindFunction(std::string_view name) {
  const auto it = std::ranges::lower_bound(kFunctions, name, {}, &Function::name);
  return it != kFunctions.end() && it->name == name ? &*it : nullptr;
}

const Function& GetFunction(FunctionId id) { return kFunctions[static_cast<size_t>(id)]; }

std::span<const Function> AllFunctions() { return kFunctions; }

}  // namespace tributary::promql
