// The φ-quantile of a set of values, linear between ranks.
#pragma once

#include <span>

namespace tributary::promql {

// NaN sorts lowest. NaN when there are no values or q is NaN, -Inf and +Inf for q outside of
// [0, 1]. Reorders `values`.
double Quantile(double q, std::span<double> values);

}  // namespace tributary::promql
