// sum_over_time and avg_over_time.
#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <vector>

#include "promql/functions/histogram_sum.h"
#include "promql/functions/kahan.h"
#include "promql/functions/windowed_function.h"

namespace tributary::promql {
namespace {

// Floats: float in, float out. Histograms: an accumulator with Add(h), and what it comes to.
template <class FloatFn, class Histograms, class Result>
void OverTime(const Window& w, Row* out, FloatFn float_fn, Histograms histograms, Result result) {
  if (!w.h.empty() && !w.t.empty()) {
    w.annotations().MixedFloatsHistograms(w.metric(), w.env.arg_pos);
    return;
  }
  if (w.h.empty()) {
    out->Set(w.step, float_fn(w.v));
    return;
  }
  for (const auto& point : w.h) {
    if (!histograms.Add(*point.h)) {
      w.annotations().MixedExponentialCustomHistograms(w.metric(), w.env.arg_pos);
      return;
    }
  }
  auto value = result(histograms);
  if (!value) {
    w.annotations().MixedExponentialCustomHistograms(w.metric(), w.env.arg_pos);
    return;
  }
  if (histograms.counter_resets_collide()) {
    w.annotations().CounterResetCollision(HistogramOperation::kAggregation, w.env.arg_pos);
  }
  if (histograms.bounds_reconciled()) {
    w.annotations().MismatchedCustomBuckets(HistogramOperation::kAggregation, w.env.arg_pos);
  }
  out->Set(w.step, std::make_shared<model::FloatHistogram>(std::move(*value)));
}

struct SumKernel {
  void operator()(const Window& w, Row* out) const {
    auto sum = [](std::span<const double> values) {
      KahanSum total;
      for (double v : values) total.Add(v);
      return std::isinf(total.sum) ? total.sum : total.total();
    };
    OverTime(w, out, sum, HistogramSum(), [](const HistogramSum& s) { return s.Total(); });
  }
};

struct AvgKernel {
  void operator()(const Window& w, Row* out) const {
    auto mean = [](std::span<const double> values) {
      KahanMean total;
      for (double v : values) total.Add(v);
      return total.value();
    };
    OverTime(w, out, mean, HistogramMean(), [](const HistogramMean& m) { return m.Mean(); });
  }
};

}  // namespace

std::unique_ptr<RangeFunction> MakeSumOverTimeFunction(FunctionId id, const RangeFunctionEnv& env) {
  switch (id) {
    case FunctionId::kSumOverTime:
      return MakeWindowed(env, SumKernel());
    case FunctionId::kAvgOverTime:
      return MakeWindowed(env, AvgKernel());
    default:
      return nullptr;
  }
}

}  // namespace tributary::promql
