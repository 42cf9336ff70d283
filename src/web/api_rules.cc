// /api/v1/rules, alerts, alertmanagers. No rules are evaluated yet: the answers are well-formed and
// empty, which is what clients expect of a server without rule files.
#include <fmt/format.h>

#include "base/strings.h"
#include "web/envelope.h"
#include "web/routes.h"

namespace tributary::web {
namespace {

void RespondEmptyLists(Call& call, std::initializer_list<std::string_view> keys) {
  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  json.BeginObject();
  for (const std::string_view key : keys) {
    json.Key(key);
    json.BeginArray();
    json.EndArray();
  }
  json.EndObject();
  envelope.Finish();
}

void Rules(Call& call) {
  const std::string type = base::ToLower(call.param("type"));
  if (!type.empty() && type != "alert" && type != "record") {
    return RespondInvalidParam(call.response, "type",
                               fmt::format("not supported value {}", base::Quote(type)));
  }
  RespondEmptyLists(call, {"groups"});
}

}  // namespace

void AddRuleRoutes(Router& router, const Context&) {
  const RouteOptions options = ApiRoute(kGet, /*server_only=*/true);
  router.Add("/api/v1/rules", options, Rules);
  router.Add("/api/v1/alerts", options, [](Call& call) { RespondEmptyLists(call, {"alerts"}); });
  router.Add("/api/v1/alertmanagers", options, [](Call& call) {
    RespondEmptyLists(call, {"activeAlertmanagers", "droppedAlertmanagers"});
  });
}

}  // namespace tributary::web
