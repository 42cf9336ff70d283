// /api/v1/targets, targets/metadata, metadata.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>

#include "base/duration.h"
#include "base/strings.h"
#include "promql/engine.h"
#include "scrape/scrape.h"
#include "web/api_params.h"
#include "web/envelope.h"
#include "web/global_url.h"
#include "web/known_families.h"
#include "web/routes.h"
#include "web/value_json.h"

namespace tributary::web {
namespace {

std::string_view HealthName(scrape::Health health) {
  switch (health) {
    case scrape::Health::kUp:
      return "up";
    case scrape::Health::kDown:
      return "down";
    case scrape::Health::kUnknown:
      break;
  }
  return "unknown";
}

void Field(wire::JsonWriter& json, std::string_view key, std::string_view value) {
  json.Key(key);
  json.String(value);
}

void WriteActive(wire::JsonWriter& json, const scrape::TargetStatus& target,
                 const std::string& external_url) {
  json.BeginObject();
  json.Key("discoveredLabels");
  WriteLabels(json, target.discovered_labels);
  json.Key("labels");
  WriteLabels(json, target.labels);
  Field(json, "scrapePool", target.pool);
  Field(json, "scrapeUrl", target.scrape_url);
  Field(json, "globalUrl", GlobalUrl(target.scrape_url, external_url));
  Field(json, "lastError", target.last_error);
  Field(json, "lastScrape", FormatTime(target.last_scrape_ms, /*zero_is_never=*/true));
  json.Key("lastScrapeDuration");
  json.Double(target.last_duration_seconds);
  Field(json, "health", HealthName(target.health));
  Field(json, "scrapeInterval", base::FormatDurationMs(target.interval_ms));
  Field(json, "scrapeTimeout", base::FormatDurationMs(target.timeout_ms));
  json.EndObject();
}

void Targets(const Context& context, Call& call) {
  const std::string state = base::ToLower(call.param("state"));
  const bool any = state.empty() || state == "any";
  const bool show_active = any || state == "active";
  const bool show_dropped = any || state == "dropped";
  const std::string_view pool = call.param("scrapePool");
  scrape::TargetsStatus status = context.services.scrape->Targets(show_dropped);
  const auto by_pool = [](const auto& a, const auto& b) { return a.pool < b.pool; };
  std::stable_sort(status.active.begin(), status.active.end(), by_pool);
  std::stable_sort(status.dropped.begin(), status.dropped.end(), by_pool);

  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  json.BeginObject();
  json.Key("activeTargets");
  json.BeginArray();
  for (const scrape::TargetStatus& target : status.active) {
    if (!show_active || (!pool.empty() && target.pool != pool)) continue;
    WriteActive(json, target, context.options.external_url);
  }
  json.EndArray();
  json.Key("droppedTargets");
  json.BeginArray();
  for (const scrape::DroppedTarget& target : status.dropped) {
    if (!show_dropped || (!pool.empty() && target.pool != pool)) continue;
    json.BeginObject();
    json.Key("discoveredLabels");
    WriteLabels(json, target.discovered_labels);
    Field(json, "scrapePool", target.pool);
    json.EndObject();
  }
  json.EndArray();
  json.Key("droppedTargetCounts");
  if (show_dropped) {
    std::sort(status.dropped_counts.begin(), status.dropped_counts.end());
    json.BeginObject();
    for (const auto& [name, count] : status.dropped_counts) {
      json.Key(name);
      json.Uint(count);
    }
    json.EndObject();
  } else {
    json.Null();
  }
  json.EndObject();
  envelope.Finish();
}

// "must be a number" parameters; -1 when absent. False: answered.
bool ParseCount(Call& call, std::string_view name, int64_t* value) {
  *value = -1;
  const std::string_view text = call.param(name);
  if (text.empty()) return true;
  const auto parsed = base::ParseInt(text);
  if (!parsed) {
    RespondError(call.response, ErrorType::kBadData, std::string(name) + " must be a number");
    return false;
  }
  *value = *parsed;
  return true;
}

void WriteMetadataFields(wire::JsonWriter& json, const model::Metadata& metadata) {
  Field(json, "type", model::MetricTypeName(metadata.type));
  Field(json, "help", metadata.help);
  Field(json, "unit", metadata.unit);
}

void TargetMetadata(const Context& context, Call& call) {
  int64_t limit = -1;
  if (!ParseCount(call, "limit", &limit)) return;
  std::vector<model::Matcher> matchers;
  if (const std::string_view text = call.param("match_target"); !text.empty()) {
    auto parsed = promql::ParseMetricSelector(text);
    if (!parsed) {
      return RespondInvalidParam(call.response, "match_target", parsed.error().message());
    }
    matchers = *std::move(parsed);
  }
  const std::string_view metric = call.param("metric");
  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  json.BeginArray();
  int64_t count = 0;
  for (const scrape::FamilyMetadata& family : context.services.scrape->Metadata()) {
    if (limit >= 0 && count >= limit) break;
    if (!metric.empty() && family.family != metric) continue;
    if (!std::all_of(matchers.begin(), matchers.end(), [&](const model::Matcher& m) {
          return m.Matches(family.target.Get(m.name()));
        })) {
      continue;
    }
    ++count;
    json.BeginObject();
    json.Key("target");
    WriteLabels(json, family.target);
    if (metric.empty()) Field(json, "metric", family.family);
    WriteMetadataFields(json, family.metadata);
    json.EndObject();
  }
  json.EndArray();
  envelope.Finish();
}

struct MetadataLess {
  bool operator()(const model::Metadata& a, const model::Metadata& b) const {
    return std::tie(a.type, a.help, a.unit) < std::tie(b.type, b.help, b.unit);
  }
};

void MetricMetadata(const Context& context, Call& call) {
  int64_t limit = -1;
  int64_t limit_per_metric = -1;
  if (!ParseCount(call, "limit", &limit)) return;
  if (!ParseCount(call, "limit_per_metric", &limit_per_metric)) return;
  const std::string_view metric = call.param("metric");
  std::map<std::string, std::set<model::Metadata, MetadataLess>> families;
  for (auto& [name, metadata] : KnownFamilies(context)) {
    if (!metric.empty() && name != metric) continue;
    auto& known = families[name];
    if (limit_per_metric > 0 && known.size() >= static_cast<size_t>(limit_per_metric)) continue;
    known.insert(std::move(metadata));
  }
  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  json.BeginObject();
  int64_t count = 0;
  for (const auto& [name, known] : families) {
    if (limit >= 0 && count++ >= limit) break;
    json.Key(name);
    json.BeginArray();
    for (const model::Metadata& metadata : known) {
      json.BeginObject();
      WriteMetadataFields(json, metadata);
      json.EndObject();
    }
    json.EndArray();
  }
  json.EndObject();
  envelope.Finish();
}

}  // namespace

void AddTargetRoutes(Router& router, const Context& context) {
  const auto add = [&](const char* pattern, void (*serve)(const Context&, Call&)) {
    router.Add(pattern, ApiRoute(), [&context, serve](Call& call) { serve(context, call); });
  };
  add("/api/v1/targets", Targets);
  add("/api/v1/targets/metadata", TargetMetadata);
  add("/api/v1/metadata", MetricMetadata);
}

}  // namespace tributary::web
