// rate, increase, delta: the difference over a window, extrapolated towards its ends.
#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "promql/functions/extrapolation.h"
#include "promql/functions/histogram_ops.h"
#include "promql/functions/reset_correction.h"
#include "promql/functions/start_timestamps.h"
#include "promql/functions/windowed_function.h"

namespace tributary::promql {
namespace {

struct RateKind {
  bool counter = false;     // resets are corrected for
  bool per_second = false;  // divided by the range
};

// Of n samples, the first of the value or count `first`.
Extrapolation<double> ExtrapolationOf(model::Timestamp start, model::Timestamp end, int64_t first_t,
                                      int64_t last_t, size_t n, double first, double increase) {
  return {static_cast<double>(first_t - start),
          static_cast<double>(end - last_t),
          static_cast<double>(last_t - first_t),
          static_cast<double>(n - 1),
          first,
          increase};
}

class RateKernel {
 public:
  explicit RateKernel(RateKind kind) : kind_(kind) {}

  void operator()(const Window& w, Row* out) const {
    if (!w.h.empty() && !w.t.empty()) {
      w.annotations().MixedFloatsHistograms(w.metric(), w.env.arg_pos);
      return;
    }
    if (w.h.empty()) {
      Floats(w, out);
    } else {
      Histograms(w, out);
    }
  }

 private:
  double PerSecond(double factor, const Window& w) const {
    return kind_.per_second ? factor / (static_cast<double>(w.env.window.range_ms) / 1000) : factor;
  }

  // The series began inside of the window.
  bool StartsWithin(std::span<const int64_t> st, int64_t first_t, const Window& w) const {
    return kind_.counter && !st.empty() && st[0] != 0 && st[0] > w.start && st[0] < first_t;
  }

  // From the start of the series to the last sample, extrapolated to the end only.
  static double FactorFromStart(int64_t start_t, int64_t last_t, size_t intervals, int64_t first_t,
                                const Window& w) {
    const double sampled = static_cast<double>(last_t - start_t) / 1000;
    double to_end = static_cast<double>(w.end - last_t) / 1000;
    const double average = intervals == 0 ? 0
                                          : static_cast<double>(last_t - first_t) / 1000 /
                                                static_cast<double>(intervals);
    if (to_end >= average * 1.1) to_end = average / 2;
    return sampled == 0 ? 1.0 : (sampled + to_end) / sampled;
  }

  void Floats(const Window& w, Row* out) const {
    const size_t n = w.t.size();
    double increase = w.v[n - 1] - w.v[0];
    if (kind_.counter) {
      NoteStartTimeOverlaps(w.t, w.st, w);
      for (size_t i = 1; i < n; i++) {
        const bool reset =
            w.v[i] < w.v[i - 1] ||
            (!w.st.empty() && IsStartTimestampReset(w.st[i - 1], w.t[i - 1], w.st[i], w.t[i]));
        if (reset) increase += w.v[i - 1];
      }
    }
    double factor;
    if (StartsWithin(w.st, w.t[0], w)) {
      increase += w.v[0];
      factor = FactorFromStart(w.st[0], w.t[n - 1], n - 1, w.t[0], w);
    } else if (n < 2) {
      return;
    } else {
      ExtrapolationFactor(ExtrapolationOf(w.start, w.end, w.t[0], w.t[n - 1], n, w.v[0], increase),
                          kind_.counter, &factor);
    }
    out->Set(w.step, increase * PerSecond(factor, w));
  }

  void Histograms(const Window& w, Row* out) const {
    const size_t n = w.h.size();
    std::optional<model::FloatHistogram> increase;
    if (n > 1) {
      increase = HistogramIncrease(w, kind_.counter);
      if (!increase) return;
    }
    double factor;
    if (StartsWithin(w.hst, w.h[0].t, w)) {
      if (!increase) {
        increase = *w.h[0].h;
      } else if (!AddNoting(&*increase, *w.h[0].h, w)) {
        return;
      }
      factor = FactorFromStart(w.hst[0], w.h[n - 1].t, n - 1, w.h[0].t, w);
    } else if (n < 2) {
      return;
    } else {
      ExtrapolationFactor(ExtrapolationOf(w.start, w.end, w.h[0].t, w.h[n - 1].t, n,
                                          w.h[0].h->count, increase->count),
                          kind_.counter, &factor);
    }
    model::Mul(&*increase, PerSecond(factor, w));
    out->Set(w.step, std::make_shared<model::FloatHistogram>(std::move(*increase)));
  }

  const RateKind kind_;
};

// Series of floats without start timestamps, which is nearly all of them, take one tight loop.
class RateFunction final : public RangeFunction {
 public:
  RateFunction(const RangeFunctionEnv& env, RateKind kind)
      : env_(env),
        kind_(kind),
        range_(kind.per_second ? static_cast<double>(env.window.range_ms) / 1000 : 1.0),
        general_(env, RateKernel(kind)) {}

  base::Status Run(const Samples& s, const MetricName& metric, Row* out) const override {
    if (!s.h.empty() || !s.st.empty()) return general_.Run(s, metric, out);
    const size_t n = s.t.size();
    const int64_t* t = s.t.data();
    const double* v = s.v.data();
    // The samples before which the counter was reset: usually none.
    std::vector<size_t> resets;
    if (kind_.counter) {
      for (size_t i = 1; i < n; i++) {
        if (v[i] < v[i - 1]) resets.push_back(i);
      }
    }
    ResetCorrection correction(resets, v);
    ExtrapolationBatch batch(kind_.counter);
    WindowCursor window;
    uint64_t read = 0, largest = 0;
    uint64_t checked = 0;  // corrections made when the clock was last looked at
    for (size_t step = 0; step < env_.steps.count; step++) {
      const auto end = env_.window.when(env_.steps.at(step));
      window.Move(n, end - env_.window.range_ms, end, [&](size_t i) { return t[i]; });
      const size_t size = window.end - window.begin;
      read += size;
      largest = std::max<uint64_t>(largest, size);
      if (size < 2) continue;
      const size_t first = window.begin, last = window.end - 1;
      const double increase = v[last] - v[first];
      if (resets.empty()) {
        Extrapolate(s, {step, first, last}, increase, &batch, out);
        continue;
      }
      if (!correction.Add({step, first, last}, increase)) continue;
      Flush(s, &correction, &batch, out);
      if (correction.made() - checked > kSamplesPerCheck) {
        RETURN_IF_ERROR(env_.context->Check());
        checked = correction.made();
      }
    }
    Flush(s, &correction, &batch, out);
    Flush(&batch, out);
    env_.context->budget().CountRead(read);
    return env_.context->budget().Touch(largest);
  }

 private:
  void Extrapolate(const Samples& s, const StepWindow& w, double increase,
                   ExtrapolationBatch* batch, Row* out) const {
    const auto end = env_.window.when(env_.steps.at(w.step));
    if (batch->Add(w.step,
                   ExtrapolationOf(end - env_.window.range_ms, end, s.t[w.first], s.t[w.last],
                                   w.last - w.first + 1, s.v[w.first], increase))) {
      Flush(batch, out);
    }
  }

  void Flush(const Samples& s, ResetCorrection* correction, ExtrapolationBatch* batch,
             Row* out) const {
    correction->Flush(
        [&](const StepWindow& w, double increase) { Extrapolate(s, w, increase, batch, out); });
  }

  void Flush(ExtrapolationBatch* batch, Row* out) const {
    batch->Flush([&](size_t step, double increase, double factor) {
      out->values[step] = increase * (factor / range_);
    });
  }

  const RangeFunctionEnv env_;
  const RateKind kind_;
  const double range_;  // in seconds; 1 when the result is not one per second
  const WindowedFunction<RateKernel> general_;
};

}  // namespace

std::unique_ptr<RangeFunction> MakeRateFunction(FunctionId id, const RangeFunctionEnv& env) {
  RateKind kind;
  switch (id) {
    case FunctionId::kRate:
      kind = {.counter = true, .per_second = true};
      break;
    case FunctionId::kIncrease:
      kind = {.counter = true, .per_second = false};
      break;
    case FunctionId::kDelta:
      break;
    default:
      return nullptr;
  }
  if (env.window.anchored || env.window.smoothed) return MakeExtendedRateFunction(id, env);
  return std::make_unique<RateFunction>(env, kind);
}

}  // namespace tributary::promql
