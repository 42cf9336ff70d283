// What a scrape or a sender says about a metric family.
#pragma once

#include <string>
#include <string_view>

namespace tributary::model {

// Numbers as in remote write 2.0 and the WAL metadata record.
enum class MetricType : unsigned char {
  kUnknown = 0,
  kCounter = 1,
  kGauge = 2,
  kHistogram = 3,
  kGaugeHistogram = 4,
  kSummary = 5,
  kInfo = 6,
  kStateset = 7,
};

std::string_view MetricTypeName(MetricType type);  // "counter", "gauge", … "unknown"

struct Metadata {
  MetricType type = MetricType::kUnknown;
  std::string help;
  std::string unit;
  friend bool operator==(const Metadata&, const Metadata&) = default;
};

}  // namespace tributary::model
