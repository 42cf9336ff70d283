// Walking the buckets of a FloatHistogram with their bounds. Iterators borrow the histogram, which
// must neither change nor go away meanwhile. Use: for (auto it = …; it.Next();) f(it.At());
// A histogram that is not valid yields fewer buckets, never a crash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "model/histogram.h"

namespace tributary::model {

// A bucket with absolute count. `index` counts within schema and sign; the zero bucket has none.
struct Bucket {
  double lower = 0;
  double upper = 0;
  bool lower_inclusive = false;
  bool upper_inclusive = false;
  double count = 0;
  int32_t index = 0;
  friend bool operator==(const Bucket&, const Bucket&) = default;
};

// "(0.5,1]:3", as Go prints it.
std::string ToString(const Bucket& bucket);

// The share of the bucket's width at or below v. Linear for custom buckets and the zero bucket,
// else on a logarithmic scale. REQUIRES: finite bounds, lower < v < upper.
double FractionBelow(const Bucket& bucket, double v, bool linear);

// REQUIRES: an exponential schema.
Bucket ZeroBucket(const FloatHistogram& h);

// One side, from the zero bucket outwards.
class SideBucketIterator {
 public:
  SideBucketIterator(const FloatHistogram& h, bool positive)
      : SideBucketIterator(h, positive, 0, h.schema) {}
  // Buckets are merged to `target_schema`, which must not be finer than the histogram's. Leading
  // buckets of exponential schemas whose upper bound is not above `start` (both taken absolutely)
  // are left out.
  SideBucketIterator(const FloatHistogram& h, bool positive, double start, int32_t target_schema);

  bool Next();
  Bucket At() const;
  // Without the bounds, which cost some arithmetic.
  double count() const { return count_; }
  int32_t index() const { return index_; }

 private:
  bool NextBucket();
  bool NextMerged();

  std::span<const BucketSpan> spans_;
  std::span<const double> buckets_;
  std::span<const double> custom_values_;
  int32_t schema_;
  int32_t target_schema_;
  bool positive_;
  bool started_;  // beyond start_
  double start_;
  size_t span_ = 0;         // current span
  uint32_t in_span_ = 0;    // buckets of it that are taken
  size_t bucket_ = 0;       // buckets taken in all
  int32_t next_index_ = 0;  // of the bucket to be taken next, in schema_, gaps not yet added
  int32_t index_ = 0;       // in target_schema_
  double count_ = 0;
};

// One side, from the outermost bucket towards the zero bucket.
class ReverseSideBucketIterator {
 public:
  ReverseSideBucketIterator(const FloatHistogram& h, bool positive);
  bool Next();
  Bucket At() const;

 private:
  std::span<const BucketSpan> spans_;
  std::span<const double> buckets_;
  std::span<const double> custom_values_;
  int32_t schema_;
  bool positive_;
  size_t spans_left_;  // spans not yet exhausted, the current one included
  uint32_t in_span_;   // buckets left in the current one
  size_t bucket_;      // buckets left in all
  int32_t index_;
  double count_ = 0;
};

// All buckets, the zero bucket (when populated) between the sides, by ascending or descending
// value. A bucket that overlaps the zero bucket is cut at the zero threshold.
class AllBucketIterator {
 public:
  enum class Order : unsigned char { kAscending, kDescending };
  explicit AllBucketIterator(const FloatHistogram& h, Order order = Order::kAscending);
  bool Next();
  const Bucket& At() const { return bucket_; }

 private:
  enum class Stage : unsigned char { kFirstSide, kZero, kSecondSide, kEnd };
  void CutAtZeroThreshold();

  const FloatHistogram* h_;
  ReverseSideBucketIterator first_;
  SideBucketIterator second_;
  Stage stage_ = Stage::kFirstSide;
  Bucket bucket_;
};

}  // namespace tributary::model
