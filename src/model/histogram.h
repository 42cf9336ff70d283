// Native histograms. Histogram holds integer counts with delta-encoded buckets (what is scraped and
// stored); FloatHistogram holds absolute float counts (what PromQL computes with).
// Source of the semantics: Prometheus model/histogram/{histogram,float_histogram,generic}.go and
// docs/specs/native_histograms.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace tributary::model {

inline constexpr int32_t kCustomBucketsSchema = -53;
inline constexpr int32_t kMinExponentialSchema = -4;
inline constexpr int32_t kMaxExponentialSchema = 8;

// As in the wire formats.
enum class CounterResetHint : unsigned char { kUnknown = 0, kReset = 1, kNotReset = 2, kGauge = 3 };

struct BucketSpan {
  int32_t offset = 0;   // gap to the previous span; for the first, the index of its first bucket
  uint32_t length = 0;  // consecutive buckets
  friend bool operator==(const BucketSpan&, const BucketSpan&) = default;
};

struct Histogram {
  CounterResetHint reset_hint = CounterResetHint::kUnknown;
  int32_t schema = 0;
  double zero_threshold = 0;
  uint64_t zero_count = 0;
  uint64_t count = 0;
  double sum = 0;  // carries the staleness marker
  std::vector<BucketSpan> positive_spans, negative_spans;
  std::vector<int64_t> positive_buckets, negative_buckets;  // each the delta to the one before
  std::vector<double> custom_values;                        // upper bounds, schema -53 only

  friend bool operator==(const Histogram&, const Histogram&) = default;
};

struct FloatHistogram {
  CounterResetHint reset_hint = CounterResetHint::kUnknown;
  int32_t schema = 0;
  double zero_threshold = 0;
  double zero_count = 0;
  double count = 0;
  double sum = 0;
  std::vector<BucketSpan> positive_spans, negative_spans;
  std::vector<double> positive_buckets, negative_buckets;  // absolute
  std::vector<double> custom_values;

  friend bool operator==(const FloatHistogram&, const FloatHistogram&) = default;
};

FloatHistogram ToFloat(const Histogram& h);
// The histogram of a counter that begins: nothing in it, of the same layout, known as a reset.
Histogram BeginningOf(const Histogram& h);
FloatHistogram BeginningOf(const FloatHistogram& h);
// Errors in Prometheus's words: spans, counts, schema, custom bounds.
base::Status Validate(const Histogram& h);
base::Status Validate(const FloatHistogram& h);

}  // namespace tributary::model
