// Arithmetic where Go's math package and <cmath> differ.
#pragma once

#include <cmath>
#include <limits>
#include <numbers>

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

// The arc tangent of x > 0 as Go computes it, by Cephes's rational approximation (atan.c): its last
// bit is not always that of <cmath>, and a rate of what hardly changes makes that bit visible.
inline double GoArcTangent(double x) {
  constexpr double kLowBits = 6.123233995736765886130e-17;  // of pi/2, below its double
  constexpr double kTan3Pi8 = 2.41421356237309504880;
  using std::numbers::pi;
  const auto series = [](double a) {
    const double z = a * a;
    const double p = (((-8.750608600031904122785e-01 * z - 1.615753718733365076637e+01) * z -
                       7.500855792314704667340e+01) *
                          z -
                      1.228866684490136173410e+02) *
                         z -
                     6.485021904942025371773e+01;
    const double q = ((((z + 2.485846490142306297962e+01) * z + 1.650270098316988542046e+02) * z +
                       4.328810604912902668951e+02) *
                          z +
                      4.853903996359136964868e+02) *
                         z +
                     1.945506571482613964425e+02;
    return a * (z * p / q) + a;
  };
  if (x <= 0.66) return series(x);
  if (x > kTan3Pi8) return pi / 2 - series(1 / x) + kLowBits;
  return pi / 4 + series((x - 1) / (x + 1)) + 0.5 * kLowBits;
}
inline double GoAtan(double x) {
  if (x == 0 || std::isnan(x)) return x;
  return x > 0 ? GoArcTangent(x) : -GoArcTangent(-x);
}
inline double GoAtan2(double y, double x) {
  if (!std::isfinite(y) || !std::isfinite(x) || y == 0 || x == 0) return std::atan2(y, x);
  const double q = GoAtan(y / x);
  if (x > 0) return q;
  return q <= 0 ? q + std::numbers::pi : q - std::numbers::pi;
}
inline double GoAsin(double x) {
  if (!(std::abs(x) <= 1)) return std::numeric_limits<double>::quiet_NaN();
  if (x == 0) return x;
  const double a = std::abs(x);
  const double other = std::sqrt(1 - a * a);
  const double angle =
      a > 0.7 ? std::numbers::pi / 2 - GoArcTangent(other / a) : GoArcTangent(a / other);
  return x < 0 ? -angle : angle;
}
inline double GoAcos(double x) { return std::numbers::pi / 2 - GoAsin(x); }

}  // namespace tributary::promql
