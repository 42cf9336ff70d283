// Quantiles and fractions of native histograms.
#pragma once

#include <string_view>

#include "model/histogram.h"
#include "promql/exec/annotations.h"

namespace tributary::promql {

// What an annotation names and blames.
struct Blame {
  AnnotationSink& annotations;
  std::string_view metric;
  PosRange pos;
};

double QuantileOfHistogram(double q, const model::FloatHistogram& h, const Blame& blame);
double FractionOfHistogram(double lower, double upper, const model::FloatHistogram& h,
                           const Blame& blame);

}  // namespace tributary::promql
