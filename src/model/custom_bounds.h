// Histograms with custom buckets whose bounds differ: both are brought to the bounds they share.
#pragma once

#include <span>
#include <vector>

#include "model/bucket_layout.h"
#include "model/histogram.h"

namespace tributary::model {

bool SameBounds(std::span<const double> a, std::span<const double> b);

// The bounds that are in both. Both are rising.
std::vector<double> IntersectBounds(std::span<const double> a, std::span<const double> b);

// a += b, or a -= b, mapped to `bounds`, the intersection of the bounds of both. Empty buckets are
// left out of the result.
void AddMapped(bool subtract, BucketSide<double> a, std::span<const double> a_bounds,
               const FloatHistogram& b, std::span<const double> bounds);

// Whether any bucket, with both histograms mapped to their shared bounds, has become smaller.
bool DetectResetMapped(const FloatHistogram& h, const FloatHistogram& previous);

}  // namespace tributary::model
