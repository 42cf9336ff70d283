#include "model/float_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "model/bucket_layout.h"
#include "model/custom_bounds.h"
#include "model/kahan.h"

namespace tributary::model {

namespace {

using base::Result;
using base::Status;

template <class AnyHistogram>
auto Positive(AnyHistogram* h) {
  using Count = typename decltype(h->positive_buckets)::value_type;
  return BucketSide<Count>{&h->positive_spans, &h->positive_buckets};
}
template <class AnyHistogram>
auto Negative(AnyHistogram* h) {
  using Count = typename decltype(h->negative_buckets)::value_type;
  return BucketSide<Count>{&h->negative_spans, &h->negative_buckets};
}

// Runs `change` on both sides of an integer histogram, with buckets as absolute counts meanwhile.
template <class Change>
void ChangeAbsolute(Histogram* h, Change change) {
  for (const BucketSide<int64_t>& side : {Positive(h), Negative(h)}) {
    uint64_t count = 0;  // deltas of an invalid histogram may overflow and wrap
    for (int64_t& bucket : *side.buckets) {
      count += static_cast<uint64_t>(bucket);
      bucket = static_cast<int64_t>(count);
    }
    change(side);
    count = 0;
    for (int64_t& bucket : *side.buckets) {
      const auto absolute = static_cast<uint64_t>(bucket);
      bucket = static_cast<int64_t>(absolute - count);
      count = absolute;
    }
  }
}

template <class AnyHistogram>
Status CheckReduction(const AnyHistogram& h, int32_t target_schema) {
  if (UsesCustomBuckets(h)) {
    return base::InvalidArgument("cannot reduce resolution when there are custom buckets");
  }
  if (IsCustomBucketsSchema(target_schema)) {
    return base::InvalidArgument("cannot reduce resolution to custom buckets schema");
  }
  if (target_schema >= h.schema) {
    return base::InvalidArgument(
        fmt::format("cannot reduce resolution from schema {} to {}", h.schema, target_schema));
  }
  RETURN_IF_ERROR(CheckSpans(h.positive_spans, h.positive_buckets.size()));
  return CheckSpans(h.negative_spans, h.negative_buckets.size());
}

Status CheckBothSides(const FloatHistogram& h) {
  RETURN_IF_ERROR(CheckSpans(h.positive_spans, h.positive_buckets.size()));
  return CheckSpans(h.negative_spans, h.negative_buckets.size());
}

// The zero count if the zero threshold were larger, and the threshold itself, moved up to the far
// bound of a populated bucket in whose middle it fell.
struct LargerZeroBucket {
  double count = 0;
  double threshold = 0;
  double compensation = 0;
};

// Adds to `zero` the buckets of one side that begin below its threshold. Returns whether the
// threshold moved.
bool SwallowSide(const FloatHistogram& h, bool positive, const FloatHistogram* c,
                 LargerZeroBucket* zero) {
  const std::vector<double>* compensation = c == nullptr ? nullptr
                                            : positive   ? &c->positive_buckets
                                                         : &c->negative_buckets;
  size_t position = 0;
  for (SideBucketIterator it(h, positive); it.Next(); ++position) {
    const Bucket bucket = it.At();
    const double inner = positive ? bucket.lower : -bucket.upper;
    const double outer = positive ? bucket.upper : -bucket.lower;
    if (inner >= zero->threshold) break;
    KahanInc(bucket.count, &zero->count, &zero->compensation);
    if (compensation != nullptr) {
      KahanInc((*compensation)[position], &zero->count, &zero->compensation);
    }
    if (outer > zero->threshold) {
      if (bucket.count == 0) break;
      zero->threshold = outer;
      return true;
    }
  }
  return false;
}

// REQUIRES: threshold >= h.zero_threshold.
LargerZeroBucket WithLargerZeroBucket(const FloatHistogram& h, double threshold,
                                      const FloatHistogram* c) {
  LargerZeroBucket zero{.threshold = threshold, .compensation = c == nullptr ? 0 : c->zero_count};
  do {
    // When the negative side moves the threshold, the positive side must be looked at again. The
    // compensation goes on from where it was, as in Prometheus.
    zero.count = h.zero_count;
    if (threshold == h.zero_threshold) break;
    SwallowSide(h, true, c, &zero);
  } while (SwallowSide(h, false, c, &zero));
  return zero;
}

// Removes the buckets that now belong to the zero bucket.
void TrimToZeroThreshold(FloatHistogram* h, FloatHistogram* c) {
  for (const bool positive : {true, false}) {
    std::vector<double>& buckets = positive ? h->positive_buckets : h->negative_buckets;
    std::vector<double>* compensation = c == nullptr ? nullptr
                                        : positive   ? &c->positive_buckets
                                                     : &c->negative_buckets;
    size_t position = 0;
    for (SideBucketIterator it(*h, positive); it.Next(); ++position) {
      const Bucket bucket = it.At();
      if ((positive ? bucket.lower : -bucket.upper) >= h->zero_threshold) break;
      buckets[position] = 0;
      if (compensation != nullptr) (*compensation)[position] = 0;
    }
    BucketSide<double> side = positive ? Positive(h) : Negative(h);
    side.compensation = compensation;
    CompactSide(side, 0);
  }
}

// Brings h to a zero bucket that suits both. Returns the zero count of `other` at that threshold.
double ReconcileZeroBuckets(FloatHistogram* h, const FloatHistogram& other, FloatHistogram* c,
                            double* other_compensation) {
  double count = other.zero_count;
  double threshold = other.zero_threshold;
  // Each round makes one threshold larger. One that is NaN compares false and ends the loop.
  while (threshold < h->zero_threshold || threshold > h->zero_threshold) {
    if (h->zero_threshold > threshold) {
      const LargerZeroBucket zero = WithLargerZeroBucket(other, h->zero_threshold, nullptr);
      count = zero.count;
      threshold = zero.threshold;
      *other_compensation = zero.compensation;
    }
    if (threshold > h->zero_threshold) {
      const LargerZeroBucket zero = WithLargerZeroBucket(*h, threshold, c);
      h->zero_count = zero.count;
      h->zero_threshold = zero.threshold;
      if (c != nullptr) c->zero_count = zero.compensation;
      TrimToZeroThreshold(h, c);
    }
  }
  return count;
}

// Sets the hint of a sum. True when the two contradict each other.
bool MergeHints(FloatHistogram* h, CounterResetHint other) {
  using enum CounterResetHint;
  if (other == h->reset_hint || h->reset_hint == kGauge) return false;
  if (other == kGauge) {
    h->reset_hint = kGauge;
    return false;
  }
  if (h->reset_hint == kUnknown) return false;
  h->reset_hint = kUnknown;
  return other != kUnknown;
}

// h += sign * other, with compensation when `c` is not null.
Result<AddNotes> AddSigned(FloatHistogram* h, const FloatHistogram& other, bool subtract,
                           FloatHistogram* c) {
  if (UsesCustomBuckets(*h) != UsesCustomBuckets(other)) {
    return base::Error(base::ErrorCode::kExecution,
                       "cannot apply this operation on histograms with a mix of exponential and "
                       "custom bucket schemas");
  }
  RETURN_IF_ERROR(CheckBothSides(*h));
  RETURN_IF_ERROR(CheckBothSides(other));
  AddNotes notes;
  notes.counter_reset_collision = MergeHints(h, other.reset_hint);
  const double sign = subtract ? -1 : 1;
  const auto add = [&](double inc, double FloatHistogram::* field) {
    if (c != nullptr) {
      KahanInc(inc, &(h->*field), &(c->*field));
    } else {
      h->*field += sign * inc;
    }
  };
  if (!UsesCustomBuckets(*h)) {
    double other_compensation = 0;
    add(ReconcileZeroBuckets(h, other, c, &other_compensation), &FloatHistogram::zero_count);
    if (c != nullptr) add(other_compensation, &FloatHistogram::zero_count);
  }
  add(other.count, &FloatHistogram::count);
  add(other.sum, &FloatHistogram::sum);

  BucketSide<double> positive = Positive(h);
  BucketSide<double> negative = Negative(h);
  if (c != nullptr) {
    positive.compensation = &c->positive_buckets;
    negative.compensation = &c->negative_buckets;
  }
  if (UsesCustomBuckets(*h)) {
    if (SameBounds(h->custom_values, other.custom_values)) {
      AddSide(h->schema, 0, subtract, positive, other.positive_spans, other.positive_buckets,
              nullptr);
    } else {
      notes.bounds_reconciled = true;
      std::vector<double> bounds = IntersectBounds(h->custom_values, other.custom_values);
      AddMapped(subtract, positive, h->custom_values, other, bounds);
      h->custom_values = std::move(bounds);
    }
  } else if (other.schema > h->schema) {
    // The other one, at h's resolution; with Kahan summation its rounding errors are kept.
    FloatHistogram reduced = other;
    std::vector<double> positive_c(c == nullptr ? 0 : other.positive_buckets.size());
    std::vector<double> negative_c(c == nullptr ? 0 : other.negative_buckets.size());
    BucketSide<double> from_positive = Positive(&reduced);
    BucketSide<double> from_negative = Negative(&reduced);
    if (c != nullptr) {
      from_positive.compensation = &positive_c;
      from_negative.compensation = &negative_c;
    }
    ReduceSide(from_positive, other.schema, h->schema);
    ReduceSide(from_negative, other.schema, h->schema);
    AddSide(h->schema, h->zero_threshold, subtract, positive, reduced.positive_spans,
            reduced.positive_buckets, from_positive.compensation);
    AddSide(h->schema, h->zero_threshold, subtract, negative, reduced.negative_spans,
            reduced.negative_buckets, from_negative.compensation);
  } else {
    if (other.schema < h->schema) {
      ReduceSide(positive, h->schema, other.schema);
      ReduceSide(negative, h->schema, other.schema);
      h->schema = other.schema;
    }
    AddSide(h->schema, h->zero_threshold, subtract, positive, other.positive_spans,
            other.positive_buckets, nullptr);
    AddSide(h->schema, h->zero_threshold, subtract, negative, other.negative_spans,
            other.negative_buckets, nullptr);
  }
  if (c != nullptr) {
    c->schema = h->schema;
    c->zero_threshold = h->zero_threshold;
    c->custom_values = h->custom_values;
    c->positive_spans = h->positive_spans;
    c->negative_spans = h->negative_spans;
  }
  return notes;
}

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}
bool SameBits(uint64_t a, uint64_t b) { return a == b; }
bool SameBits(int64_t a, int64_t b) { return a == b; }

template <class T>
bool SameBits(const std::vector<T>& a, const std::vector<T>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](T x, T y) { return SameBits(x, y); });
}

template <class AnyHistogram>
bool EqualData(const AnyHistogram& a, const AnyHistogram& b) {
  return a.schema == b.schema && SameBits(a.count, b.count) && SameBits(a.sum, b.sum) &&
         (!UsesCustomBuckets(a) || SameBounds(a.custom_values, b.custom_values)) &&
         a.zero_threshold == b.zero_threshold && SameBits(a.zero_count, b.zero_count) &&
         SameSpans(a.negative_spans, b.negative_spans) &&
         SameBits(a.negative_buckets, b.negative_buckets) &&
         SameSpans(a.positive_spans, b.positive_spans) &&
         SameBits(a.positive_buckets, b.positive_buckets);
}

// Whether a bucket of `previous` is missing from or smaller in the later histogram.
bool SideHasReset(SideBucketIterator now, SideBucketIterator previous) {
  bool more = now.Next();
  while (previous.Next()) {
    while (more && now.index() < previous.index()) more = now.Next();
    if (more && now.index() == previous.index()) {
      if (now.count() < previous.count()) return true;
    } else if (previous.count() != 0) {
      return true;
    }
  }
  return false;
}

}  // namespace

void Compact(FloatHistogram* h, size_t max_empty) {
  CompactSide(Positive(h), max_empty);
  CompactSide(Negative(h), max_empty);
}

void Compact(Histogram* h, size_t max_empty) {
  ChangeAbsolute(h, [&](const BucketSide<int64_t>& side) { CompactSide(side, max_empty); });
}

Status ReduceResolution(FloatHistogram* h, int32_t target_schema) {
  RETURN_IF_ERROR(CheckReduction(*h, target_schema));
  ReduceSide(Positive(h), h->schema, target_schema);
  ReduceSide(Negative(h), h->schema, target_schema);
  h->schema = target_schema;
  return base::OkStatus();
}

Status ReduceResolution(Histogram* h, int32_t target_schema) {
  RETURN_IF_ERROR(CheckReduction(*h, target_schema));
  ChangeAbsolute(
      h, [&](const BucketSide<int64_t>& side) { ReduceSide(side, h->schema, target_schema); });
  h->schema = target_schema;
  return base::OkStatus();
}

FloatHistogram CopyToSchema(const FloatHistogram& h, int32_t target_schema) {
  FloatHistogram copy = h;
  if (target_schema != h.schema && ReduceResolution(&copy, target_schema)) {
    copy.reset_hint = CounterResetHint::kUnknown;
  }
  return copy;
}

void Mul(FloatHistogram* h, double factor) {
  h->zero_count *= factor;
  h->count *= factor;
  h->sum *= factor;
  for (double& bucket : h->positive_buckets) bucket *= factor;
  for (double& bucket : h->negative_buckets) bucket *= factor;
  if (factor < 0) h->reset_hint = CounterResetHint::kGauge;
}

void Div(FloatHistogram* h, double divisor) {
  h->zero_count /= divisor;
  h->count /= divisor;
  h->sum /= divisor;
  if (divisor == 0) {
    h->positive_buckets.clear();
    h->negative_buckets.clear();
    h->positive_spans.clear();
    h->negative_spans.clear();
    return;
  }
  for (double& bucket : h->positive_buckets) bucket /= divisor;
  for (double& bucket : h->negative_buckets) bucket /= divisor;
  if (divisor < 0) h->reset_hint = CounterResetHint::kGauge;
}

Result<AddNotes> Add(FloatHistogram* h, const FloatHistogram& other) {
  return AddSigned(h, other, false, nullptr);
}

Result<AddNotes> Sub(FloatHistogram* h, const FloatHistogram& other) {
  return AddSigned(h, other, true, nullptr);
}

FloatHistogram NewCompensation(const FloatHistogram& h) {
  FloatHistogram c = h;
  c.zero_count = 0;
  c.count = 0;
  c.sum = 0;
  std::fill(c.positive_buckets.begin(), c.positive_buckets.end(), 0);
  std::fill(c.negative_buckets.begin(), c.negative_buckets.end(), 0);
  return c;
}

Result<AddNotes> KahanAdd(FloatHistogram* h, const FloatHistogram& other, FloatHistogram* c) {
  return AddSigned(h, other, false, c);
}

bool DetectReset(const FloatHistogram& h, const FloatHistogram& previous) {
  if (h.reset_hint == CounterResetHint::kReset) return true;
  if (h.reset_hint == CounterResetHint::kNotReset) return false;
  if (h.count < previous.count) return true;
  if (UsesCustomBuckets(h)) {
    if (!UsesCustomBuckets(previous)) return true;
    if (!SameBounds(h.custom_values, previous.custom_values)) {
      return DetectResetMapped(h, previous);
    }
  }
  // Resolution and a smaller zero bucket come back only by a restart.
  if (h.schema > previous.schema || h.zero_threshold < previous.zero_threshold) return true;
  const LargerZeroBucket zero = WithLargerZeroBucket(previous, h.zero_threshold, nullptr);
  if (zero.threshold != h.zero_threshold || h.zero_count < zero.count) return true;
  for (const bool positive : {true, false}) {
    if (SideHasReset(SideBucketIterator(h, positive, h.zero_threshold, h.schema),
                     SideBucketIterator(previous, positive, h.zero_threshold, h.schema))) {
      return true;
    }
  }
  return false;
}

bool SameSpans(const std::vector<BucketSpan>& a, const std::vector<BucketSpan>& b) {
  // Takes the next span that is not empty, the offsets of empty ones before it added.
  const auto next = [](const std::vector<BucketSpan>& spans, size_t* i) {
    BucketSpan joined;
    int64_t offset = 0;
    while (*i < spans.size() && joined.length == 0) {
      offset += spans[*i].offset;
      joined.length = spans[*i].length;
      ++*i;
    }
    return std::pair(joined.length == 0 ? 0 : offset, joined.length);
  };
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() || j < b.size()) {
    if (next(a, &i) != next(b, &j)) return false;
  }
  return true;
}

bool Equals(const FloatHistogram& a, const FloatHistogram& b) { return EqualData(a, b); }
bool Equals(const Histogram& a, const Histogram& b) { return EqualData(a, b); }

bool HasOverflow(const FloatHistogram& h) {
  const auto any_infinite = [](const std::vector<double>& values) {
    return std::any_of(values.begin(), values.end(), [](double v) { return std::isinf(v); });
  };
  return std::isinf(h.zero_count) || std::isinf(h.count) || std::isinf(h.sum) ||
         any_infinite(h.positive_buckets) || any_infinite(h.negative_buckets) ||
         any_infinite(h.custom_values);
}

size_t SizeBytes(const FloatHistogram& h) {
  constexpr size_t kStruct = 168;  // of Go's struct with the pointer to it
  return kStruct +
         8 * (h.positive_spans.size() + h.negative_spans.size() + h.positive_buckets.size() +
              h.negative_buckets.size() + h.custom_values.size());
}

}  // namespace tributary::model
