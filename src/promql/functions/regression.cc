// deriv and predict_linear (least squares), double_exponential_smoothing.
#include <cmath>
#include <limits>
#include <memory>

#include <fmt/format.h>

#include "promql/functions/kahan.h"
#include "promql/functions/windowed_function.h"

namespace tributary::promql {
namespace {

struct Line {
  double slope = 0;      // per second
  double intercept = 0;  // at the time asked for
};

Line LinearRegression(const Window& w, model::Timestamp intercept_t) {
  double n = 0;
  KahanSum x_sum, y_sum, xy_sum, xx_sum;
  bool constant = true;
  for (size_t i = 0; i < w.t.size(); i++) {
    const double y = w.v[i];
    if (y != w.v[0]) constant = false;
    n += 1;
    const double x = static_cast<double>(w.t[i] - intercept_t) / 1e3;
    x_sum.Add(x);
    y_sum.Add(y);
    xy_sum.Add(x * y);
    xx_sum.Add(x * x);
  }
  if (w.t.size() == 1 || constant) {
    if (std::isinf(w.v[0])) {
      constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
      return {kNaN, kNaN};
    }
    return {0, w.v[0]};
  }
  const double x = x_sum.total(), y = y_sum.total();
  const double covariance = xy_sum.total() - x * y / n;
  const double variance = xx_sum.total() - x * x / n;
  const double slope = covariance / variance;
  return {slope, y / n - slope * x / n};
}

// At least two floats; tells when histograms stand in the way.
bool Usable(const Window& w) {
  if (w.t.empty() || (w.t.size() == 1 && w.h.empty())) return false;
  if (!w.h.empty()) w.NoteIgnoredHistograms();
  return w.t.size() > 1;
}

struct DerivKernel {
  void operator()(const Window& w, Row* out) const {
    if (Usable(w)) out->Set(w.step, LinearRegression(w, w.t[0]).slope);
  }
};

struct PredictLinearKernel {
  void operator()(const Window& w, Row* out) const {
    if (!Usable(w)) return;
    const Line line = LinearRegression(w, w.eval_t);
    out->Set(w.step, line.slope * w.env.scalars[0][w.step] + line.intercept);
  }
};

struct SmoothingKernel {
  base::Status operator()(const Window& w, Row* out) const {
    const double smoothing = w.env.scalars[0][w.step];
    const double trend_factor = w.env.scalars[1][w.step];
    if (smoothing <= 0 || smoothing >= 1) {
      return base::Error(
          base::ErrorCode::kExecution,
          fmt::format("invalid smoothing factor. Expected: 0 < sf < 1, got: {:f}", smoothing));
    }
    if (trend_factor <= 0 || trend_factor >= 1) {
      return base::Error(
          base::ErrorCode::kExecution,
          fmt::format("invalid trend factor. Expected: 0 < tf < 1, got: {:f}", trend_factor));
    }
    if (!Usable(w)) return {};
    double previous = 0, level = w.v[0], trend = w.v[1] - w.v[0];
    for (size_t i = 1; i < w.v.size(); i++) {
      if (i > 1) trend = trend_factor * (level - previous) + (1 - trend_factor) * trend;
      const double next = smoothing * w.v[i] + (1 - smoothing) * (level + trend);
      previous = level;
      level = next;
    }
    out->Set(w.step, level);
    return {};
  }
};

}  // namespace

std::unique_ptr<RangeFunction> MakeRegressionFunction(FunctionId id, const RangeFunctionEnv& env) {
  switch (id) {
    case FunctionId::kDeriv:
      return MakeWindowed(env, DerivKernel());
    case FunctionId::kPredictLinear:
      return MakeWindowed(env, PredictLinearKernel());
    case FunctionId::kDoubleExponentialSmoothing:
      return MakeWindowed(env, SmoothingKernel());
    default:
      return nullptr;
  }
}

}  // namespace tributary::promql
