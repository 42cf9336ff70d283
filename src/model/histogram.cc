#include "model/histogram.h"

#include <cmath>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>

#include <fmt/format.h>

#include "base/strings.h"
#include "model/histogram_bounds.h"

namespace tributary::model {

namespace {

using base::InvalidArgument;
using base::OkStatus;
using base::Status;

constexpr std::string_view kNegativeBucketCount =
    "histogram has a bucket whose observation count is negative";
constexpr std::string_view kNegativeOffset = "histogram has a span whose offset is negative";
constexpr std::string_view kSpansMismatch =
    "histogram spans specify different number of buckets than provided";

Status CheckSpans(std::span<const BucketSpan> spans, size_t num_buckets, bool check_first) {
  uint64_t needed = 0;
  for (size_t i = 0; i < spans.size(); ++i) {
    if ((i > 0 || check_first) && spans[i].offset < 0) {
      return InvalidArgument(fmt::format("span number {} with offset {}: {}", i + 1,
                                         spans[i].offset, kNegativeOffset));
    }
    needed += spans[i].length;
  }
  if (needed != num_buckets) {
    return InvalidArgument(fmt::format("spans need {} buckets, have {} buckets: {}", needed,
                                       num_buckets, kSpansMismatch));
  }
  return OkStatus();
}

template <class Count>
std::string CountText(Count count) {
  if constexpr (std::is_floating_point_v<Count>) {
    return base::FormatFloatG(count);
  } else {
    return std::to_string(count);
  }
}

// Adds the buckets' counts to `sum`. Integer buckets are deltas.
template <class Bucket, class Sum>
Status CheckBuckets(std::span<const Bucket> buckets, Sum* sum) {
  Bucket count = 0;
  for (size_t i = 0; i < buckets.size(); ++i) {
    if constexpr (std::is_floating_point_v<Bucket>) {
      count = buckets[i];
    } else {
      count = static_cast<Bucket>(static_cast<uint64_t>(count) + static_cast<uint64_t>(buckets[i]));
    }
    if (count < 0) {
      return InvalidArgument(fmt::format("bucket number {} has observation count of {}: {}", i + 1,
                                         CountText(count), kNegativeBucketCount));
    }
    *sum += static_cast<Sum>(count);
  }
  return OkStatus();
}

Status CheckCustomBounds(std::span<const double> bounds, std::span<const BucketSpan> spans,
                         size_t num_buckets) {
  for (size_t i = 0; i < bounds.size(); ++i) {
    if (std::isnan(bounds[i])) return InvalidArgument("histogram custom bounds must not be NaN");
    if (i > 0 && bounds[i] <= bounds[i - 1]) {
      return InvalidArgument(
          fmt::format("previous bound is {:f} and current is {:f}: histogram custom bounds must be "
                      "in strictly increasing order",
                      bounds[i - 1], bounds[i]));
    }
  }
  if (!bounds.empty() && bounds.back() == std::numeric_limits<double>::infinity()) {
    return InvalidArgument(
        "last +Inf bound must not be explicitly defined: histogram custom bounds must be finite");
  }
  RETURN_IF_ERROR(CheckSpans(spans, num_buckets, true));
  uint64_t length = 0;
  for (const BucketSpan& span : spans) length += uint64_t{span.length} + uint64_t(span.offset);
  if (bounds.size() + 1 < length) {
    return InvalidArgument(
        fmt::format("only {} custom bounds defined which is insufficient to cover total span "
                    "length of {}: histogram custom bounds are too few",
                    bounds.size(), length));
  }
  return OkStatus();
}

Status Within(std::string_view where, Status status) {
  if (status) return status;
  return status.error().Context(where);
}

// All that the two kinds of histogram have in common. Sets the sum of all bucket counts.
template <class AnyHistogram, class Sum>
Status CheckLayout(const AnyHistogram& h, Sum* sum) {
  if (IsCustomBucketsSchema(h.schema)) {
    RETURN_IF_ERROR(Within("custom buckets", CheckCustomBounds(h.custom_values, h.positive_spans,
                                                               h.positive_buckets.size())));
    if (h.zero_count != 0) return InvalidArgument("custom buckets: must have zero count of 0");
    if (h.zero_threshold != 0) {
      return InvalidArgument("custom buckets: must have zero threshold of 0");
    }
    if (!h.negative_spans.empty()) {
      return InvalidArgument("custom buckets: must not have negative spans");
    }
    if (!h.negative_buckets.empty()) {
      return InvalidArgument("custom buckets: must not have negative buckets");
    }
  } else if (IsExponentialSchema(h.schema)) {
    RETURN_IF_ERROR(
        Within("positive side", CheckSpans(h.positive_spans, h.positive_buckets.size(), false)));
    RETURN_IF_ERROR(
        Within("negative side", CheckSpans(h.negative_spans, h.negative_buckets.size(), false)));
    RETURN_IF_ERROR(Within("negative side", CheckBuckets(std::span(h.negative_buckets), sum)));
    if constexpr (std::is_floating_point_v<Sum>) {
      if (h.zero_count < 0) {
        return InvalidArgument(fmt::format("zero bucket has observation count of {}: {}",
                                           CountText(h.zero_count), kNegativeBucketCount));
      }
    }
    if (!h.custom_values.empty()) {
      return InvalidArgument("histogram with exponential schema must not have custom bounds");
    }
  } else {
    return InvalidArgument(
        fmt::format("histogram has an invalid schema, which must be between {} and {} for "
                    "exponential buckets, or {} for custom buckets, got schema {}",
                    kMinExponentialSchema, kMaxExponentialSchema, kCustomBucketsSchema, h.schema));
  }
  if constexpr (std::is_floating_point_v<Sum>) {
    if (h.count < 0) {
      return InvalidArgument(
          fmt::format("observation count is  {}: histogram's observation count is negative",
                      CountText(h.count)));
    }
  }
  return Within("positive side", CheckBuckets(std::span(h.positive_buckets), sum));
}

std::vector<double> Absolute(const std::vector<int64_t>& deltas) {
  std::vector<double> out;
  out.reserve(deltas.size());
  double count = 0;
  for (const int64_t delta : deltas) {
    count += static_cast<double>(delta);
    out.push_back(count);
  }
  return out;
}

}  // namespace

namespace {

template <class H>
H BeginningOfAny(const H& h) {
  H begin;
  begin.reset_hint = CounterResetHint::kReset;
  begin.schema = h.schema;
  begin.zero_threshold = h.zero_threshold;
  begin.custom_values = h.custom_values;
  return begin;
}

}  // namespace

Histogram BeginningOf(const Histogram& h) { return BeginningOfAny(h); }
FloatHistogram BeginningOf(const FloatHistogram& h) { return BeginningOfAny(h); }

FloatHistogram ToFloat(const Histogram& h) {
  FloatHistogram f;
  f.reset_hint = h.reset_hint;
  f.schema = h.schema;
  f.count = static_cast<double>(h.count);
  f.sum = h.sum;
  if (IsCustomBucketsSchema(h.schema)) {
    f.custom_values = h.custom_values;
  } else {
    f.zero_threshold = h.zero_threshold;
    f.zero_count = static_cast<double>(h.zero_count);
    f.negative_spans = h.negative_spans;
    f.negative_buckets = Absolute(h.negative_buckets);
  }
  f.positive_spans = h.positive_spans;
  f.positive_buckets = Absolute(h.positive_buckets);
  return f;
}

Status Validate(const Histogram& h) {
  uint64_t in_buckets = 0;
  RETURN_IF_ERROR(CheckLayout(h, &in_buckets));
  in_buckets += h.zero_count;
  // Observations of NaN are counted but fall into no bucket.
  const bool saw_nan = std::isnan(h.sum);
  if (saw_nan ? in_buckets <= h.count : in_buckets == h.count) return OkStatus();
  return InvalidArgument(fmt::format(
      "{} observations found in buckets, but the Count field is {}: histogram's observation count "
      "should {}",
      in_buckets, h.count,
      saw_nan ? "be at least the number of observations found in the buckets"
              : "equal the number of observations found in the buckets (in absence of NaN)"));
}

Status Validate(const FloatHistogram& h) {
  double in_buckets = 0;
  return CheckLayout(h, &in_buckets);
}

}  // namespace tributary::model
