// Functions of one window of samples.
#include <algorithm>
#include <cmath>
#include <optional>

#include "evaluator.h"

namespace tributary::reference {
namespace {

using promql::FunctionId;
using Samples = std::vector<model::Sample>;

std::vector<double> ValuesOf(const Samples& samples) {
  std::vector<double> out;
  for (const model::Sample& s : samples) out.push_back(s.v);
  return out;
}

double Seconds(int64_t ms) { return static_cast<double>(ms) / 1000; }

// rate, increase, delta.
std::optional<double> Extrapolated(const Samples& s, model::Timestamp start, model::Timestamp end,
                                   bool counter, bool per_second) {
  if (s.size() < 2) return std::nullopt;
  double change = s.back().v - s.front().v;
  for (size_t i = 1; counter && i < s.size(); i++) {
    if (s[i].v < s[i - 1].v) change += s[i - 1].v;
  }
  double before = Seconds(s.front().t - start), after = Seconds(end - s.back().t);
  const double sampled = Seconds(s.back().t - s.front().t);
  const double average = sampled / static_cast<double>(s.size() - 1);
  if (before >= average * 1.1) before = average / 2;
  if (after >= average * 1.1) after = average / 2;
  if (counter && change > 0 && s.front().v >= 0) {
    before = std::min(before, sampled * (s.front().v / change));
  }
  const double v = change * ((sampled + before + after) / sampled);
  return per_second ? v / Seconds(end - start) : v;
}

// Least squares: the slope per second and the value at `origin`.
std::pair<double, double> Regression(const Samples& s, model::Timestamp origin) {
  const bool constant =
      std::ranges::all_of(s, [&](const model::Sample& x) { return x.v == s[0].v; });
  if (constant && std::isinf(s[0].v)) return {NAN, NAN};
  if (constant) return {0, s[0].v};
  std::vector<double> xs, ys, xys, xxs;
  for (const model::Sample& sample : s) {
    const double x = Seconds(sample.t - origin);
    xs.push_back(x);
    ys.push_back(sample.v);
    xys.push_back(x * sample.v);
    xxs.push_back(x * x);
  }
  const auto n = static_cast<double>(s.size());
  const double covariance = Sum(xys) - Sum(xs) * Sum(ys) / n;
  const double slope = covariance / (Sum(xxs) - Sum(xs) * Sum(xs) / n);
  return {slope, Sum(ys) / n - slope * Sum(xs) / n};
}

std::optional<double> Smoothed(const Samples& s, double sf, double tf) {
  if (s.size() < 2) return std::nullopt;
  double previous = 0, level = s[0].v, trend = s[1].v - s[0].v;
  for (size_t i = 1; i < s.size(); i++) {
    if (i > 1) trend = tf * (level - previous) + (1 - tf) * trend;
    previous = level;
    level = sf * s[i].v + (1 - sf) * (level + trend);
  }
  return level;
}

// The first sample that no other beats.
const model::Sample& Extreme(const Samples& s, bool max, bool last_of_equal) {
  const model::Sample* best = &s[0];
  for (const model::Sample& x : s) {
    const bool better = max ? x.v > best->v : x.v < best->v;
    if (better || std::isnan(best->v) || (last_of_equal && x.v == best->v)) best = &x;
  }
  return *best;
}

}  // namespace

base::Result<std::optional<double>> OverWindow(FunctionId id, const Window& window,
                                               model::Timestamp start, model::Timestamp end,
                                               model::Timestamp t,
                                               const std::vector<double>& scalars) {
  const Samples& s = window.samples;
  const std::vector<double> values = ValuesOf(s);
  const bool pair = s.size() >= 2;
  const auto n = static_cast<double>(s.size());
  switch (id) {
    case FunctionId::kRate:
      return Extrapolated(s, start, end, true, true);
    case FunctionId::kIncrease:
      return Extrapolated(s, start, end, true, false);
    case FunctionId::kDelta:
      return Extrapolated(s, start, end, false, false);
    case FunctionId::kIrate:
    case FunctionId::kIdelta: {
      if (!pair) return std::optional<double>();
      const model::Sample a = s[s.size() - 2], b = s.back();
      const bool rate = id == FunctionId::kIrate;
      const double change = rate && b.v < a.v ? b.v : b.v - a.v;
      return std::optional(rate ? change / Seconds(b.t - a.t) : change);
    }
    case FunctionId::kAvgOverTime:
      return std::optional(Mean(values));
    case FunctionId::kSumOverTime:
      return std::optional(Sum(values));
    case FunctionId::kMinOverTime:
      return std::optional(Extreme(s, false, false).v);
    case FunctionId::kMaxOverTime:
      return std::optional(Extreme(s, true, false).v);
    case FunctionId::kTsOfMinOverTime:
      return std::optional(Seconds(Extreme(s, false, true).t));
    case FunctionId::kTsOfMaxOverTime:
      return std::optional(Seconds(Extreme(s, true, true).t));
    case FunctionId::kTsOfFirstOverTime:
      return std::optional(Seconds(s.front().t));
    case FunctionId::kTsOfLastOverTime:
      return std::optional(Seconds(s.back().t));
    case FunctionId::kCountOverTime:
      return std::optional(n);
    case FunctionId::kStddevOverTime:
      return std::optional(std::sqrt(Variance(values)));
    case FunctionId::kStdvarOverTime:
      return std::optional(Variance(values));
    case FunctionId::kLastOverTime:
      return std::optional(s.back().v);
    case FunctionId::kFirstOverTime:
      return std::optional(s.front().v);
    case FunctionId::kPresentOverTime:
      return std::optional(1.0);
    case FunctionId::kChanges:
    case FunctionId::kResets: {
      double count = 0;
      for (size_t i = 1; i < s.size(); i++) {
        const double a = s[i - 1].v, b = s[i].v;
        const bool changed = a != b && !(std::isnan(a) && std::isnan(b));
        count += id == FunctionId::kChanges ? changed : b < a;
      }
      return std::optional(count);
    }
    case FunctionId::kDeriv:
      if (!pair) return std::optional<double>();
      return std::optional(Regression(s, s[0].t).first);
    case FunctionId::kPredictLinear: {
      if (!pair) return std::optional<double>();
      const auto [slope, intercept] = Regression(s, t);
      return std::optional(slope * scalars[0] + intercept);
    }
    case FunctionId::kQuantileOverTime:
      return std::optional(Quantile(scalars[0], values));
    case FunctionId::kMadOverTime: {
      if (std::ranges::any_of(values, [](double v) { return std::isnan(v); })) return NAN;
      const double median = Quantile(0.5, values);
      std::vector<double> deviations;
      for (const double v : values) deviations.push_back(std::abs(v - median));
      return std::optional(Quantile(0.5, deviations));
    }
    case FunctionId::kDoubleExponentialSmoothing:
      return Smoothed(s, scalars[0], scalars[1]);
    default:
      return Unimplemented("this range function");
  }
}

}  // namespace tributary::reference
