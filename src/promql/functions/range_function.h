// Functions over range vectors: rate(x[5m]), avg_over_time(x[1h:1m]), …
//
// A RangeFunction turns the samples of one series into a row of results, one a step. Most are a
// kernel called with each step's window of the decoded arrays (windowed_function.h); the hottest
// walk the arrays themselves.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "promql/exec/block.h"
#include "promql/exec/context.h"
#include "promql/exec/samples.h"
#include "promql/exec/selector.h"
#include "promql/parse/functions_table.h"

namespace tributary::promql {

// Which samples belong to a step: those in (end - range, end], where end is the time looked up.
struct WindowSpec {
  LookupTime when;
  int64_t range_ms = 0;
  // Extended ranges see more than that: samples up to this much before and after.
  int64_t extra_before_ms = 0;
  int64_t extra_after_ms = 0;
  bool anchored = false;
  bool smoothed = false;
};

// All that a function knows besides the samples.
struct RangeFunctionEnv {
  QueryContext* context = nullptr;
  Steps steps;
  WindowSpec window;
  PosRange arg_pos;  // of the range vector, blamed by annotations
  // The scalar arguments, in order, one value a step. The first argument of the call is args[0]
  // for quantile_over_time, the ones after the range vector for the others.
  std::vector<std::vector<double>> scalars;
  PosRange first_arg_pos;       // of the call's first argument
  bool reads_subquery = false;  // the samples are results of a subquery
};

// The metric name of the series at hand, looked up only for annotations.
class MetricName {
 public:
  MetricName(const SampleSource& source, size_t i) : source_(source), i_(i) {}
  std::string operator()() const {
    return std::string(source_.LabelsOf(i_).Get(model::kMetricName));
  }

 private:
  const SampleSource& source_;
  size_t i_;
};

// Immutable, thread-safe.
class RangeFunction {
 public:
  virtual ~RangeFunction() = default;
  // `samples` has no staleness markers; `out` has every step absent.
  virtual base::Status Run(const Samples& samples, const MetricName& metric, Row* out) const = 0;
};

// Null for functions that take no range vector, and for absent_over_time, which is not about single
// series. `env` is copied.
std::unique_ptr<RangeFunction> MakeRangeFunction(FunctionId id, const RangeFunctionEnv& env);

// The families, each null for what it does not know.
std::unique_ptr<RangeFunction> MakeRateFunction(FunctionId id, const RangeFunctionEnv& env);
std::unique_ptr<RangeFunction> MakeExtendedRateFunction(FunctionId id, const RangeFunctionEnv& env);
std::unique_ptr<RangeFunction> MakeInstantRateFunction(FunctionId id, const RangeFunctionEnv& env);
std::unique_ptr<RangeFunction> MakeSumOverTimeFunction(FunctionId id, const RangeFunctionEnv& env);
std::unique_ptr<RangeFunction> MakeSelectOverTimeFunction(FunctionId id,
                                                          const RangeFunctionEnv& env);
std::unique_ptr<RangeFunction> MakeStatisticsOverTimeFunction(FunctionId id,
                                                              const RangeFunctionEnv& env);
std::unique_ptr<RangeFunction> MakeRegressionFunction(FunctionId id, const RangeFunctionEnv& env);
std::unique_ptr<RangeFunction> MakeChangesFunction(FunctionId id, const RangeFunctionEnv& env);

// Whether start timestamps of samples matter to it.
bool ReadsStartTimestamps(FunctionId id);
// last_over_time and first_over_time answer with samples of the metric itself.
bool KeepsMetricName(FunctionId id);

}  // namespace tributary::promql
