// Arithmetic where Go's math package and <cmath> differ.
#pragma once

#include <cmath>
#include <limits>

namespace tributary::promql {

// NaN when either is NaN (infinities win over it, as in Go).
inline double GoMax(double a, double b) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (a == kInfinity || b == kInfinity) return kInfinity;
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  if (a == 0 && b == 0) return std::signbit(a) ? b : a;
  return a > b ? a : b;
}
inline double GoMin(double a, double b) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (a == -kInfinity || b == -kInfinity) return -kInfinity;
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  if (a == 0 && b == 0) return std::signbit(a) ? a : b;
  return a < b ? a : b;
}

}  // namespace tributary::promql
