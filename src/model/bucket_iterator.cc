#include "model/bucket_iterator.h"

#include <cmath>

#include "base/strings.h"
#include "model/go_math.h"
#include "model/histogram_bounds.h"

namespace tributary::model {

namespace {

// Indices of a histogram that is not valid may overflow; they wrap then.
int32_t WrapAdd(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
}

Bucket MakeBucket(int32_t index, double count, int32_t schema, bool positive,
                  std::span<const double> custom_values) {
  Bucket bucket{.count = count, .index = index};
  const double outer = BucketBound(index, schema, custom_values);
  const double inner = BucketBound(WrapAdd(index, -1), schema, custom_values);
  bucket.upper = positive ? outer : -inner;
  bucket.lower = positive ? inner : -outer;
  if (IsCustomBucketsSchema(schema)) {
    bucket.lower_inclusive = index == 0;
    bucket.upper_inclusive = true;
  } else {
    bucket.lower_inclusive = bucket.lower < 0;
    bucket.upper_inclusive = bucket.upper > 0;
  }
  return bucket;
}

const std::vector<BucketSpan>& SpansOf(const FloatHistogram& h, bool positive) {
  return positive ? h.positive_spans : h.negative_spans;
}
const std::vector<double>& BucketsOf(const FloatHistogram& h, bool positive) {
  return positive ? h.positive_buckets : h.negative_buckets;
}
std::span<const double> CustomValuesOf(const FloatHistogram& h, bool positive) {
  return positive ? std::span<const double>(h.custom_values) : std::span<const double>();
}

}  // namespace

std::string ToString(const Bucket& bucket) {
  return (bucket.lower_inclusive ? "[" : "(") + base::FormatFloatG(bucket.lower) + "," +
         base::FormatFloatG(bucket.upper) + (bucket.upper_inclusive ? "]:" : "):") +
         base::FormatFloatG(bucket.count);
}

double FractionBelow(const Bucket& bucket, double v, bool linear) {
  if (linear) return (v - bucket.lower) / (bucket.upper - bucket.lower);
  const double log_lower = GoLog2(std::abs(bucket.lower));
  const double log_upper = GoLog2(std::abs(bucket.upper));
  const double log_v = GoLog2(std::abs(v));
  if (v > 0) return (log_v - log_lower) / (log_upper - log_lower);
  return 1 - (log_v - log_upper) / (log_lower - log_upper);
}

Bucket ZeroBucket(const FloatHistogram& h) {
  return {.lower = -h.zero_threshold,
          .upper = h.zero_threshold,
          .lower_inclusive = true,
          .upper_inclusive = true,
          .count = h.zero_count,
          .index = 0};
}

SideBucketIterator::SideBucketIterator(const FloatHistogram& h, bool positive, double start,
                                       int32_t target_schema)
    : spans_(SpansOf(h, positive)),
      buckets_(BucketsOf(h, positive)),
      custom_values_(CustomValuesOf(h, positive)),
      schema_(h.schema),
      target_schema_(target_schema),
      positive_(positive),
      started_(start == 0 || !IsExponentialSchema(target_schema)),
      start_(start) {
  if (!spans_.empty()) next_index_ = spans_[0].offset;
}

bool SideBucketIterator::NextBucket() {
  if (bucket_ >= buckets_.size() || span_ >= spans_.size()) return false;
  while (in_span_ >= spans_[span_].length) {
    if (++span_ >= spans_.size()) return false;
    in_span_ = 0;
    next_index_ = WrapAdd(next_index_, spans_[span_].offset);
  }
  count_ = buckets_[bucket_];
  index_ = next_index_;
  next_index_ = WrapAdd(next_index_, 1);
  ++in_span_;
  ++bucket_;
  return true;
}

bool SideBucketIterator::NextMerged() {
  if (!NextBucket()) return false;
  const int32_t target = TargetIndex(index_, schema_, target_schema_);
  double sum = count_;
  // Take buckets while they fall into the same target bucket; put back the first that does not.
  for (;;) {
    const SideBucketIterator before = *this;
    if (!NextBucket()) break;
    if (TargetIndex(index_, schema_, target_schema_) != target) {
      *this = before;
      break;
    }
    sum += count_;
  }
  index_ = target;
  count_ = sum;
  return true;
}

bool SideBucketIterator::Next() {
  do {
    if (!(schema_ == target_schema_ ? NextBucket() : NextMerged())) return false;
    if (!started_) started_ = ExponentialBound(index_, target_schema_) > start_;
  } while (!started_);
  return true;
}

Bucket SideBucketIterator::At() const {
  return MakeBucket(index_, count_, target_schema_, positive_, custom_values_);
}

ReverseSideBucketIterator::ReverseSideBucketIterator(const FloatHistogram& h, bool positive)
    : spans_(SpansOf(h, positive)),
      buckets_(BucketsOf(h, positive)),
      custom_values_(CustomValuesOf(h, positive)),
      schema_(h.schema),
      positive_(positive),
      spans_left_(spans_.size()),
      in_span_(spans_.empty() ? 0 : spans_.back().length),
      bucket_(buckets_.size()),
      index_(0) {
  for (const BucketSpan& span : spans_) {
    index_ = WrapAdd(WrapAdd(index_, span.offset), static_cast<int32_t>(span.length));
  }
}

bool ReverseSideBucketIterator::Next() {
  if (bucket_ == 0 || spans_left_ == 0) return false;
  while (in_span_ == 0) {
    if (--spans_left_ == 0) return false;
    index_ = WrapAdd(index_,
                     static_cast<int32_t>(0U - static_cast<uint32_t>(spans_[spans_left_].offset)));
    in_span_ = spans_[spans_left_ - 1].length;
  }
  index_ = WrapAdd(index_, -1);
  --in_span_;
  count_ = buckets_[--bucket_];
  return true;
}

Bucket ReverseSideBucketIterator::At() const {
  return MakeBucket(index_, count_, schema_, positive_, custom_values_);
}

AllBucketIterator::AllBucketIterator(const FloatHistogram& h, Order order)
    : h_(&h), first_(h, order == Order::kDescending), second_(h, order == Order::kAscending) {}

void AllBucketIterator::CutAtZeroThreshold() {
  const double threshold = h_->zero_threshold;
  if (bucket_.upper < 0 && bucket_.upper > -threshold) {
    bucket_.upper = -threshold;
  } else if (bucket_.lower > 0 && bucket_.lower < threshold) {
    bucket_.lower = threshold;
  }
}

bool AllBucketIterator::Next() {
  if (stage_ == Stage::kFirstSide) {
    if (first_.Next()) {
      bucket_ = first_.At();
      CutAtZeroThreshold();
      return true;
    }
    stage_ = Stage::kZero;
  }
  if (stage_ == Stage::kZero) {
    stage_ = Stage::kSecondSide;
    if (h_->zero_count > 0) {
      bucket_ = ZeroBucket(*h_);
      return true;
    }
  }
  if (stage_ == Stage::kSecondSide) {
    if (second_.Next()) {
      bucket_ = second_.At();
      CutAtZeroThreshold();
      return true;
    }
    stage_ = Stage::kEnd;
  }
  return false;
}

}  // namespace tributary::model
