#include "promql/exec/annotations.h"

#include <algorithm>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/strings.h"
#include "promql/parse/parser.h"

namespace tributary::promql {
namespace {

std::string Metric(std::string text, std::string_view metric) {
  if (!metric.empty()) text += " for metric name " + base::Quote(metric);
  return text;
}

std::string_view OperationName(HistogramOperation operation) {
  switch (operation) {
    case HistogramOperation::kAddition:
      return "addition";
    case HistogramOperation::kSubtraction:
      return "subtraction";
    case HistogramOperation::kAggregation:
      return "aggregation";
  }
  return "unknown operation";
}

std::string Rfc3339(model::Timestamp t_ms) {
  const std::time_t seconds = t_ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", utc);
}

}  // namespace

void AnnotationSink::Add(std::string text, Entry entry) {
  base::MutexLock lock(mutex_);
  auto [it, added] = entries_.try_emplace(std::move(text), entry);
  if (added) return;
  Entry& e = it->second;
  if (entry.monotonicity) {
    e.min_t = std::min(e.min_t, entry.min_t);
    e.max_t = std::max(e.max_t, entry.max_t);
    e.min_bucket = std::min(e.min_bucket, entry.min_bucket);
    e.max_bucket = std::max(e.max_bucket, entry.max_bucket);
    e.max_diff = std::max(e.max_diff, entry.max_diff);
    e.count++;
  } else if (entry.overlap) {
    e.count++;
  } else {
    e = entry;
  }
}

void AnnotationSink::Warn(std::string text, PosRange pos) {
  Add("PromQL warning: " + std::move(text), {.level = Level::kWarning, .pos = pos});
}

void AnnotationSink::Inform(std::string text, PosRange pos) {
  Add("PromQL info: " + std::move(text), {.level = Level::kInfo, .pos = pos});
}

void AnnotationSink::InvalidQuantile(double q, PosRange pos) {
  Warn("quantile value should be between 0 and 1, got " + base::FormatFloatG(q), pos);
}

void AnnotationSink::InvalidRatio(double ratio, double capped_to, PosRange pos) {
  Warn(fmt::format("ratio value should be between -1 and 1, got {}, capping to {}",
                   base::FormatFloatG(ratio), base::FormatFloatG(capped_to)),
       pos);
}

void AnnotationSink::BadBucketLabel(std::string_view metric, std::string_view label, PosRange pos) {
  Warn(Metric("bucket label \"le\" is missing or has a malformed value of " + base::Quote(label),
              metric),
       pos);
}

void AnnotationSink::MixedFloatsHistograms(std::string_view metric, PosRange pos) {
  Warn("encountered a mix of histograms and floats for metric name " + base::Quote(metric), pos);
}

void AnnotationSink::MixedFloatsHistogramsInAggregation(PosRange pos) {
  Warn("encountered a mix of histograms and floats for aggregation", pos);
}

void AnnotationSink::MixedClassicNativeHistograms(std::string_view metric, PosRange pos) {
  Warn(Metric("vector contains a mix of classic and native histograms", metric), pos);
}

void AnnotationSink::NativeHistogramNotCounter(std::string_view metric, PosRange pos) {
  Warn("this native histogram metric is not a counter: " + base::Quote(metric), pos);
}

void AnnotationSink::NativeHistogramNotGauge(std::string_view metric, PosRange pos) {
  Warn("this native histogram metric is not a gauge: " + base::Quote(metric), pos);
}

void AnnotationSink::MixedExponentialCustomHistograms(std::string_view metric, PosRange pos) {
  Warn(
      "vector contains a mix of histograms with exponential and custom buckets schemas for metric "
      "name " +
          base::Quote(metric),
      pos);
}

void AnnotationSink::IncompatibleBucketLayout(std::string_view op, PosRange pos) {
  Warn(fmt::format("incompatible bucket layout encountered for binary operator {}", op), pos);
}

void AnnotationSink::SortInRangeQuery(PosRange pos) {
  Warn("sort is ineffective for range queries since results are always ordered by labels", pos);
}

void AnnotationSink::PossibleNonCounter(std::string_view metric, PosRange pos) {
  Inform("metric might not be a counter, name does not end in _total/_sum/_count/_bucket: " +
             base::Quote(metric),
         pos);
}

void AnnotationSink::PossibleNonCounterLabel(std::string_view metric, std::string_view type,
                                             PosRange pos) {
  Inform(fmt::format("metric might not be a counter, __type__ label is not set to \"counter\" or "
                     "\"histogram\", got {}: {}",
                     base::Quote(type), base::Quote(metric)),
         pos);
}

void AnnotationSink::ForcedMonotonicity(std::string_view metric, PosRange pos, model::Timestamp t,
                                        double min_bucket, double max_bucket, double max_diff) {
  Add("PromQL info: " +
          Metric("input to histogram_quantile needed to be fixed for monotonicity (see "
                 "https://prometheus.io/docs/prometheus/latest/querying/functions/"
                 "#histogram_quantile)",
                 metric),
      {.level = Level::kInfo,
       .pos = pos,
       .monotonicity = true,
       .min_t = t,
       .max_t = t,
       .min_bucket = min_bucket,
       .max_bucket = max_bucket,
       .max_diff = max_diff});
}

void AnnotationSink::IncompatibleTypes(std::string_view lhs, std::string_view op,
                                       std::string_view rhs, PosRange pos) {
  Inform(fmt::format("incompatible sample types encountered for binary operator {}: {} {} {}",
                     base::Quote(op), lhs, op, rhs),
         pos);
}

void AnnotationSink::HistogramIgnoredInAggregation(std::string_view aggregation, PosRange pos) {
  Inform(fmt::format("ignored histogram in {} aggregation", aggregation), pos);
}

void AnnotationSink::HistogramIgnoredInMixedRange(std::string_view metric, PosRange pos) {
  Inform("ignored histograms in a range containing both floats and histograms for metric name " +
             base::Quote(metric),
         pos);
}

void AnnotationSink::QuantileNaNResult(std::string_view metric, PosRange pos) {
  Inform(Metric("input to histogram_quantile has NaN observations, result is NaN", metric), pos);
}

void AnnotationSink::QuantileNaNSkew(std::string_view metric, PosRange pos) {
  Inform(
      Metric("input to histogram_quantile has NaN observations, result is skewed higher", metric),
      pos);
}

void AnnotationSink::FractionNaNs(std::string_view metric, PosRange pos) {
  Inform(Metric("input to histogram_fraction has NaN observations, which are excluded from all "
                "fractions",
                metric),
         pos);
}

void AnnotationSink::CounterResetCollision(HistogramOperation operation, PosRange pos) {
  Warn(fmt::format("conflicting counter resets during histogram {}", OperationName(operation)),
       pos);
}

void AnnotationSink::MismatchedCustomBuckets(HistogramOperation operation, PosRange pos) {
  Inform(
      fmt::format("mismatched custom buckets were reconciled during {}", OperationName(operation)),
      pos);
}

void AnnotationSink::StartTimeOverlap(std::string_view metric, PosRange pos) {
  Add("PromQL warning: sample has start time that overlaps with previous sample timestamp for "
      "metric " +
          base::Quote(metric),
      {.level = Level::kWarning, .pos = pos, .overlap = true});
}

Annotations AnnotationSink::Render(std::string_view query) const {
  base::MutexLock lock(mutex_);
  Annotations out;
  for (const auto& [key, e] : entries_) {
    std::string text = key;
    if (e.monotonicity) {
      text += fmt::format(
          ", from buckets {} to {}, with a max diff of {:.2g}, over {} samples from {} to {}",
          base::FormatFloatG(e.min_bucket), base::FormatFloatG(e.max_bucket), e.max_diff, e.count,
          Rfc3339(e.min_t), Rfc3339(e.max_t));
    } else if (e.overlap && e.count > 1) {
      text += fmt::format(" ({} occurrences)", e.count);
    }
    text += " (" + LineColumn(query, e.pos.start) + ")";
    (e.level == Level::kWarning ? out.warnings : out.infos).push_back(std::move(text));
  }
  return out;
}

}  // namespace tributary::promql
