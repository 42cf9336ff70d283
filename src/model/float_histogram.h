// What PromQL does with FloatHistograms: arithmetic between histograms of different resolution,
// counter resets, trimming, printing. Functions change their first argument in place where it is
// a pointer and never touch the others.
// Source of the semantics: Prometheus model/histogram/float_histogram.go (3.14).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "model/bucket_iterator.h"
#include "model/histogram.h"
#include "model/histogram_bounds.h"

namespace tributary::model {

inline bool UsesCustomBuckets(const FloatHistogram& h) { return IsCustomBucketsSchema(h.schema); }
inline bool UsesCustomBuckets(const Histogram& h) { return IsCustomBucketsSchema(h.schema); }

// Drops empty buckets at both ends of every span, then joins spans at most `max_empty` buckets
// apart and splits spans with more than `max_empty` consecutive empty buckets.
void Compact(FloatHistogram* h, size_t max_empty = 0);
void Compact(Histogram* h, size_t max_empty = 0);

// Merges buckets to a coarser exponential schema. Fails, leaving `h` unspecified, for custom
// buckets, a schema that is not coarser, or spans that do not describe the buckets.
base::Status ReduceResolution(FloatHistogram* h, int32_t target_schema);
base::Status ReduceResolution(Histogram* h, int32_t target_schema);

// A copy at `target_schema`, which must be an exponential schema not finer than h's. As in
// Prometheus, the counter reset hint is kept only when the schema is.
FloatHistogram CopyToSchema(const FloatHistogram& h, int32_t target_schema);

// Counts, sum and buckets times or over a number. A negative number makes the result a gauge;
// division by zero removes all buckets.
void Mul(FloatHistogram* h, double factor);
void Div(FloatHistogram* h, double divisor);

// What an addition met that deserves a warning.
struct AddNotes {
  bool counter_reset_collision = false;  // one hint said reset, the other not reset
  bool bounds_reconciled = false;        // custom bounds differed and were intersected
};

// h += other, h -= other. Schemas, zero thresholds and custom bounds are reconciled. Empty buckets
// and touching spans may result: Compact() when that matters. Fails when exponential and custom
// buckets meet (ErrorCode::kExecution), or on spans that do not describe the buckets.
base::Result<AddNotes> Add(FloatHistogram* h, const FloatHistogram& other);
base::Result<AddNotes> Sub(FloatHistogram* h, const FloatHistogram& other);

// Add() with Kahan summation. `c` holds the compensation, starts as NewCompensation(*h) and must
// then only be changed here; the true total is *h plus *c (by Add()).
FloatHistogram NewCompensation(const FloatHistogram& h);
base::Result<AddNotes> KahanAdd(FloatHistogram* h, const FloatHistogram& other, FloatHistogram* c);

// Whether `h`, seen after `previous`, must have been reset in between. The hints kReset and
// kNotReset of `h` decide without looking further.
bool DetectReset(const FloatHistogram& h, const FloatHistogram& previous);

// Same data, bit for bit, hints aside; spans may describe the same layout in different ways.
bool Equals(const FloatHistogram& a, const FloatHistogram& b);
bool Equals(const Histogram& a, const Histogram& b);
bool SameSpans(const std::vector<BucketSpan>& a, const std::vector<BucketSpan>& b);

// The </ (keep_below) and >/ operators: drops observations above or below `limit`, interpolating
// within the bucket that holds it and estimating the sum anew.
void TrimBuckets(FloatHistogram* h, double limit, bool keep_below);

// Whether any count, the sum or a bucket is infinite.
bool HasOverflow(const FloatHistogram& h);

// Bytes that Prometheus counts for it when it limits a query's samples.
size_t SizeBytes(const FloatHistogram& h);

// {count:4, sum:2.5, [-1,-0.5):1, [-0.001,0.001]:1, (0.5,1]:2}
std::string ToString(const FloatHistogram& h);
// As promqltest writes it: {{schema:1 count:4 sum:2.5 offset:1 buckets:[1 2 1]}}
std::string ToTestExpression(const FloatHistogram& h);

}  // namespace tributary::model
