#include "model/go_math.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace tributary::model {

// With x = 2^k * (1 + f), log(1 + f) is computed from s = f / (2 + f) by a polynomial R in s*s that
// stands for (log(1 + f) - 2s) / s.
double GoLog(double x) {
  constexpr double kLn2High = 6.93147180369123816490e-01;
  constexpr double kLn2Low = 1.90821492927058770002e-10;
  constexpr double kL1 = 6.666666666666735130e-01;
  constexpr double kL2 = 3.999999999940941908e-01;
  constexpr double kL3 = 2.857142874366239149e-01;
  constexpr double kL4 = 2.222219843214978396e-01;
  constexpr double kL5 = 1.818357216161805012e-01;
  constexpr double kL6 = 1.531383769920937332e-01;
  constexpr double kL7 = 1.479819860511658591e-01;
  if (std::isnan(x) || x == std::numeric_limits<double>::infinity()) return x;
  if (x < 0) return std::numeric_limits<double>::quiet_NaN();
  if (x == 0) return -std::numeric_limits<double>::infinity();
  int exponent = 0;
  double fraction = std::frexp(x, &exponent);
  if (fraction < std::numbers::sqrt2 / 2) {
    fraction *= 2;
    --exponent;
  }
  const double f = fraction - 1;
  const double k = exponent;
  const double s = f / (2 + f);
  const double s2 = s * s;
  const double s4 = s2 * s2;
  const double t1 = s2 * (kL1 + s4 * (kL3 + s4 * (kL5 + s4 * kL7)));
  const double t2 = s4 * (kL2 + s4 * (kL4 + s4 * kL6));
  const double r = t1 + t2;
  const double half_square = 0.5 * f * f;
  return k * kLn2High - ((half_square - (s * (half_square + r) + k * kLn2Low)) - f);
}

double GoLog2(double x) {
  int exponent = 0;
  const double fraction = std::frexp(x, &exponent);
  if (!std::isfinite(x) || x == 0) return GoLog(x);
  if (fraction == 0.5) return exponent - 1;
  return GoLog(fraction) * std::numbers::log2e + exponent;
}

// With x = k + t and r = t * ln 2, exp(r) comes from a polynomial in r * r (FreeBSD's e_exp.c).
double GoExp2(double x) {
  constexpr double kLn2High = 6.93147180369123816490e-01;
  constexpr double kLn2Low = 1.90821492927058770002e-10;
  constexpr double kLargest = 1.0239999999999999e+03;
  constexpr double kSmallest = -1.0740e+03;
  constexpr double kP1 = 1.66666666666666657415e-01;
  constexpr double kP2 = -2.77777777770155933842e-03;
  constexpr double kP3 = 6.61375632143793436117e-05;
  constexpr double kP4 = -1.65339022054652515390e-06;
  constexpr double kP5 = 4.13813679705723846039e-08;
  if (std::isnan(x)) return x;
  if (x > kLargest) return std::numeric_limits<double>::infinity();
  if (x < kSmallest) return 0;
  const int k = x == 0 ? 0 : static_cast<int>(x > 0 ? x + 0.5 : x - 0.5);
  const double t = x - k;
  const double high = t * kLn2High;
  const double low = -t * kLn2Low;
  const double r = high - low;
  const double r2 = r * r;
  const double c = r - r2 * (kP1 + r2 * (kP2 + r2 * (kP3 + r2 * (kP4 + r2 * kP5))));
  return std::ldexp(1 - ((low - (r * c) / (2 - c)) - high), k);
}

}  // namespace tributary::model
