#include "model/custom_bounds.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "model/bucket_iterator.h"
#include "model/kahan.h"

namespace tributary::model {

namespace {

// Adds one side's buckets to the buckets between `bounds`, with Kahan summation.
void MapInto(const std::vector<BucketSpan>& spans, const std::vector<double>& buckets,
             const std::vector<double>* compensation, std::span<const double> own_bounds,
             std::span<const double> bounds, double sign, std::vector<double>* sums,
             std::vector<double>* c) {
  int64_t index = 0;
  size_t position = 0;
  size_t target = 0;  // only moves forward: both lists of bounds rise
  for (const BucketSpan& span : spans) {
    index += span.offset;
    for (uint32_t i = 0; i < span.length && position < buckets.size(); ++i, ++index, ++position) {
      size_t into = bounds.size();  // the bucket up to +Inf
      if (index >= 0 && static_cast<uint64_t>(index) < own_bounds.size()) {
        const double bound = own_bounds[static_cast<size_t>(index)];
        while (target < bounds.size() && bounds[target] < bound) ++target;
        into = target;
      }
      KahanInc(sign * buckets[position], &(*sums)[into], &(*c)[into]);
      if (compensation != nullptr) KahanInc((*compensation)[position], &(*sums)[into], &(*c)[into]);
    }
  }
}

// Sums buckets up to a bound, going on where the call before stopped.
class Rollup {
 public:
  explicit Rollup(const FloatHistogram& h) : it_(h, true), more_(it_.Next()) {}
  double UpTo(double bound) {
    double sum = 0;
    while (more_ && it_.At().upper <= bound) {
      sum += it_.count();
      more_ = it_.Next();
    }
    return sum;
  }

 private:
  SideBucketIterator it_;
  bool more_;
};

}  // namespace

bool SameBounds(std::span<const double> a, std::span<const double> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

std::vector<double> IntersectBounds(std::span<const double> a, std::span<const double> b) {
  std::vector<double> shared;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(shared));
  return shared;
}

void AddMapped(bool subtract, BucketSide<double> a, std::span<const double> a_bounds,
               const FloatHistogram& b, std::span<const double> bounds) {
  std::vector<double> sums(bounds.size() + 1);
  std::vector<double> c(bounds.size() + 1);
  MapInto(*a.spans, *a.buckets, a.compensation, a_bounds, bounds, 1, &sums, &c);
  MapInto(b.positive_spans, b.positive_buckets, nullptr, b.custom_values, bounds, subtract ? -1 : 1,
          &sums, &c);
  a.spans->clear();
  size_t kept = 0;
  int64_t end = 0;
  for (size_t i = 0; i < sums.size(); ++i) {
    if (sums[i] == 0 && c[i] == 0) continue;
    const auto index = static_cast<int64_t>(i);
    if (!a.spans->empty() && index == end) {
      ++a.spans->back().length;
    } else {
      a.spans->push_back({static_cast<int32_t>(index - end), 1});
    }
    end = index + 1;
    sums[kept] = sums[i];
    c[kept] = c[i];
    ++kept;
  }
  sums.resize(kept);
  c.resize(kept);
  *a.buckets = std::move(sums);
  if (a.compensation != nullptr) *a.compensation = std::move(c);
}

bool DetectResetMapped(const FloatHistogram& h, const FloatHistogram& previous) {
  Rollup now(h);
  Rollup before(previous);
  for (const double bound : IntersectBounds(h.custom_values, previous.custom_values)) {
    if (now.UpTo(bound) < before.UpTo(bound)) return true;
  }
  const double infinity = std::numeric_limits<double>::infinity();
  return now.UpTo(infinity) < before.UpTo(infinity);
}

}  // namespace tributary::model
