// This process's own metrics as families, read back from the text of the registry, for the answers
// that are not that text.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/metadata.h"

namespace tributary::web {

// One child of a family: its labels without `le` and `quantile`, and its values.
struct SelfMetric {
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::pair<double, double>> points;  // of `le` or `quantile`, in order of the text
  double value = 0;                               // of a counter or gauge
  double sum = 0;
  double count = 0;
};

struct SelfMetricFamily {
  std::string name;
  std::string help;
  model::MetricType type = model::MetricType::kUnknown;
  std::vector<SelfMetric> children;
};

base::Result<std::vector<SelfMetricFamily>> ReadSelfMetrics(std::string_view text);

// Delimited protobuf messages, io.prometheus.client.MetricFamily.
std::string EncodeSelfMetrics(const std::vector<SelfMetricFamily>& families);

}  // namespace tributary::web
