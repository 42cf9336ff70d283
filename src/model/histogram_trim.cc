// TrimBuckets(): the PromQL operators </ and >/.
#include <cmath>
#include <utility>

#include "model/float_histogram.h"

namespace tributary::model {

namespace {

// What is left of a bucket: how many observations, and the value each is taken to have.
struct Kept {
  double count = 0;
  double value = 0;
};

// Shape of the buckets of one side.
struct Side {
  bool positive;
  bool linear;  // custom buckets
};

// Where observations between two bounds lie on average. Of an infinite interval only the finite
// end is known; if it reaches down to -Inf, it is taken to begin at 0 when that is inside.
double Midpoint(double lower, double upper, Side side) {
  if (std::isinf(lower)) {
    if (std::isinf(upper)) return 0;
    return upper > 0 ? upper / 2 : upper;
  }
  if (std::isinf(upper)) return lower;
  if (side.linear) return (lower + upper) / 2;
  const double mean = std::sqrt(std::abs(lower * upper));
  return side.positive ? mean : -mean;
}

double ZeroIfInfinite(double x) { return std::isinf(x) ? 0 : x; }

// A bucket from -Inf: without knowing how its observations lie, it is kept whole, dropped, or,
// when 0 is inside, taken to begin at 0. Only custom buckets are like this.
Kept TrimFromMinusInfinity(const Bucket& b, double limit, bool keep_below) {
  if (keep_below) {
    if (limit >= b.upper) return {b.count, 0};
    if (limit > 0 && b.upper > 0 && !std::isinf(b.upper)) {
      return {b.count * limit / b.upper, limit / 2};
    }
    if (b.upper <= 0) return {b.count, limit};
    return {0, ZeroIfInfinite(b.upper)};
  }
  if (limit <= b.lower) return {b.count, 0};
  if (limit >= 0 && b.upper > limit && !std::isinf(b.upper)) {
    return {b.count * (1 - limit / b.upper), (limit + b.upper) / 2};
  }
  return {0, ZeroIfInfinite(b.upper)};
}

// A bucket up to +Inf: some observations may be beyond any limit, so keeping what is below keeps
// nothing.
Kept TrimToInfinity(const Bucket& b, double limit, bool keep_below) {
  if (!keep_below && limit >= b.lower) return {b.count, limit};
  return {0, ZeroIfInfinite(b.lower)};
}

// A bucket that the limit divides.
Kept TrimBucket(const Bucket& b, double limit, bool keep_below, Side side) {
  if (std::isinf(b.lower) && b.lower < 0) return TrimFromMinusInfinity(b, limit, keep_below);
  if (std::isinf(b.upper) && b.upper > 0) return TrimToInfinity(b, limit, keep_below);
  double below = b.count;
  if (limit <= b.lower) {
    below = 0;
  } else if (limit < b.upper) {
    below = b.count * FractionBelow(b, limit, side.linear);
  }
  return keep_below ? Kept{below, Midpoint(b.lower, limit, side)}
                    : Kept{b.count - below, Midpoint(limit, b.upper, side)};
}

// The zero bucket reaches only to the side on which there are buckets at all.
Kept TrimZeroBucket(const FloatHistogram& h, double limit, bool keep_below, bool has_negative,
                    bool has_positive) {
  const double lower = has_positive && !has_negative ? 0 : -h.zero_threshold;
  const double upper = has_negative && !has_positive ? 0 : h.zero_threshold;
  const Kept all{h.zero_count, (lower + upper) / 2};
  if (limit <= lower) return keep_below ? Kept{} : all;
  if (limit >= upper) return keep_below ? all : Kept{};
  if (keep_below) {
    return {h.zero_count * ((limit - lower) / (upper - lower)), (lower + limit) / 2};
  }
  return {h.zero_count * ((upper - limit) / (upper - lower)), (limit + upper) / 2};
}

struct Totals {
  double count = 0;
  double sum = 0;
  bool trimmed = false;
  void Add(Kept kept) {
    count += kept.count;
    sum += kept.value * kept.count;
  }
};

// Returns whether the side is populated at all.
bool TrimSide(FloatHistogram* h, double limit, bool keep_below, Side side, Totals* totals) {
  std::vector<double>& buckets = side.positive ? h->positive_buckets : h->negative_buckets;
  bool populated = false;
  size_t i = 0;
  for (SideBucketIterator it(*h, side.positive); it.Next(); ++i) {
    if (it.count() == 0) continue;
    populated = true;
    const Bucket bucket = it.At();
    if (keep_below ? bucket.upper <= limit : bucket.lower >= limit) {
      totals->Add({bucket.count, Midpoint(bucket.lower, bucket.upper, side)});
    } else if (keep_below ? bucket.lower < limit : bucket.upper > limit) {
      const Kept kept = TrimBucket(bucket, limit, keep_below, side);
      totals->Add(kept);
      if (buckets[i] != kept.count) {
        buckets[i] = kept.count;
        totals->trimmed = true;
      }
    } else {
      buckets[i] = 0;
      totals->trimmed = true;
    }
  }
  return populated;
}

}  // namespace

void TrimBuckets(FloatHistogram* h, double limit, bool keep_below) {
  const bool linear = UsesCustomBuckets(*h);
  Totals totals;
  const bool has_positive =
      TrimSide(h, limit, keep_below, {.positive = true, .linear = linear}, &totals);
  const bool has_negative =
      TrimSide(h, limit, keep_below, {.positive = false, .linear = linear}, &totals);
  if (h->zero_count > 0) {
    const Kept kept = TrimZeroBucket(*h, limit, keep_below, has_negative, has_positive);
    if (h->zero_count != kept.count) {
      h->zero_count = kept.count;
      totals.trimmed = true;
    }
    totals.Add(kept);
  }
  if (!totals.trimmed) return;
  h->count = totals.count;
  h->sum = totals.sum;
  Compact(h, 0);
}

}  // namespace tributary::model
