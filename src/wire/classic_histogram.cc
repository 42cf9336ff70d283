#include "wire/classic_histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/strings.h"
#include "model/float_histogram.h"

namespace tributary::wire {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMaxWhole = 4611686018427387904;  // 2^62: fits an int64_t, sums do too

// Integer histograms keep short runs of empty buckets: a span costs more.
constexpr size_t kMaxEmpty = 2;

bool IsWhole(double v) { return v >= 0 && v <= kMaxWhole && v == std::floor(v); }

template <class H>
void SetLayout(size_t buckets, double sum, H* h) {
  *h = H();
  h->schema = model::kCustomBucketsSchema;
  h->sum = sum;
  h->positive_spans = {{0, static_cast<uint32_t>(buckets)}};
  h->positive_buckets.reserve(buckets);
  h->custom_values.reserve(buckets);
}

}  // namespace

void ClassicHistogram::Clear() {
  buckets_.clear();
  count_ = sum_ = 0;
  has_count_ = false;
  status_ = {};
}

void ClassicHistogram::AddBucket(double upper_bound, double cumulative_count) {
  if (!status_) return;
  if (std::isnan(upper_bound)) {
    status_ = base::InvalidArgument("bucket boundary must not be NaN");
    return;
  }
  if (cumulative_count < 0) {
    status_ = base::InvalidArgument(
        fmt::format("bucket count must be non-negative: le={}, count={}",
                    base::FormatFloat(upper_bound), base::FormatFloat(cumulative_count)));
    return;
  }
  const auto not_cumulative = [&](double a, const char* sign, double b) {
    status_ = base::InvalidArgument(fmt::format("count is not cumulative: {} {} {}",
                                                base::FormatFloat(a), sign, base::FormatFloat(b)));
  };
  // Nearly always behind the last.
  auto at = buckets_.end();
  if (!buckets_.empty() && buckets_.back().bound >= upper_bound) {
    at = std::lower_bound(buckets_.begin(), buckets_.end(), upper_bound,
                          [](const Bucket& bucket, double bound) { return bucket.bound < bound; });
    if (at->bound == upper_bound) return;
  }
  if (at != buckets_.begin() && cumulative_count < std::prev(at)->count) {
    return not_cumulative(cumulative_count, "<", std::prev(at)->count);
  }
  if (at != buckets_.end() && cumulative_count > at->count) {
    return not_cumulative(cumulative_count, ">", at->count);
  }
  buckets_.insert(at, {upper_bound, cumulative_count});
}

void ClassicHistogram::SetCount(double count) {
  if (!status_) return;
  if (count < 0) {
    status_ = base::InvalidArgument(
        fmt::format("count must be non-negative: count={}", base::FormatFloat(count)));
    return;
  }
  count_ = count;
  has_count_ = true;
}

base::Status ClassicHistogram::Convert(model::Histogram* h, model::FloatHistogram* fh,
                                       bool* is_float) {
  RETURN_IF_ERROR(status_);
  if (!has_count_ && !buckets_.empty()) SetCount(buckets_.back().count);
  if (buckets_.empty() || buckets_.back().bound != kInfinity) {
    buckets_.push_back({kInfinity, count_});
  }
  if (count_ != buckets_.back().count) {
    return base::InvalidArgument(fmt::format("count mismatch: count={} != le=+Inf count={}",
                                             base::FormatFloat(count_),
                                             base::FormatFloat(buckets_.back().count)));
  }
  *is_float = !std::all_of(buckets_.begin(), buckets_.end(),
                           [](const Bucket& bucket) { return IsWhole(bucket.count); });
  if (*is_float) {
    double before = 0;
    SetLayout(buckets_.size(), sum_, fh);
    fh->count = count_;
    for (const Bucket& bucket : buckets_) {
      fh->positive_buckets.push_back(bucket.count - before);
      before = bucket.count;
      if (bucket.bound != kInfinity) fh->custom_values.push_back(bucket.bound);
    }
    model::Compact(fh);
    return model::Validate(*fh);
  }
  SetLayout(buckets_.size(), sum_, h);
  h->count = static_cast<uint64_t>(count_);
  int64_t below = 0;
  int64_t last = 0;
  for (const Bucket& bucket : buckets_) {
    const auto cumulative = static_cast<int64_t>(bucket.count);
    const int64_t count = cumulative - below;
    h->positive_buckets.push_back(count - last);
    last = count;
    below = cumulative;
    if (bucket.bound != kInfinity) h->custom_values.push_back(bucket.bound);
  }
  model::Compact(h, kMaxEmpty);
  return model::Validate(*h);
}

}  // namespace tributary::wire
