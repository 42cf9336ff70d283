#include "promql/functions/classic_histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tributary::promql {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kSmallDelta = 1e-12;

// Adds up buckets with the same bound: sources that write "1" and "1.0".
void Coalesce(std::vector<ClassicBucket>* buckets) {
  size_t n = 0;
  for (size_t i = 1; i < buckets->size(); i++) {
    if ((*buckets)[i].upper_bound == (*buckets)[n].upper_bound) {
      (*buckets)[n].count += (*buckets)[i].count;
    } else {
      (*buckets)[++n] = (*buckets)[i];
    }
  }
  buckets->resize(n + 1);
}

bool AlmostEqual(double a, double b, double epsilon) {
  if (std::isnan(a) && std::isnan(b)) return true;
  if (a == b) return true;
  constexpr double kMinNormal = std::numeric_limits<double>::min();
  const double sum = std::abs(a) + std::abs(b);
  const double diff = std::abs(a - b);
  if (a == 0 || b == 0 || sum < kMinNormal) return diff < epsilon * kMinNormal;
  return diff / std::min(sum, std::numeric_limits<double>::max()) < epsilon;
}

// Tiny differences are rounding and vanish quietly.
void EnsureMonotonic(std::vector<ClassicBucket>* buckets, ClassicQuantile* out) {
  out->min_bucket = kInfinity;
  out->max_bucket = -kInfinity;
  double previous = (*buckets)[0].count;
  for (size_t i = 1; i < buckets->size(); i++) {
    ClassicBucket& bucket = (*buckets)[i];
    if (bucket.count == previous) continue;
    if (AlmostEqual(previous, bucket.count, kSmallDelta)) {
      bucket.count = previous;
    } else if (bucket.count < previous) {
      out->forced_monotonic = true;
      out->min_bucket = std::min(out->min_bucket, bucket.upper_bound);
      out->max_bucket = std::max(out->max_bucket, bucket.upper_bound);
      out->max_diff = std::max(out->max_diff, previous - bucket.count);
      bucket.count = previous;
    } else {
      previous = bucket.count;
    }
  }
}

}  // namespace

ClassicQuantile QuantileOfBuckets(double q, std::vector<ClassicBucket>* buckets) {
  ClassicQuantile out;
  out.value = kNaN;
  if (std::isnan(q)) return out;
  if (q < 0 || q > 1) {
    out.value = q < 0 ? -kInfinity : kInfinity;
    return out;
  }
  if (buckets->back().upper_bound != kInfinity) return out;
  Coalesce(buckets);
  EnsureMonotonic(buckets, &out);
  const auto& b = *buckets;
  const size_t last = b.size() - 1;
  if (b.size() < 2 || b[last].count == 0) return out;
  double rank = q * b[last].count;
  size_t at = 0;
  while (at < last && !(b[at].count >= rank)) at++;
  if (at == last) {
    out.value = b[last - 1].upper_bound;
  } else if (at == 0 && b[0].upper_bound <= 0) {
    out.value = b[0].upper_bound;
  } else {
    const double start = at > 0 ? b[at - 1].upper_bound : 0;
    const double below = at > 0 ? b[at - 1].count : 0;
    const double count = b[at].count - below;
    rank -= below;
    out.value = start + (b[at].upper_bound - start) * (rank / count);
  }
  return out;
}

double FractionOfBuckets(double lower, double upper, std::vector<ClassicBucket>* buckets) {
  if (buckets->back().upper_bound != kInfinity) return kNaN;
  Coalesce(buckets);
  const auto& b = *buckets;
  const double count = b.back().count;
  if (count == 0 || std::isnan(lower) || std::isnan(upper)) return kNaN;
  if (lower >= upper) return 0;

  double rank = 0, lower_rank = 0, upper_rank = 0;
  bool lower_set = false, upper_set = false;
  double start = b[0].upper_bound <= 0 ? -kInfinity : 0;
  for (size_t i = 0; i < b.size() && !(lower_set && upper_set); i++) {
    if (i > 0) start = b[i - 1].upper_bound;
    const double end = b[i].upper_bound;
    auto rank_at = [&](double v) {
      if (start == -kInfinity) return b[i].count;
      return rank + (b[i].count - rank) * (v - start) / (end - start);
    };
    auto settle = [&](double v, double* v_rank, bool* set) {
      if (*set) return;
      if (start >= v) {
        *v_rank = rank;
        *set = true;
      } else if (end > v) {
        *v_rank = rank_at(v);
        *set = true;
      }
    };
    settle(lower, &lower_rank, &lower_set);
    settle(upper, &upper_rank, &upper_set);
    rank = b[i].count;
  }
  if (!lower_set || lower_rank > count) lower_rank = count;
  if (!upper_set || upper_rank > count) upper_rank = count;
  return (upper_rank - lower_rank) / count;
}

}  // namespace tributary::promql
