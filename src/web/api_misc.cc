// /api/v1/features, notifications, admin/tsdb/*.
#include "web/envelope.h"
#include "web/routes.h"

namespace tributary::web {
namespace {

void Features(const Context& context, Call& call) {
  const std::pair<std::string_view, bool> features[] = {
      {"admin", false},
      {"exclude_alerts", false},
      {"label_values_match", true},
      {"lifecycle", context.services.reload != nullptr},
      {"query_stats", true},
      {"query_warnings", true},
      {"remote_write_receiver", context.services.write != nullptr},
      {"time_range_labels", true},
      {"time_range_series", true},
  };
  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  json.BeginObject();
  json.Key("api");
  json.BeginObject();
  for (const auto& [name, enabled] : features) {
    json.Key(name);
    json.Bool(enabled);
  }
  json.EndObject();
  json.EndObject();
  envelope.Finish();
}

void Notifications(Call& call) {
  Envelope envelope(call.response);
  envelope.data().BeginArray();
  envelope.data().EndArray();
  envelope.Finish();
}

void AdminDisabled(Call& call) {
  RespondError(call.response, ErrorType::kUnavailable, "admin APIs disabled");
}

}  // namespace

void AddMiscRoutes(Router& router, const Context& context) {
  router.Add("/api/v1/features", ApiRoute(), [&context](Call& call) { Features(context, call); });
  RouteOptions always = ApiRoute();
  always.needs_ready = false;
  router.Add("/api/v1/notifications", always, Notifications);
  // A stream of notifications that never come would only hold a thread: 204 tells the UI to stop
  // asking, as when Prometheus has no free subscription.
  router.Add("/api/v1/notifications/live", always,
             [](Call& call) { call.response.SetStatus(204); });
  for (const char* pattern :
       {"/api/v1/admin/tsdb/delete_series", "/api/v1/admin/tsdb/clean_tombstones",
        "/api/v1/admin/tsdb/snapshot"}) {
    router.Add(pattern, ApiRoute(kPost | kPut, /*server_only=*/true), AdminDisabled);
  }
}

}  // namespace tributary::web
