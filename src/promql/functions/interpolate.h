// Values between two samples, for smoothed selectors and ranges.
#pragma once

#include <optional>

#include "promql/exec/annotations.h"
#include "promql/exec/samples.h"
#include "promql/functions/range_function.h"

namespace tributary::promql {

// At `t` on the line from a to b. A counter that was reset in between starts from zero.
double Interpolate(const model::Sample& a, const model::Sample& b, model::Timestamp t,
                   bool counter);

// Nothing, after a warning, when the two have no buckets in common to compare.
std::optional<model::FloatHistogram> InterpolateHistograms(const HistogramPoint& a,
                                                           const HistogramPoint& b,
                                                           model::Timestamp t, bool counter,
                                                           AnnotationSink& annotations,
                                                           const MetricName& metric, PosRange pos);

}  // namespace tributary::promql
