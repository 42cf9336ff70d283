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
  static double OfSum(double sum, size_t /*count*/) { return sum; }
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
  static double OfSum(double sum, size_t count) { return sum / static_cast<double>(count); }
};

// Sums of whole numbers below 2^53 are exact in whatever order they are made: the sum of a window
// is then the difference of two running sums, however long the window. Fills sums[i] with the sum
// of the first i values; false when they are not such numbers.
bool ExactSums(std::span<const double> values, std::vector<double>* sums) {
  constexpr double kExact = 0x1p53;
  sums->resize(values.size() + 1);
  double total = 0;
  double magnitude = 0;
  bool whole = true;
  for (size_t i = 0; i < values.size(); ++i) {
    (*sums)[i] = total;
    total += values[i];
    magnitude += std::abs(values[i]);
    whole &= std::rint(values[i]) == values[i];
  }
  sums->back() = total;
  return whole && magnitude < kExact;
}

template <class Kernel>
class SumFunction final : public RangeFunction {
 public:
  explicit SumFunction(const RangeFunctionEnv& env) : env_(env), any_(env, Kernel()) {}

  base::Status Run(const Samples& s, const MetricName& metric, Row* out) const override {
    std::vector<double> sums;
    if (!s.h.empty() || !ExactSums(s.v, &sums)) return any_.Run(s, metric, out);
    const WindowSpec& spec = env_.window;
    WindowCursor window;
    uint64_t read = 0;
    uint64_t largest = 0;
    for (size_t step = 0; step < env_.steps.count; step++) {
      const auto end = spec.when(env_.steps.at(step));
      window.Move(s.t.size(), end - spec.range_ms - spec.extra_before_ms, end + spec.extra_after_ms,
                  [&](size_t i) { return s.t[i]; });
      const size_t n = window.end - window.begin;
      if (n == 0) continue;
      read += n;
      largest = std::max<uint64_t>(largest, n);
      out->Set(step, Kernel::OfSum(sums[window.end] - sums[window.begin], n));
    }
    env_.context->budget().CountRead(read);
    return env_.context->budget().Touch(largest);
  }

 private:
  const RangeFunctionEnv env_;
  const WindowedFunction<Kernel> any_;
};

}  // namespace

std::unique_ptr<RangeFunction> MakeSumOverTimeFunction(FunctionId id, const RangeFunctionEnv& env) {
  switch (id) {
    case FunctionId::kSumOverTime:
      return std::make_unique<SumFunction<SumKernel>>(env);
    case FunctionId::kAvgOverTime:
      return std::make_unique<SumFunction<AvgKernel>>(env);
    default:
      return nullptr;
  }
}

}  // namespace tributary::promql
