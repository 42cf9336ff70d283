// /api/v1/status/self_metrics: this process's own metrics as the JSON form of the protobuf message
// io.prometheus.client.MetricFamily, as protojson writes it.
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/strings.h"
#include "model/regex.h"
#include "web/envelope.h"
#include "web/routes.h"
#include "wire/text_parser.h"

namespace tributary::web {
namespace {

// One child of a family: its labels without `le` and `quantile`, and its values.
struct Child {
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::pair<double, double>> points;  // of `le` or `quantile`, in order of the text
  double value = 0;                               // of a counter or gauge
  double sum = 0;
  double count = 0;
};

struct Family {
  std::string name;
  std::string help;
  model::MetricType type = model::MetricType::kUnknown;
  std::vector<Child> children;
};

// Doubles that JSON cannot write are strings; finite ones are bare numbers.
void WriteDouble(wire::JsonWriter& json, std::string_view key, double value) {
  json.Key(key);
  if (std::isfinite(value)) {
    json.Double(value);
  } else if (std::isnan(value)) {
    json.String("NaN");
  } else {
    json.String(value > 0 ? "Infinity" : "-Infinity");
  }
}

// 64-bit integers are strings.
void WriteCount(wire::JsonWriter& json, std::string_view key, double count) {
  json.Key(key);
  json.String(fmt::format("{}", static_cast<uint64_t>(count)));
}

void WriteText(wire::JsonWriter& json, std::string_view key, std::string_view value) {
  json.Key(key);
  json.String(value);
}

void WritePoints(wire::JsonWriter& json, const Child& child, bool histogram) {
  json.BeginObject();
  WriteCount(json, "sampleCount", child.count);
  WriteDouble(json, "sampleSum", child.sum);
  json.Key(histogram ? "bucket" : "quantile");
  json.BeginArray();
  for (const auto& [bound, value] : child.points) {
    if (histogram && std::isinf(bound)) continue;  // sampleCount says it
    json.BeginObject();
    if (histogram) {
      WriteCount(json, "cumulativeCount", value);
      WriteDouble(json, "upperBound", bound);
    } else {
      WriteDouble(json, "quantile", bound);
      WriteDouble(json, "value", value);
    }
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

void WriteChild(wire::JsonWriter& json, const Family& family, const Child& child) {
  json.BeginObject();
  if (!child.labels.empty()) {
    json.Key("label");
    json.BeginArray();
    for (const auto& [name, value] : child.labels) {
      json.BeginObject();
      WriteText(json, "name", name);
      WriteText(json, "value", value);
      json.EndObject();
    }
    json.EndArray();
  }
  switch (family.type) {
    case model::MetricType::kHistogram:
      json.Key("histogram");
      WritePoints(json, child, true);
      break;
    case model::MetricType::kSummary:
      json.Key("summary");
      WritePoints(json, child, false);
      break;
    default:
      json.Key(model::MetricTypeName(family.type));
      json.BeginObject();
      WriteDouble(json, "value", child.value);
      json.EndObject();
  }
  json.EndObject();
}

void WriteFamily(wire::JsonWriter& json, const Family& family) {
  std::string type(model::MetricTypeName(family.type));
  for (char& c : type) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  json.BeginObject();
  WriteText(json, "name", family.name);
  WriteText(json, "help", family.help);
  WriteText(json, "type", type);
  json.Key("metric");
  json.BeginArray();
  for (const Child& child : family.children) WriteChild(json, family, child);
  json.EndArray();
  json.EndObject();
}

// Reads the registry's own text, where the lines of one child follow each other.
class Reader {
 public:
  explicit Reader(std::string_view text) : parser_(wire::NewTextParser(text)) {}

  base::Result<std::vector<Family>> Read() {
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
    Family& family = families_.back();
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
    Child& child = family.children.back();
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
  std::vector<Family> families_;
  std::vector<model::Label> labels_;
};

void SelfMetrics(const Context& context, Call& call) {
  std::shared_ptr<const model::FastRegex> wanted;
  if (const std::string_view pattern = call.param("metric_name_pattern"); !pattern.empty()) {
    auto compiled = model::FastRegex::Compile(fmt::format("^(?:{})$", pattern));
    if (!compiled) {
      return RespondError(call.response, ErrorType::kBadData,
                          "invalid metric_name_pattern: " + compiled.error().message());
    }
    wanted = *std::move(compiled);
  }
  const std::string text = context.services.metrics->RenderText();
  const auto families = Reader(text).Read();
  if (!families) {
    return RespondError(call.response, ErrorType::kInternal,
                        "error gathering self metrics: " + families.error().message());
  }
  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  json.BeginArray();
  for (const Family& family : *families) {
    if (!wanted || wanted->Matches(family.name)) WriteFamily(json, family);
  }
  json.EndArray();
  envelope.Finish();
}

}  // namespace

void AddSelfMetricsRoute(Router& router, const Context& context) {
  router.Add("/api/v1/status/self_metrics", ApiRoute(),
             [&context](Call& call) { SelfMetrics(context, call); });
}

}  // namespace tributary::web
