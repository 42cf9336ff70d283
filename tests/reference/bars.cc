#include "bars.h"

#include <algorithm>
#include <cmath>

namespace tributary::reference {
namespace {

using Buckets = std::map<int, double>;

Buckets BucketsOf(const std::vector<model::BucketSpan>& spans, const std::vector<double>& counts) {
  Buckets out;
  int index = 0;
  size_t n = 0;
  for (const model::BucketSpan& span : spans) {
    index += span.offset;
    for (uint32_t i = 0; i < span.length; i++) out[index++] = counts[n++];
  }
  return out;
}

// Two buckets become one for each step of the schema.
Buckets AtSchema(const Buckets& buckets, int from, int to) {
  Buckets out;
  for (const auto& [index, count] : buckets) {
    const double width = std::exp2(from - to);
    out[static_cast<int>(std::ceil(index / width))] += count;
  }
  return out;
}

// Each bucket goes into the first that ends where it ends or later.
Buckets AtBounds(const Buckets& buckets, const std::vector<double>& from,
                 const std::vector<double>& to) {
  Buckets out;
  for (const auto& [index, count] : buckets) {
    const auto i = static_cast<size_t>(index);
    const double end = i < from.size() ? from[i] : INFINITY;
    out[static_cast<int>(std::ranges::lower_bound(to, end) - to.begin())] += count;
  }
  return out;
}

void Reshape(Bars* bars, int schema, const std::vector<double>& bounds) {
  if (bars->custom) {
    bars->positive = AtBounds(bars->positive, bars->bounds, bounds);
    bars->bounds = bounds;
    return;
  }
  bars->positive = AtSchema(bars->positive, bars->schema, schema);
  bars->negative = AtSchema(bars->negative, bars->schema, schema);
  bars->schema = schema;
}

bool SameBuckets(const Buckets& a, const Buckets& b, double tolerance) {
  const auto is_in = [tolerance](const Buckets& other) {
    return [&other, tolerance](const auto& bucket) {
      const auto found = other.find(bucket.first);
      return Close(bucket.second, found == other.end() ? 0 : found->second, tolerance);
    };
  };
  return std::ranges::all_of(a, is_in(b)) && std::ranges::all_of(b, is_in(a));
}

bool FewerIn(const Buckets& now, const Buckets& before) {
  return std::ranges::any_of(before, [&now](const auto& bucket) {
    const auto found = now.find(bucket.first);
    return (found == now.end() ? 0 : found->second) < bucket.second;
  });
}

}  // namespace

bool Close(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::abs(a - b) <= tolerance * std::max({std::abs(a), std::abs(b), 1e-3});
}

Bars BarsOf(const model::FloatHistogram& h) {
  Bars bars{.schema = h.schema,
            .bounds = h.custom_values,
            .zero_threshold = h.zero_threshold,
            .zero = h.zero_count,
            .count = h.count,
            .sum = h.sum,
            .positive = BucketsOf(h.positive_spans, h.positive_buckets),
            .negative = BucketsOf(h.negative_spans, h.negative_buckets)};
  bars.gauge = h.reset_hint == model::CounterResetHint::kGauge;
  bars.custom = h.schema == model::kCustomBucketsSchema;
  return bars;
}

base::Result<std::optional<Bars>> Plus(const Bars& a, const Bars& b, double sign) {
  if (a.custom != b.custom) return std::optional<Bars>();
  if (a.zero_threshold != b.zero_threshold) {
    return base::Error(base::ErrorCode::kUnimplemented, "zero buckets of two widths");
  }
  Bars sum = a, other = b;
  std::vector<double> bounds;
  std::ranges::set_intersection(a.bounds, b.bounds, std::back_inserter(bounds));
  const int schema = std::min(a.schema, b.schema);
  Reshape(&sum, schema, bounds);
  Reshape(&other, schema, bounds);
  sum.zero += sign * other.zero;
  sum.count += sign * other.count;
  sum.sum += sign * other.sum;
  for (const auto& [index, count] : other.positive) sum.positive[index] += sign * count;
  for (const auto& [index, count] : other.negative) sum.negative[index] += sign * count;
  return std::optional(std::move(sum));
}

Bars Times(Bars bars, double factor) {
  bars.zero *= factor;
  bars.count *= factor;
  bars.sum *= factor;
  for (auto& [index, count] : bars.positive) count *= factor;
  for (auto& [index, count] : bars.negative) count *= factor;
  return bars;
}

bool Fewer(const Bars& now, const Bars& before) {
  return now.count < before.count || now.zero < before.zero ||
         FewerIn(now.positive, before.positive) || FewerIn(now.negative, before.negative);
}

bool SameBars(const Bars& a, const Bars& b, double tolerance) {
  return a.custom == b.custom && a.schema == b.schema && a.bounds == b.bounds &&
         a.zero_threshold == b.zero_threshold && Close(a.zero, b.zero, tolerance) &&
         Close(a.count, b.count, tolerance) && Close(a.sum, b.sum, tolerance) &&
         SameBuckets(a.positive, b.positive, tolerance) &&
         SameBuckets(a.negative, b.negative, tolerance);
}

}  // namespace tributary::reference
