// Kahan summation with Neumaier's improvement, in Prometheus's form (util/kahansum).
#pragma once

#include <cmath>

namespace tributary::model {

// Adds `inc` to the running `sum` with compensation `c`; the total is sum + c.
inline void KahanInc(double inc, double* sum, double* c) {
  const double t = *sum + inc;
  if (std::isinf(t)) {
    *c = 0;
  } else if (std::abs(*sum) >= std::abs(inc)) {
    *c += (*sum - t) + inc;
  } else {
    *c += (inc - t) + *sum;
  }
  *sum = t;
}

}  // namespace tributary::model
