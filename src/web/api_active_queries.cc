// /api/v1/status/active_queries: what is asked right now; DELETE …/<id> stops one. Ours: Prometheus
// has no such endpoint.
#include <fmt/format.h>

#include "base/strings.h"
#include "web/api_params.h"
#include "web/envelope.h"
#include "web/routes.h"

namespace tributary::web {
namespace {

void WriteQuery(wire::JsonWriter& json, const promql::ActiveQuery& query, int64_t now_ms) {
  const auto text = [&](std::string_view key, std::string_view value) {
    json.Key(key);
    json.String(value);
  };
  const auto optional = [&](std::string_view key, std::string_view value) {
    if (!value.empty()) text(key, value);
  };
  const auto number = [&](std::string_view key, uint64_t value) {
    json.Key(key);
    json.Uint(value);
  };
  json.BeginObject();
  text("id", std::to_string(query.id));
  text("query", query.query);
  text("start", FormatTime(query.start));
  text("end", FormatTime(query.end));
  json.Key("step");
  json.Double(static_cast<double>(query.step_ms) / 1000);
  optional("user", query.origin.user);
  optional("clientIP", query.origin.client_ip);
  optional("method", query.origin.method);
  optional("path", query.origin.path);
  optional("ruleFile", query.origin.rule_file);
  optional("ruleGroup", query.origin.rule_group);
  text("since", FormatTime(query.since_ms));
  json.Key("seconds");
  json.Double(static_cast<double>(now_ms - query.since_ms) / 1000);
  text("state", query.cancelled ? "stopping" : query.running ? "running" : "waiting");
  number("samples", query.samples);
  number("bytes", query.bytes);
  number("peakBytes", query.peak_bytes);
  json.EndObject();
}

void List(const Context& context, Call& call) {
  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  json.BeginObject();
  json.Key("queries");
  json.BeginArray();
  if (context.services.active_queries != nullptr) {
    const int64_t now_ms = context.services.clock->NowMs();
    for (const promql::ActiveQuery& query : context.services.active_queries->List()) {
      WriteQuery(json, query, now_ms);
    }
  }
  json.EndArray();
  json.EndObject();
  envelope.Finish();
}

void Stop(const Context& context, Call& call) {
  const auto id = base::ParseUint(call.path_arg);
  if (!id || context.services.active_queries == nullptr ||
      !context.services.active_queries->Cancel(*id)) {
    return RespondError(call.response, ErrorType::kNotFound,
                        fmt::format("no query with id {} is active", base::Quote(call.path_arg)));
  }
  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  json.BeginObject();
  json.Key("stopping");
  json.String(call.path_arg);
  json.EndObject();
  envelope.Finish();
}

}  // namespace

void AddActiveQueryRoutes(Router& router, const Context& context) {
  router.Add("/api/v1/status/active_queries", ApiRoute(kGet, /*server_only=*/true),
             [&context](Call& call) { List(context, call); });
  router.Add("/api/v1/status/active_queries/:id", ApiRoute(kDelete, /*server_only=*/true),
             [&context](Call& call) { Stop(context, call); });
}

}  // namespace tributary::web
