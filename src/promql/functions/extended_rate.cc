// rate, increase and delta over extended ranges: `x[5m] anchored`, `x[5m] smoothed`. The values at
// both ends of the range are taken from, or interpolated with, samples outside of it; nothing is
// extrapolated.
#include <algorithm>
#include <memory>
#include <optional>

#include "promql/functions/histogram_ops.h"
#include "promql/functions/interpolate.h"
#include "promql/functions/windowed_function.h"

namespace tributary::promql {
namespace {

using model::FloatHistogram;

// The samples that span the range: [first, last], of which the outer ones may lie outside.
struct Span {
  size_t first = 0;
  size_t last = 0;
};

template <class Time>
std::optional<Span> FindSpan(size_t n, const Window& w, bool smoothed, Time time) {
  size_t last = n - 1;
  auto lower_bound = [&](auto reached) {
    size_t i = 0;
    while (i < last && !reached(i)) i++;
    return i;
  };
  const size_t after_start = lower_bound([&](size_t i) { return time(i) > w.start; });
  const size_t first = after_start == 0 ? 0 : after_start - 1;
  if (smoothed) last = lower_bound([&](size_t i) { return time(i) >= w.end; });
  if (time(last) <= w.start) return std::nullopt;
  if (smoothed && time(first) > w.end) return std::nullopt;
  return Span{first, last};
}

class ExtendedRateKernel {
 public:
  ExtendedRateKernel(bool counter, bool per_second, bool smoothed)
      : counter_(counter), per_second_(per_second), smoothed_(smoothed) {}

  void operator()(const Window& w, Row* out) const {
    if (!w.h.empty() && !w.t.empty()) {
      w.annotations().MixedFloatsHistograms(w.metric(), w.env.arg_pos);
    } else if (w.h.empty()) {
      Floats(w, out);
    } else {
      Histograms(w, out);
    }
  }

 private:
  void Floats(const Window& w, Row* out) const {
    auto span = FindSpan(w.t.size(), w, smoothed_, [&](size_t i) { return w.t[i]; });
    if (!span) return;
    auto [first, last] = *span;
    const double left = smoothed_ && w.t[first] < w.start
                            ? Interpolate({w.t[first], w.v[first]},
                                          {w.t[first + 1], w.v[first + 1]}, w.start, counter_)
                            : w.v[first];
    const double right =
        smoothed_ && last > 0 && w.t[last] > w.end
            ? Interpolate({w.t[last - 1], w.v[last - 1]}, {w.t[last], w.v[last]}, w.end, counter_)
            : w.v[last];
    double result = right - left;
    if (counter_) {
      // Resets among the samples strictly within, and towards both ends.
      size_t begin = w.t[first] <= w.start ? first + 1 : first;
      const size_t end = w.t[last] >= w.end ? last : last + 1;
      double correction = 0, before = left;
      for (; begin < end; begin++) {
        if (w.v[begin] < before) correction += before;
        before = w.v[begin];
      }
      if (right < before) correction += before;
      result += correction;
    }
    if (per_second_) result /= static_cast<double>(w.env.window.range_ms) / 1000;
    out->Set(w.step, result);
  }

  bool Valid(const Window& w, Span span) const {
    const bool custom = model::UsesCustomBuckets(*w.h[span.first].h);
    for (size_t i = span.first; i <= span.last; i++) {
      if (model::UsesCustomBuckets(*w.h[i].h) != custom) {
        w.annotations().MixedExponentialCustomHistograms(w.metric(), w.env.arg_pos);
        return false;
      }
      if (counter_ && w.h[i].h->reset_hint == model::CounterResetHint::kGauge) {
        w.annotations().NativeHistogramNotCounter(w.metric(), w.env.arg_pos);
      }
    }
    return true;
  }

  std::optional<FloatHistogram> Between(const Window& w, size_t i, model::Timestamp t) const {
    return InterpolateHistograms(w.h[i], w.h[i + 1], t, counter_, w.annotations(), w.metric,
                                 w.env.arg_pos);
  }

  void Histograms(const Window& w, Row* out) const {
    const auto span = FindSpan(w.h.size(), w, smoothed_, [&](size_t i) { return w.h[i].t; });
    if (!span || !Valid(w, *span)) return;
    const auto [first, last] = *span;
    std::optional<FloatHistogram> left = *w.h[first].h;
    std::optional<FloatHistogram> right = *w.h[last].h;
    if (smoothed_ && w.h[first].t < w.start) left = Between(w, first, w.start);
    if (!left) return;
    if (smoothed_ && last > 0 && w.h[last].t > w.end) right = Between(w, last - 1, w.end);
    if (!right) return;
    using model::CounterResetHint;
    if (!counter_ && (left->reset_hint != CounterResetHint::kGauge ||
                      right->reset_hint != CounterResetHint::kGauge)) {
      w.annotations().NativeHistogramNotGauge(w.metric(), w.env.arg_pos);
    }
    FloatHistogram result = *right;
    if (!SubNoting(&result, *left, w)) return;
    if (counter_ && !Correct(w, *span, *left, *right, &result)) return;
    if (per_second_) model::Div(&result, static_cast<double>(w.env.window.range_ms) / 1000);
    result.reset_hint = CounterResetHint::kGauge;
    model::Compact(&result);
    out->Set(w.step, std::make_shared<FloatHistogram>(std::move(result)));
  }

  // Adds what resets have hidden.
  bool Correct(const Window& w, Span span, const FloatHistogram& left, const FloatHistogram& right,
               FloatHistogram* result) const {
    size_t begin = span.first + 1;
    const size_t end = span.last;  // exclusive: `right` stands for the last
    const FloatHistogram* before = &left;
    if (smoothed_ && w.h[span.first].t < w.start &&
        model::DetectReset(*w.h[span.first + 1].h, *w.h[span.first].h)) {
      // Interpolation on the left has already dealt with this reset.
      before = w.h[span.first + 1].h.get();
      begin++;
    }
    if (begin > end) return true;
    std::optional<FloatHistogram> correction;
    auto add = [&](const FloatHistogram& h) {
      if (correction) return AddNoting(&*correction, h, w);
      correction = h;
      return true;
    };
    for (size_t i = begin; i < end; i++) {
      if (model::DetectReset(*w.h[i].h, *before) && !add(*before)) return false;
      before = w.h[i].h.get();
    }
    if (model::DetectReset(right, *before) && !add(*before)) return false;
    return !correction || AddNoting(result, *correction, w);
  }

  const bool counter_;
  const bool per_second_;
  const bool smoothed_;
};

}  // namespace

std::unique_ptr<RangeFunction> MakeExtendedRateFunction(FunctionId id,
                                                        const RangeFunctionEnv& env) {
  return MakeWindowed(env, ExtendedRateKernel(id != FunctionId::kDelta, id == FunctionId::kRate,
                                              env.window.smoothed));
}

}  // namespace tributary::promql
