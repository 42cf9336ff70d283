// Functions of one window of samples.
#include <algorithm>
#include <cmath>
#include <optional>

#include "evaluator.h"

namespace tributary::reference {
namespace {

using promql::FunctionId;
using Samples = std::vector<model::Sample>;
using Histograms = std::vector<HistogramSample>;

std::vector<double> ValuesOf(const Samples& samples) {
  std::vector<double> out;
  for (const model::Sample& s : samples) out.push_back(s.v);
  return out;
}

double Seconds(int64_t ms) { return static_cast<double>(ms) / 1000; }

// rate, increase, delta: what the change between the samples is multiplied with. `first` and
// `change` are values, or counts of observations.
struct Extrapolation {
  model::Timestamp start, end;
  bool counter, per_second;

  template <class AnySamples>
  double Factor(const AnySamples& s, double first, double change) const {
    double before = Seconds(s.front().t - start), after = Seconds(end - s.back().t);
    const double sampled = Seconds(s.back().t - s.front().t);
    const double average = sampled / static_cast<double>(s.size() - 1);
    if (before >= average * 1.1) before = average / 2;
    if (after >= average * 1.1) after = average / 2;
    if (counter && change > 0 && first >= 0) {
      before = std::min(before, sampled * (first / change));
    }
    const double factor = (sampled + before + after) / sampled;
    return per_second ? factor / Seconds(end - start) : factor;
  }
};

std::optional<Point> Extrapolated(const Samples& s, const Extrapolation& how) {
  if (s.size() < 2) return std::nullopt;
  double change = s.back().v - s.front().v;
  for (size_t i = 1; how.counter && i < s.size(); i++) {
    if (s[i].v < s[i - 1].v) change += s[i - 1].v;
  }
  return Point{change * how.Factor(s, s.front().v, change)};
}

base::Result<std::optional<Point>> Extrapolated(const Histograms& s, const Extrapolation& how) {
  if (s.size() < 2) return std::optional<Point>();
  ASSIGN_OR_RETURN(std::optional<Bars> change, Plus(s.back().h, s.front().h, -1));
  for (size_t i = 1; how.counter && change && i < s.size(); i++) {
    if (!Fewer(s[i].h, s[i - 1].h)) continue;
    ASSIGN_OR_RETURN(change, Plus(*change, s[i - 1].h, 1));
  }
  if (!change) return std::optional<Point>();
  return std::optional(Point{0, Times(*change, how.Factor(s, s.front().h.count, change->count))});
}

// Floats and histograms in order of time.
struct Either {
  model::Timestamp t;
  double v;
  const Bars* h;
};
std::vector<Either> InOrder(const Window& window) {
  std::vector<Either> out;
  for (const model::Sample& s : window.samples) out.push_back({s.t, s.v, nullptr});
  for (const HistogramSample& s : window.histograms) out.push_back({s.t, 0, &s.h});
  std::ranges::sort(out, {}, &Either::t);
  return out;
}

Point PointOf(const Either& e) { return e.h == nullptr ? Point{e.v} : Point{0, *e.h}; }

// irate and idelta.
base::Result<std::optional<Point>> OfLastTwo(const Window& window, bool rate) {
  const auto all = InOrder(window);
  if (all.size() < 2) return std::optional<Point>();
  const Either &a = all[all.size() - 2], &b = all.back();
  if ((a.h == nullptr) != (b.h == nullptr)) return std::optional<Point>();
  const double seconds = rate ? Seconds(b.t - a.t) : 1;
  if (a.h == nullptr) {
    return std::optional(Point{(rate && b.v < a.v ? b.v : b.v - a.v) / seconds});
  }
  std::optional<Bars> change = *b.h;
  if (!rate || !Fewer(*b.h, *a.h)) {
    ASSIGN_OR_RETURN(change, Plus(*b.h, *a.h, -1));
  }
  return std::optional(Point{0, Times(*change, 1 / seconds)});
}

double CountOf(const Window& window, bool changes) {
  const auto all = InOrder(window);
  double count = 0;
  for (size_t i = 1; i < all.size(); i++) {
    const Either &a = all[i - 1], &b = all[i];
    if ((a.h == nullptr) != (b.h == nullptr)) {
      count++;
    } else if (a.h != nullptr) {
      count += changes ? !SameBars(*a.h, *b.h, 0) : Fewer(*b.h, *a.h);
    } else {
      const bool changed = a.v != b.v && !(std::isnan(a.v) && std::isnan(b.v));
      count += changes ? changed : b.v < a.v;
    }
  }
  return count;
}

base::Result<std::optional<Point>> SumOf(const Histograms& histograms, bool mean) {
  std::optional<Bars> total = histograms[0].h;
  for (size_t i = 1; i < histograms.size() && total; i++) {
    ASSIGN_OR_RETURN(total, Plus(*total, histograms[i].h, 1));
  }
  if (!total) return std::optional<Point>();
  const double factor = mean ? 1 / static_cast<double>(histograms.size()) : 1;
  return std::optional(Point{0, Times(*total, factor)});
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

// Functions that see floats only, of which there is one at least.
base::Result<std::optional<double>> OverFloats(FunctionId id, const Samples& s, model::Timestamp t,
                                               const std::vector<double>& scalars) {
  const std::vector<double> values = ValuesOf(s);
  const bool pair = s.size() >= 2;
  switch (id) {
    case FunctionId::kMinOverTime:
      return std::optional(Extreme(s, false, false).v);
    case FunctionId::kMaxOverTime:
      return std::optional(Extreme(s, true, false).v);
    case FunctionId::kTsOfMinOverTime:
      return std::optional(Seconds(Extreme(s, false, true).t));
    case FunctionId::kTsOfMaxOverTime:
      return std::optional(Seconds(Extreme(s, true, true).t));
    case FunctionId::kStddevOverTime:
      return std::optional(std::sqrt(Variance(values)));
    case FunctionId::kStdvarOverTime:
      return std::optional(Variance(values));
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

}  // namespace

base::Result<std::optional<Point>> OverWindow(FunctionId id, const Window& window,
                                              model::Timestamp start, model::Timestamp end,
                                              model::Timestamp t,
                                              const std::vector<double>& scalars) {
  const Samples& s = window.samples;
  const bool mixed = !s.empty() && !window.histograms.empty();
  const bool sees_resets = id == FunctionId::kRate || id == FunctionId::kIncrease ||
                           id == FunctionId::kIrate || id == FunctionId::kResets;
  if (sees_resets && std::ranges::any_of(window.histograms,
                                         [](const HistogramSample& one) { return one.h.gauge; })) {
    return Unimplemented("resets of gauges");
  }
  const auto number = [](double v) { return std::optional(Point{v}); };
  switch (id) {
    case FunctionId::kRate:
    case FunctionId::kIncrease:
    case FunctionId::kDelta: {
      const Extrapolation how{start, end, id != FunctionId::kDelta, id == FunctionId::kRate};
      if (mixed) return std::optional<Point>();
      if (s.empty()) return Extrapolated(window.histograms, how);
      return Extrapolated(s, how);
    }
    case FunctionId::kIrate:
    case FunctionId::kIdelta:
      return OfLastTwo(window, id == FunctionId::kIrate);
    case FunctionId::kSumOverTime:
    case FunctionId::kAvgOverTime: {
      const bool mean = id == FunctionId::kAvgOverTime;
      if (mixed) return std::optional<Point>();
      if (s.empty()) return SumOf(window.histograms, mean);
      return number(mean ? Mean(ValuesOf(s)) : Sum(ValuesOf(s)));
    }
    case FunctionId::kTsOfFirstOverTime:
      return number(Seconds(InOrder(window).front().t));
    case FunctionId::kTsOfLastOverTime:
      return number(Seconds(InOrder(window).back().t));
    case FunctionId::kCountOverTime:
      return number(static_cast<double>(InOrder(window).size()));
    case FunctionId::kLastOverTime:
      return std::optional(PointOf(InOrder(window).back()));
    case FunctionId::kFirstOverTime:
      return std::optional(PointOf(InOrder(window).front()));
    case FunctionId::kPresentOverTime:
      return number(1);
    case FunctionId::kChanges:
    case FunctionId::kResets:
      return number(CountOf(window, id == FunctionId::kChanges));
    default:
      break;
  }
  if (s.empty()) return std::optional<Point>();
  ASSIGN_OR_RETURN(const auto v, OverFloats(id, s, t, scalars));
  return v ? number(*v) : std::nullopt;
}

}  // namespace tributary::reference
