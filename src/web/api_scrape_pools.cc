// /api/v1/scrape_pools, scrape_pools/config, targets/relabel_steps: what is configured, and what
// its relabelling does to a label set, rule by rule.
#include <algorithm>
#include <simdjson.h>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/config_printer.h"
#include "web/envelope.h"
#include "web/routes.h"
#include "web/value_json.h"

namespace tributary::web {
namespace {

void ScrapePools(const Context& context, Call& call) {
  std::vector<std::string> pools = context.services.scrape->Pools();
  std::sort(pools.begin(), pools.end());
  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  json.BeginObject();
  json.Key("scrapePools");
  json.BeginArray();
  for (const std::string& pool : pools) json.String(pool);
  json.EndArray();
  json.EndObject();
  envelope.Finish();
}

// The pool that the call names, null after an answer that says what is wrong.
const config::ScrapeConfig* FindPool(Call& call, const config::Config& config,
                                     std::string_view name) {
  for (const config::ScrapeConfig& pool : config.scrape_configs) {
    if (pool.job_name == name) return &pool;
  }
  RespondError(
      call.response, ErrorType::kBadData,
      fmt::format("error retrieving scrape config: scrape pool {} not found", base::Quote(name)));
  return nullptr;
}

bool TakeParam(Call& call, std::string_view name, std::string_view* value) {
  *value = call.param(name);
  if (!value->empty()) return true;
  RespondError(call.response, ErrorType::kBadData, fmt::format("no {} parameter provided", name));
  return false;
}

void ScrapePoolConfig(const Context& context, Call& call) {
  std::string_view name;
  if (!TakeParam(call, "scrapePool", &name)) return;
  const auto config = context.services.config();
  const config::ScrapeConfig* pool = FindPool(call, *config, name);
  if (pool == nullptr) return;
  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  json.BeginObject();
  json.Key("yaml");
  json.String(config::PrintScrapePool(*pool));
  json.EndObject();
  envelope.Finish();
}

constexpr size_t kMaxLabelsBytes = 64 * 1024;

// {"name":"value", …}
base::Result<model::LabelsBuilder> ParseLabels(std::string_view text) {
  if (text.size() > kMaxLabelsBytes) {
    return base::InvalidArgument(
        fmt::format("expected at most {} bytes, got {}", kMaxLabelsBytes, text.size()));
  }
  simdjson::dom::parser parser;
  simdjson::dom::object fields;
  if (const auto error = parser.parse(text.data(), text.size()).get(fields)) {
    return base::InvalidArgument(fmt::format("expected a JSON object of label names and values: {}",
                                             simdjson::error_message(error)));
  }
  model::LabelsBuilder labels;
  for (const auto& [name, element] : fields) {
    std::string_view value;
    if (element.get(value) != simdjson::SUCCESS) {
      return base::InvalidArgument(
          fmt::format("the value of {} is not a string", base::Quote(name)));
    }
    labels.Set(name, value);
  }
  return labels;
}

void WriteRule(wire::JsonWriter& json, const model::RelabelRule& rule) {
  const auto text = [&](std::string_view key, std::string_view value) {
    json.Key(key);
    json.String(value);
  };
  json.BeginObject();
  if (!rule.source_labels.empty()) {
    json.Key("source_labels");
    json.BeginArray();
    for (const std::string& name : rule.source_labels) json.String(name);
    json.EndArray();
  }
  text("separator", rule.separator);
  text("regex", rule.regex);
  if (rule.modulus != 0) {
    json.Key("modulus");
    json.Uint(rule.modulus);
  }
  if (!rule.target_label.empty()) text("target_label", rule.target_label);
  text("replacement", rule.replacement);
  text("action", model::RelabelActionName(rule.action));
  json.EndObject();
}

void RelabelSteps(const Context& context, Call& call) {
  std::string_view name;
  std::string_view text;
  if (!TakeParam(call, "scrapePool", &name) || !TakeParam(call, "labels", &text)) return;
  auto labels = ParseLabels(text);
  if (!labels) {
    return RespondError(call.response, ErrorType::kBadData,
                        "error parsing labels: " + labels.error().message());
  }
  const auto config = context.services.config();
  const config::ScrapeConfig* pool = FindPool(call, *config, name);
  if (pool == nullptr) return;
  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  json.BeginObject();
  json.Key("steps");
  json.BeginArray();
  bool keep = true;
  if (!pool->relabel_configs.empty()) {
    for (const model::RelabelRule& rule : pool->relabel_configs.rules()) {
      if (keep) {
        // A rule of a configuration that was loaded can be compiled again.
        const auto step = model::Relabeler::Create({rule});
        keep = step.has_value() && step->Apply(&*labels);
      }
      json.BeginObject();
      json.Key("rule");
      WriteRule(json, rule);
      json.Key("output");
      WriteLabels(json, keep ? labels->Build() : model::Labels());
      json.Key("keep");
      json.Bool(keep);
      json.EndObject();
    }
  }
  json.EndArray();
  json.EndObject();
  envelope.Finish();
}

}  // namespace

void AddScrapePoolRoutes(Router& router, const Context& context) {
  const auto add = [&](const char* pattern, void (*serve)(const Context&, Call&)) {
    router.Add(pattern, ApiRoute(), [&context, serve](Call& call) { serve(context, call); });
  };
  add("/api/v1/scrape_pools", ScrapePools);
  add("/api/v1/scrape_pools/config", ScrapePoolConfig);
  add("/api/v1/targets/relabel_steps", RelabelSteps);
}

}  // namespace tributary::web
