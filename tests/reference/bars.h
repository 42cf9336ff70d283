// A native histogram as what it says: how many observations lie in which bucket. Arithmetic by
// bucket, with nothing of the model's spans and deltas.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/result.h"
#include "model/histogram.h"

namespace tributary::reference {

struct Bars {
  bool gauge = false;  // as it was stored
  bool custom = false;
  // Exponential: bucket i ends at 2^(i * 2^-schema). Custom: bucket i ends at bounds[i].
  int schema = 0;
  std::vector<double> bounds;
  double zero_threshold = 0, zero = 0;
  double count = 0, sum = 0;
  std::map<int, double> positive, negative;
};

Bars BarsOf(const model::FloatHistogram& h);

// a + sign * b, at the coarser of two resolutions, and with the bounds that both have. No value
// when one has custom buckets and the other has not. kUnimplemented: zero buckets of two widths.
base::Result<std::optional<Bars>> Plus(const Bars& a, const Bars& b, double sign);
Bars Times(Bars bars, double factor);
// Fewer observations somewhere than before. REQUIRES: two histograms of one series.
bool Fewer(const Bars& now, const Bars& before);
bool SameBars(const Bars& a, const Bars& b, double tolerance);
bool Close(double a, double b, double tolerance);

}  // namespace tributary::reference
