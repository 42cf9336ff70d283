// Kahan summation in Neumaier's form, as Prometheus's util/kahansum.
#pragma once

#include <cmath>
#include <limits>

namespace tributary::promql {

struct KahanSum {
  double sum = 0;
  double c = 0;  // the total is sum + c

  void Add(double x) {
    const double t = sum + x;
    // Neumaier: what is lost is computed from the larger of the two.
    const bool sum_larger = std::abs(sum) >= std::abs(x);
    const double large = sum_larger ? sum : x;
    const double small = sum_larger ? x : sum;
    c = std::isinf(t) ? 0 : c + ((large - t) + small);
    sum = t;
  }
  double total() const { return sum + c; }
};

// A mean that sums as long as that does not overflow, and then goes on incrementally.
struct KahanMean {
  KahanSum sum;
  double mean = 0;
  double count = 0;
  bool incremental = false;

  void Add(double x) {
    count++;
    if (count == 1) {
      sum = {x, 0};
      mean = x;
      return;
    }
    if (!incremental) {
      KahanSum next = sum;
      next.Add(x);
      if (!std::isinf(next.sum)) {
        sum = next;
        return;
      }
      incremental = true;
      mean = sum.sum / (count - 1);
      sum.c /= count - 1;
    }
    const double q = (count - 1) / count;
    KahanSum next{q * mean, q * sum.c};
    next.Add(x / count);
    mean = next.sum;
    sum.c = next.c;
  }
  double value() const { return incremental ? mean + sum.c : sum.sum / count + sum.c / count; }
};

}  // namespace tributary::promql
