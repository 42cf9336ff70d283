// irate and idelta: the difference between the last two samples of a window.
#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "promql/functions/histogram_ops.h"
#include "promql/functions/start_timestamps.h"
#include "promql/functions/windowed_function.h"

namespace tributary::promql {
namespace {

struct Point {
  int64_t t = 0;
  int64_t st = 0;
  double v = 0;
  const model::FloatHistogram* h = nullptr;
};

// The last two samples of the window, older first; fewer when it has fewer.
std::vector<Point> LastTwo(const Window& w) {
  std::vector<Point> points;
  const size_t n = w.t.size();
  const size_t hn = w.h.size();
  for (size_t i = n - std::min<size_t>(n, 2); i < n; i++) {
    points.push_back({w.t[i], w.st.empty() ? 0 : w.st[i], w.v[i], nullptr});
  }
  for (size_t i = hn - std::min<size_t>(hn, 2); i < hn; i++) {
    points.push_back({w.h[i].t, w.hst.empty() ? 0 : w.hst[i], 0, w.h[i].h.get()});
  }
  std::ranges::stable_sort(points, {}, &Point::t);
  if (points.size() > 2) points.erase(points.begin(), points.end() - 2);
  return points;
}

class InstantRateKernel {
 public:
  explicit InstantRateKernel(bool rate) : rate_(rate) {}

  void operator()(const Window& w, Row* out) const {
    if (w.t.size() + w.h.size() < 2) return;
    const auto points = LastTwo(w);
    const Point& a = points[0];
    const Point& b = points[1];
    if (a.t == b.t) return;
    if ((a.h == nullptr) != (b.h == nullptr)) {
      w.annotations().MixedFloatsHistograms(w.metric(), w.env.arg_pos);
      return;
    }
    const double seconds = static_cast<double>(b.t - a.t) / 1000;
    const bool st_reset = IsStartTimestampReset(a.st, a.t, b.st, b.t);
    if (b.h == nullptr) {
      const double v = rate_ && (b.v < a.v || st_reset) ? b.v : b.v - a.v;
      out->Set(w.step, rate_ ? v / seconds : v);
      return;
    }
    using model::CounterResetHint;
    const bool any_gauge =
        a.h->reset_hint == CounterResetHint::kGauge || b.h->reset_hint == CounterResetHint::kGauge;
    const bool all_gauge =
        a.h->reset_hint == CounterResetHint::kGauge && b.h->reset_hint == CounterResetHint::kGauge;
    if (rate_ && any_gauge) w.annotations().NativeHistogramNotCounter(w.metric(), w.env.arg_pos);
    if (!rate_ && !all_gauge) w.annotations().NativeHistogramNotGauge(w.metric(), w.env.arg_pos);
    model::FloatHistogram result = *b.h;
    if (!rate_ || (!st_reset && !model::DetectReset(*b.h, *a.h))) {
      if (!SubNoting(&result, *a.h, w)) return;
    }
    result.reset_hint = CounterResetHint::kGauge;
    model::Compact(&result);
    if (rate_) model::Div(&result, seconds);
    out->Set(w.step, std::make_shared<model::FloatHistogram>(std::move(result)));
  }

 private:
  const bool rate_;
};

}  // namespace

std::unique_ptr<RangeFunction> MakeInstantRateFunction(FunctionId id, const RangeFunctionEnv& env) {
  switch (id) {
    case FunctionId::kIrate:
      return MakeWindowed(env, InstantRateKernel(true));
    case FunctionId::kIdelta:
      return MakeWindowed(env, InstantRateKernel(false));
    default:
      return nullptr;
  }
}

}  // namespace tributary::promql
