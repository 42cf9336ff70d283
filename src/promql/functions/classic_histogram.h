// Quantiles and fractions of classic histograms: cumulative buckets with upper bounds.
#pragma once

#include <vector>

namespace tributary::promql {

struct ClassicBucket {
  double upper_bound = 0;
  double count = 0;  // of observations at or below it
};

struct ClassicQuantile {
  double value = 0;
  // Counts that fell with rising bounds had to be levelled.
  bool forced_monotonic = false;
  double min_bucket = 0, max_bucket = 0, max_diff = 0;
};

// `buckets` are sorted by bound, not empty, and changed.
ClassicQuantile QuantileOfBuckets(double q, std::vector<ClassicBucket>* buckets);
// The share of observations between two values.
double FractionOfBuckets(double lower, double upper, std::vector<ClassicBucket>* buckets);

}  // namespace tributary::promql
