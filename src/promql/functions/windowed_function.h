// Walks the windows of all steps over decoded samples with moving pointers.
#pragma once

#include <algorithm>
#include <span>
#include <type_traits>
#include <utility>

#include "promql/functions/range_function.h"

namespace tributary::promql {

// One step's samples, and where it lies.
struct Window {
  std::span<const int64_t> t;
  std::span<const double> v;
  std::span<const HistogramPoint> h;
  std::span<const int64_t> st;   // empty, or beside t
  std::span<const int64_t> hst;  // empty, or beside h
  model::Timestamp start = 0;    // exclusive; extended ranges hold samples before it
  model::Timestamp end = 0;      // inclusive; extended ranges hold samples after it
  model::Timestamp eval_t = 0;   // the step
  size_t step = 0;
  const RangeFunctionEnv& env;
  const MetricName& metric;

  AnnotationSink& annotations() const { return env.context->annotations(); }
  // For functions that look at floats only.
  void NoteIgnoredHistograms() const {
    annotations().HistogramIgnoredInMixedRange(metric(), env.arg_pos);
  }
};

// Half-open index range of the samples in (after, upto], moving forward only.
class WindowCursor {
 public:
  template <class Time>  // Time(i): time of sample i
  void Move(size_t n, model::Timestamp after, model::Timestamp upto, Time time) {
    while (end < n && time(end) <= upto) end++;
    while (begin < end && time(begin) <= after) begin++;
  }
  size_t begin = 0;
  size_t end = 0;
};

// Samples looked at between two looks at the clock.
inline constexpr uint64_t kSamplesPerCheck = 1'000'000;

// Kernel: void or base::Status operator()(const Window&, Row*) const, called for each step with
// at least one sample.
template <class Kernel>
class WindowedFunction final : public RangeFunction {
 public:
  WindowedFunction(const RangeFunctionEnv& env, Kernel kernel)
      : env_(env), kernel_(std::move(kernel)) {}

  base::Status Run(const Samples& s, const MetricName& metric, Row* out) const override {
    const WindowSpec& spec = env_.window;
    WindowCursor floats, histograms;
    uint64_t read = 0;
    uint64_t largest = 0;
    uint64_t next_check = kSamplesPerCheck;
    for (size_t step = 0; step < env_.steps.count; step++) {
      const auto eval_t = env_.steps.at(step);
      const auto end = spec.when(eval_t);
      const auto start = end - spec.range_ms;
      const auto after = start - spec.extra_before_ms;
      const auto upto = end + spec.extra_after_ms;
      floats.Move(s.t.size(), after, upto, [&](size_t i) { return s.t[i]; });
      histograms.Move(s.h.size(), after, upto, [&](size_t i) { return s.h[i].t; });
      const size_t n = floats.end - floats.begin;
      const size_t hn = histograms.end - histograms.begin;
      if (n + hn == 0) continue;
      read += n + hn;
      if (read > next_check) {
        RETURN_IF_ERROR(env_.context->Check());
        next_check = read + kSamplesPerCheck;
      }
      largest = std::max<uint64_t>(largest, n + hn);
      const Window window{
          .t = std::span(s.t).subspan(floats.begin, n),
          .v = std::span(s.v).subspan(floats.begin, n),
          .h = std::span(s.h).subspan(histograms.begin, hn),
          .st =
              s.st.empty() ? std::span<const int64_t>() : std::span(s.st).subspan(floats.begin, n),
          .hst = s.hst.empty() ? std::span<const int64_t>()
                               : std::span(s.hst).subspan(histograms.begin, hn),
          .start = start,
          .end = end,
          .eval_t = eval_t,
          .step = step,
          .env = env_,
          .metric = metric,
      };
      if constexpr (std::is_void_v<decltype(kernel_(window, out))>) {
        kernel_(window, out);
      } else {
        RETURN_IF_ERROR(kernel_(window, out));
      }
    }
    env_.context->budget().CountRead(read);
    return env_.context->budget().Touch(largest);
  }

 private:
  const RangeFunctionEnv env_;
  const Kernel kernel_;
};

template <class Kernel>
std::unique_ptr<RangeFunction> MakeWindowed(const RangeFunctionEnv& env, Kernel kernel) {
  return std::make_unique<WindowedFunction<Kernel>>(env, std::move(kernel));
}

}  // namespace tributary::promql
