// Rearranging one side of a histogram: its spans, its buckets (absolute counts) and, for Kahan
// summation, a compensation for each bucket. Shared by integer and float histograms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "model/histogram.h"

namespace tributary::model {

// One side, changed in place.
template <class Count>
struct BucketSide {
  std::vector<BucketSpan>* spans;
  std::vector<Count>* buckets;
  std::vector<double>* compensation = nullptr;  // as many as buckets
};

// Whether spans after the first have no negative offset and describe exactly `num_buckets`.
base::Status CheckSpans(const std::vector<BucketSpan>& spans, size_t num_buckets);

// See Compact() in float_histogram.h. A bucket counts as empty when its compensation is 0, too.
// Instantiated for int64_t and double.
template <class Count>
void CompactSide(BucketSide<Count> side, size_t max_empty);

// Merges to a coarser exponential schema. REQUIRES: CheckSpans() holds.
template <class Count>
void ReduceSide(BucketSide<Count> side, int32_t schema, int32_t target_schema);

// a += b, or a -= b. Buckets of b whose upper bound is not above `threshold` are left out
// (exponential schemas only). Both have the schema `schema`. `b_compensation` may be null.
// REQUIRES: CheckSpans() holds for both.
void AddSide(int32_t schema, double threshold, bool subtract, BucketSide<double> a,
             const std::vector<BucketSpan>& b_spans, const std::vector<double>& b_buckets,
             const std::vector<double>* b_compensation);

}  // namespace tributary::model
