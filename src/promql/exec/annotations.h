// AnnotationSink: collects the warnings and infos of one query. Texts and the rules for merging
// equal ones are those of Prometheus (util/annotations). Thread-safe; of equal texts the position
// reported last is kept.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "promql/parse/ast.h"
#include "promql/value.h"

namespace tributary::promql {

enum class HistogramOperation : uint8_t { kAddition, kSubtraction, kAggregation };

class AnnotationSink {
 public:
  void InvalidQuantile(double q, PosRange pos);
  void InvalidRatio(double ratio, double capped_to, PosRange pos);
  void BadBucketLabel(std::string_view metric, std::string_view label, PosRange pos);
  void MixedFloatsHistograms(std::string_view metric, PosRange pos);
  void MixedFloatsHistogramsInAggregation(PosRange pos);
  void MixedClassicNativeHistograms(std::string_view metric, PosRange pos);
  void NativeHistogramNotCounter(std::string_view metric, PosRange pos);
  void NativeHistogramNotGauge(std::string_view metric, PosRange pos);
  void MixedExponentialCustomHistograms(std::string_view metric, PosRange pos);
  void IncompatibleBucketLayout(std::string_view op, PosRange pos);
  void SortInRangeQuery(PosRange pos);
  void PossibleNonCounter(std::string_view metric, PosRange pos);
  void PossibleNonCounterLabel(std::string_view metric, std::string_view type, PosRange pos);
  void ForcedMonotonicity(std::string_view metric, PosRange pos, model::Timestamp t,
                          double min_bucket, double max_bucket, double max_diff);
  void IncompatibleTypes(std::string_view lhs, std::string_view op, std::string_view rhs,
                         PosRange pos);
  void HistogramIgnoredInAggregation(std::string_view aggregation, PosRange pos);
  void HistogramIgnoredInMixedRange(std::string_view metric, PosRange pos);
  void QuantileNaNResult(std::string_view metric, PosRange pos);
  void QuantileNaNSkew(std::string_view metric, PosRange pos);
  void FractionNaNs(std::string_view metric, PosRange pos);
  void CounterResetCollision(HistogramOperation operation, PosRange pos);
  void MismatchedCustomBuckets(HistogramOperation operation, PosRange pos);
  void StartTimeOverlap(std::string_view metric, PosRange pos);

  // Texts with positions in `query`.
  Annotations Render(std::string_view query) const;

 private:
  enum class Level : uint8_t { kWarning, kInfo };
  struct Entry {
    Level level = Level::kInfo;
    PosRange pos;
    uint64_t count = 1;
    // Of forced monotonicity.
    bool monotonicity = false;
    model::Timestamp min_t = 0, max_t = 0;
    double min_bucket = 0, max_bucket = 0, max_diff = 0;
    // Of overlapping start times.
    bool overlap = false;
  };

  void Warn(std::string text, PosRange pos);
  void Inform(std::string text, PosRange pos);
  void Add(std::string text, Entry entry);

  mutable base::Mutex mutex_;
  std::map<std::string, Entry> entries_ TB_GUARDED_BY(mutex_);
};

}  // namespace tributary::promql
