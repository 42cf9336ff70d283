// /api/v1/status/self_metrics: this process's own metrics as the JSON form of the protobuf message
// io.prometheus.client.MetricFamily, as protojson writes it.
#include <cmath>
#include <string>

#include <fmt/format.h>

#include "model/regex.h"
#include "web/envelope.h"
#include "web/routes.h"
#include "web/self_metrics.h"

namespace tributary::web {
namespace {

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

void WritePoints(wire::JsonWriter& json, const SelfMetric& child, bool histogram) {
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

void WriteChild(wire::JsonWriter& json, const SelfMetricFamily& family, const SelfMetric& child) {
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

void WriteFamily(wire::JsonWriter& json, const SelfMetricFamily& family) {
  std::string type(model::MetricTypeName(family.type));
  for (char& c : type) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  json.BeginObject();
  WriteText(json, "name", family.name);
  WriteText(json, "help", family.help);
  WriteText(json, "type", type);
  json.Key("metric");
  json.BeginArray();
  for (const SelfMetric& child : family.children) WriteChild(json, family, child);
  json.EndArray();
  json.EndObject();
}

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
  const auto families = ReadSelfMetrics(text);
  if (!families) {
    return RespondError(call.response, ErrorType::kInternal,
                        "error gathering self metrics: " + families.error().message());
  }
  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  json.BeginArray();
  for (const SelfMetricFamily& family : *families) {
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
