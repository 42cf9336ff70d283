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

// Whether sums over any run of the values are exact, so that differences of prefix sums equal what
// summing up would give, bit for bit.
bool SumsExactly(std::span<const double> values) {
  constexpr double kLargestExact = 9007199254740992.0;  // 2^53
  double magnitude = 0;
  for (double v : values) {
    if (!(std::abs(v) <= kLargestExact) || v != std::trunc(v)) return false;
    magnitude += std::abs(v);
  }
  return magnitude <= kLargestExact;
}

// Windows that overlap much would look at every sample many times. Where all values are integers,
// as with most counters of things, one pass of prefix sums answers them all.
template <class Kernel>
class IntegerSumFunction final : public RangeFunction {
 public:
  IntegerSumFunction(const RangeFunctionEnv& env, bool mean)
      : env_(env), mean_(mean), general_(env, Kernel()) {}

  base::Status Run(const Samples& s, const MetricName& metric, Row* out) const override {
    const int64_t overlap = env_.window.range_ms / env_.steps.step_ms;
    if (overlap < kWorthwhileOverlap || env_.steps.count < 2 || !s.h.empty() || !SumsExactly(s.v)) {
      return general_.Run(s, metric, out);
    }
    std::vector<double> prefix(s.v.size() + 1);
    for (size_t i = 0; i < s.v.size(); i++) prefix[i + 1] = prefix[i] + s.v[i];
    WindowCursor window;
    uint64_t read = 0, largest = 0;
    for (size_t step = 0; step < env_.steps.count; step++) {
      const auto end = env_.window.when(env_.steps.at(step));
      window.Move(s.t.size(), end - env_.window.range_ms, end, [&](size_t i) { return s.t[i]; });
      const size_t n = window.end - window.begin;
      if (n == 0) continue;
      read += n;
      largest = std::max<uint64_t>(largest, n);
      const double sum = prefix[window.end] - prefix[window.begin];
      out->values[step] = mean_ ? sum / static_cast<double>(n) : sum;
    }
    env_.context->budget().CountRead(read);
    return env_.context->budget().Touch(largest);
  }

 private:
  static constexpr int64_t kWorthwhileOverlap = 4;

  const RangeFunctionEnv env_;
  const bool mean_;
  const WindowedFunction<Kernel> general_;
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
