// One metric of a MetricFamily, as decoded. Views point into the page.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/exemplar.h"
#include "model/histogram.h"
#include "model/sample.h"

namespace tributary::wire {

// MetricType in metrics.proto.
enum class ProtoMetricType : uint64_t {
  kCounter = 0,
  kGauge = 1,
  kSummary = 2,
  kUntyped = 3,
  kHistogram = 4,
  kGaugeHistogram = 5,
};

struct ProtoBucket {
  double bound = 0;
  double count = 0;           // cumulative
  std::string_view exemplar;  // encoded; empty: none
};

struct ProtoMetric {
  std::vector<std::pair<std::string_view, std::string_view>> labels;
  model::Timestamp timestamp = 0;  // 0: none
  model::Timestamp start = 0;      // 0: not known

  double value = 0;           // counter, gauge, untyped
  std::string_view exemplar;  // of a counter

  double count = 0;  // summary, histogram
  double sum = 0;
  std::vector<std::pair<double, double>> quantiles;  // quantile, value
  std::vector<ProtoBucket> buckets;

  // The native form; `histogram` holds whole counts, `float_histogram` what overrides them.
  model::Histogram histogram;
  model::FloatHistogram float_histogram;
  std::vector<std::string_view> exemplars;

  bool IsNative() const {
    return !histogram.positive_spans.empty() || !histogram.negative_spans.empty() ||
           histogram.zero_threshold > 0 || histogram.zero_count > 0;
  }
  bool IsFloat() const { return float_histogram.count > 0 || float_histogram.zero_count > 0; }

  // Decodes a Metric; memory of earlier ones is reused. Only the part that belongs to `type` is
  // looked at.
  base::Status Decode(std::string_view message, ProtoMetricType type);
};

// False when the message is malformed or has labels that are not UTF-8.
bool DecodeProtoExemplar(std::string_view message, model::Exemplar* out);

}  // namespace tributary::wire
