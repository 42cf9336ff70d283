// stddev_over_time, stdvar_over_time, quantile_over_time, mad_over_time.
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "promql/functions/kahan.h"
#include "promql/functions/quantile.h"
#include "promql/functions/windowed_function.h"

namespace tributary::promql {
namespace {

class VarianceKernel {
 public:
  explicit VarianceKernel(bool root) : root_(root) {}

  void operator()(const Window& w, Row* out) const {
    if (w.t.empty()) return;
    if (!w.h.empty()) w.NoteIgnoredHistograms();
    double count = 0;
    KahanSum mean, aux;
    for (double v : w.v) {
      count++;
      const double delta = v - mean.total();
      mean.Add(delta / count);
      aux.Add(delta * (v - mean.total()));
    }
    const double variance = aux.total() / count;
    out->Set(w.step, root_ ? std::sqrt(variance) : variance);
  }

 private:
  const bool root_;
};

struct QuantileKernel {
  void operator()(const Window& w, Row* out) const {
    if (w.t.empty()) return;
    const double q = w.env.scalars[0][w.step];
    if (std::isnan(q) || q < 0 || q > 1) w.annotations().InvalidQuantile(q, w.env.first_arg_pos);
    if (!w.h.empty()) w.annotations().HistogramIgnoredInMixedRange(w.metric(), w.env.first_arg_pos);
    std::vector<double> values(w.v.begin(), w.v.end());
    out->Set(w.step, Quantile(q, values));
  }
};

struct MadKernel {
  void operator()(const Window& w, Row* out) const {
    if (w.t.empty()) return;
    if (!w.h.empty()) w.NoteIgnoredHistograms();
    std::vector<double> values(w.v.begin(), w.v.end());
    for (double v : values) {
      if (std::isnan(v)) return out->Set(w.step, std::numeric_limits<double>::quiet_NaN());
    }
    const double median = Quantile(0.5, values);
    for (double& v : values) v = std::abs(v - median);
    out->Set(w.step, Quantile(0.5, values));
  }
};

}  // namespace

std::unique_ptr<RangeFunction> MakeStatisticsOverTimeFunction(FunctionId id,
                                                              const RangeFunctionEnv& env) {
  switch (id) {
    case FunctionId::kStddevOverTime:
      return MakeWindowed(env, VarianceKernel(true));
    case FunctionId::kStdvarOverTime:
      return MakeWindowed(env, VarianceKernel(false));
    case FunctionId::kQuantileOverTime:
      return MakeWindowed(env, QuantileKernel());
    case FunctionId::kMadOverTime:
      return MakeWindowed(env, MadKernel());
    default:
      return nullptr;
  }
}

}  // namespace tributary::promql
