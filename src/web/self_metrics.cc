#include "web/self_metrics.h"

#include <cmath>
#include <memory>
#include <optional>

#include "base/strings.h"
#include "wire/protobuf.h"
#include "wire/text_parser.h"

namespace tributary::web {
namespace {

// Reads the registry's own text, where the lines of one child follow each other.
class Reader {
 public:
  explicit Reader(std::string_view text) : parser_(wire::NewTextParser(text)) {}

  base::Result<std::vector<SelfMetricFamily>> Read() {
    while (true) {
      ASSIGN_OR_RETURN(const wire::EntryKind kind, parser_->Next());
      switch (kind) {
        case wire::EntryKind::kEnd:
          return std::move(families_);
        case wire::EntryKind::kHelp:
          families_.emplace_back();
          families_.back().name = parser_->family();
          families_.back().help = parser_->text();
          break;
        case wire::EntryKind::kType:
          if (!families_.empty()) families_.back().type = parser_->type();
          break;
        case wire::EntryKind::kSample:
          if (!families_.empty()) RETURN_IF_ERROR(AddSample());
          break;
        default:
          break;
      }
    }
  }

 private:
  base::Status AddSample() {
    RETURN_IF_ERROR(parser_->Labels(&labels_));
    SelfMetricFamily& family = families_.back();
    const bool has_points =
        family.type == model::MetricType::kHistogram || family.type == model::MetricType::kSummary;
    std::vector<std::pair<std::string, std::string>> own;
    std::string_view name;
    std::optional<double> point;
    for (const model::Label& label : labels_) {
      if (label.name == model::kMetricName) {
        name = label.value;
      } else if (has_points && (label.name == "le" || label.name == "quantile")) {
        point = base::ParseFloat(label.value);
      } else {
        own.emplace_back(label.name, label.value);
      }
    }
    if (family.children.empty() || family.children.back().labels != own || !has_points) {
      family.children.emplace_back();
      family.children.back().labels = std::move(own);
    }
    SelfMetric& child = family.children.back();
    if (!has_points) {
      child.value = parser_->value();
    } else if (point) {
      child.points.emplace_back(*point, parser_->value());
    } else if (name.ends_with("_sum")) {
      child.sum = parser_->value();
    } else {
      child.count = parser_->value();
    }
    return {};
  }

  const std::unique_ptr<wire::ExpositionParser> parser_;
  std::vector<SelfMetricFamily> families_;
  std::vector<model::Label> labels_;
};

// Fields of MetricFamily, Metric and what a Metric holds: client_model's metrics.proto.
uint64_t TypeNumber(model::MetricType type) {
  switch (type) {
    case model::MetricType::kCounter:
      return 0;
    case model::MetricType::kGauge:
      return 1;
    case model::MetricType::kSummary:
      return 2;
    case model::MetricType::kHistogram:
      return 4;
    default:
      return 3;
  }
}

std::string EncodeValue(const SelfMetricFamily& family, const SelfMetric& metric) {
  std::string out;
  const bool histogram = family.type == model::MetricType::kHistogram;
  if (!histogram && family.type != model::MetricType::kSummary) {
    wire::PutDouble(&out, 1, metric.value);
    return out;
  }
  wire::PutVarint(&out, 1, static_cast<uint64_t>(metric.count));
  wire::PutDouble(&out, 2, metric.sum);
  for (const auto& [bound, value] : metric.points) {
    if (histogram && std::isinf(bound)) continue;  // the count says it
    std::string point;
    if (histogram) {
      wire::PutVarint(&point, 1, static_cast<uint64_t>(value));
      wire::PutDouble(&point, 2, bound);
    } else {
      wire::PutDouble(&point, 1, bound);
      wire::PutDouble(&point, 2, value);
    }
    wire::PutBytes(&out, 3, point);
  }
  return out;
}

std::string EncodeMetric(const SelfMetricFamily& family, const SelfMetric& metric) {
  std::string out;
  for (const auto& [name, value] : metric.labels) {
    std::string pair;
    wire::PutBytes(&pair, 1, name);
    wire::PutBytes(&pair, 2, value);
    wire::PutBytes(&out, 1, pair);
  }
  // The field of each type: gauge, counter, summary, untyped, histogram.
  static constexpr uint32_t kFields[] = {3, 2, 4, 5, 7};
  wire::PutBytes(&out, kFields[TypeNumber(family.type)], EncodeValue(family, metric));
  return out;
}

}  // namespace

base::Result<std::vector<SelfMetricFamily>> ReadSelfMetrics(std::string_view text) {
  return Reader(text).Read();
}

std::string EncodeSelfMetrics(const std::vector<SelfMetricFamily>& families) {
  std::string out;
  for (const SelfMetricFamily& family : families) {
    std::string message;
    wire::PutBytes(&message, 1, family.name);
    wire::PutBytes(&message, 2, family.help);
    wire::PutVarint(&message, 3, TypeNumber(family.type));
    for (const SelfMetric& metric : family.children) {
      wire::PutBytes(&message, 4, EncodeMetric(family, metric));
    }
    wire::PutRawVarint(&out, message.size());
    out += message;
  }
  return out;
}

}  // namespace tributary::web
