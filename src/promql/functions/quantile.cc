#include "promql/functions/quantile.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tributary::promql {

double Quantile(double q, std::span<double> values) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (values.empty() || std::isnan(q)) return std::numeric_limits<double>::quiet_NaN();
  if (q < 0) return -kInfinity;
  if (q > 1) return kInfinity;
  auto less = [](double a, double b) {
    if (std::isnan(a)) return !std::isnan(b);
    return a < b;
  };
  const double n = static_cast<double>(values.size());
  const double rank = q * (n - 1);
  const auto lower = static_cast<size_t>(std::max(0.0, std::floor(rank)));
  const auto upper = std::min(values.size() - 1, lower + 1);
  const double weight = rank - std::floor(rank);
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(lower);
  std::nth_element(values.begin(), middle, values.end(), less);
  const double low = *middle;
  const double high = upper == lower ? low : *std::min_element(middle + 1, values.end(), less);
  return low * (1 - weight) + high * weight;
}

}  // namespace tributary::promql
