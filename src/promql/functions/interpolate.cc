#include "promql/functions/interpolate.h"

#include "model/float_histogram.h"

namespace tributary::promql {

double Interpolate(const model::Sample& a, const model::Sample& b, model::Timestamp t,
                   bool counter) {
  const double from = counter && b.v < a.v ? 0 : a.v;
  return from + (b.v - from) * static_cast<double>(t - a.t) / static_cast<double>(b.t - a.t);
}

std::optional<model::FloatHistogram> InterpolateHistograms(const HistogramPoint& a,
                                                           const HistogramPoint& b,
                                                           model::Timestamp t, bool counter,
                                                           AnnotationSink& annotations,
                                                           const MetricName& metric, PosRange pos) {
  if (t == a.t) return *a.h;
  if (t == b.t) return *b.h;
  const double fraction = static_cast<double>(t - a.t) / static_cast<double>(b.t - a.t);
  model::FloatHistogram result = *b.h;
  if (counter && model::DetectReset(*b.h, *a.h)) {
    model::Mul(&result, fraction);
    return result;
  }
  auto subtracted = model::Sub(&result, *a.h);
  if (!subtracted) {
    annotations.MixedExponentialCustomHistograms(metric(), pos);
    return std::nullopt;
  }
  if (subtracted->bounds_reconciled) {
    annotations.MismatchedCustomBuckets(HistogramOperation::kSubtraction, pos);
  }
  model::Mul(&result, fraction);
  auto added = model::Add(&result, *a.h);
  if (!added) {
    annotations.MixedExponentialCustomHistograms(metric(), pos);
    return std::nullopt;
  }
  if (added->bounds_reconciled) {
    annotations.MismatchedCustomBuckets(HistogramOperation::kAddition, pos);
  }
  return result;
}

}  // namespace tributary::promql
