#include "promql/functions/native_quantile.h"

#include <cmath>
#include <limits>

#include "model/bucket_iterator.h"
#include "model/float_histogram.h"
#include "model/go_math.h"

namespace tributary::promql {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

using model::AllBucketIterator;
using model::Bucket;
using model::FloatHistogram;

// A zero bucket is only as wide as there are buckets beside it.
void NarrowZeroBucket(const FloatHistogram& h, Bucket* bucket) {
  if (h.negative_buckets.empty() && !h.positive_buckets.empty()) {
    bucket->lower = 0;
  } else if (h.positive_buckets.empty() && !h.negative_buckets.empty()) {
    bucket->upper = 0;
  }
}

}  // namespace

double QuantileOfHistogram(double q, const FloatHistogram& h, const Blame& blame) {
  if (q < 0) return -kInfinity;
  if (q > 1) return kInfinity;
  if (h.count == 0 || std::isnan(q)) return kNaN;

  // Observations of NaN are in no bucket but in the count. They sort highest, so the walk must
  // then begin at the bottom.
  const bool has_nan = std::isnan(h.sum);
  const bool upward = has_nan || q < 0.5;
  AllBucketIterator it(
      h, upward ? AllBucketIterator::Order::kAscending : AllBucketIterator::Order::kDescending);
  double rank = (upward ? q : 1 - q) * h.count;
  Bucket bucket;
  double count = 0;
  while (it.Next()) {
    bucket = it.At();
    if (bucket.count == 0) continue;
    count += bucket.count;
    if (count >= rank) break;
  }
  const bool custom = model::UsesCustomBuckets(h);
  if (!custom && bucket.lower < 0 && bucket.upper > 0) {
    NarrowZeroBucket(h, &bucket);
  } else if (custom) {
    if (bucket.lower == -kInfinity) {
      // Like the lowest bucket of a classic histogram.
      if (bucket.upper <= 0) return bucket.upper;
      bucket.lower = 0;
    } else if (bucket.upper == kInfinity) {
      return bucket.lower;
    }
  }
  count = std::min(count, h.count);
  if (count < rank) {
    if (!has_nan) return bucket.upper;
    blame.annotations.QuantileNaNResult(blame.metric, blame.pos);
    return kNaN;
  }
  rank = upward ? rank - (count - bucket.count) : count - rank;
  if (has_nan) {
    while (it.Next()) count += it.At().count;
    if (count < h.count) blame.annotations.QuantileNaNSkew(blame.metric, blame.pos);
  }
  const double fraction = rank / bucket.count;
  if (custom || (bucket.lower <= 0 && bucket.upper >= 0)) {
    return bucket.lower + (bucket.upper - bucket.lower) * fraction;
  }
  const double log_lower = model::GoLog2(std::abs(bucket.lower));
  const double log_upper = model::GoLog2(std::abs(bucket.upper));
  if (bucket.lower > 0) return model::GoExp2(log_lower + (log_upper - log_lower) * fraction);
  return -model::GoExp2(log_upper + (log_lower - log_upper) * (1 - fraction));
}

double FractionOfHistogram(double lower, double upper, const FloatHistogram& h,
                           const Blame& blame) {
  if (h.count == 0 || std::isnan(lower) || std::isnan(upper)) return kNaN;
  if (lower >= upper) return 0;
  const bool custom = model::UsesCustomBuckets(h);
  double count = 0, rank = 0, lower_rank = 0, upper_rank = 0;
  bool lower_set = false, upper_set = false;
  AllBucketIterator it(h);
  while (!(lower_set && upper_set) && it.Next()) {
    Bucket b = it.At();
    count += b.count;
    const bool zero_bucket = b.lower <= 0 && b.upper >= 0;
    if (zero_bucket) NarrowZeroBucket(h, &b);
    auto settle = [&](double v, double* v_rank, bool* set) {
      if (*set) return;
      if (b.lower >= v) {
        *v_rank = rank;
        *set = true;
      } else if (b.upper > v) {
        const bool linear = custom || zero_bucket;
        *v_rank = linear && b.lower == -kInfinity
                      ? b.count
                      : rank + b.count * model::FractionBelow(b, v, linear);
        *set = true;
      }
    };
    settle(lower, &lower_rank, &lower_set);
    settle(upper, &upper_rank, &upper_set);
    if (!(lower_set && upper_set)) rank += b.count;
  }
  if (std::isnan(h.sum)) {
    while (it.Next()) count += it.At().count;
    if (count < h.count) blame.annotations.FractionNaNs(blame.metric, blame.pos);
  } else {
    count = h.count;
  }
  if (!lower_set || lower_rank > count) lower_rank = count;
  if (!upper_set || upper_rank > count) upper_rank = count;
  return (upper_rank - lower_rank) / h.count;
}

}  // namespace tributary::promql
