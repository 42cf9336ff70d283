// /api/v1/rules, alerts, alertmanagers. No rules are evaluated yet: the answers are well-formed and
// empty, which is what clients expect of a server without rule files.
#include <fmt/format.h>

#include "base/strings.h"
#include "web/api_params.h"
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

// Each answers the call and returns false when its parameters are wrong.

bool CheckType(Call& call) {
  const std::string type = base::ToLower(call.param("type"));
  if (type.empty() || type == "alert" || type == "record") return true;
  RespondInvalidParam(call.response, "type",
                      fmt::format("not supported value {}", base::Quote(type)));
  return false;
}

bool CheckExcludeAlerts(Call& call) {
  const std::string text = base::ToLower(call.param("exclude_alerts"));
  if (text.empty() || base::ParseBool(text)) return true;
  RespondInvalidParam(call.response, "exclude_alerts",
                      fmt::format("error converting exclude_alerts: strconv.ParseBool: parsing {}: "
                                  "invalid syntax",
                                  base::Quote(text)));
  return false;
}

bool CheckPage(Call& call) {
  const std::string_view limit = call.param("group_limit");
  const std::string_view token = call.param("group_next_token");
  if (limit.empty()) {
    if (token.empty()) return true;
    RespondInvalidParam(call.response, "group_next_token",
                        "group_limit needs to be present in order to paginate over the groups");
    return false;
  }
  const auto count = base::ParseInt(limit);
  if (!count || *count > INT32_MAX || *count < INT32_MIN) {
    RespondInvalidParam(
        call.response, "group_limit",
        fmt::format("group_limit needs to be a valid number: strconv.ParseInt: parsing {}: {}",
                    base::Quote(limit), count ? "value out of range" : "invalid syntax"));
    return false;
  }
  if (*count <= 0) {
    RespondInvalidParam(call.response, "group_limit", "group_limit needs to be greater than 0");
    return false;
  }
  if (token.empty()) return true;
  RespondInvalidParam(
      call.response, "group_next_token",
      fmt::format("invalid group_next_token '{}'. were rule groups changed?", token));
  return false;
}

void Rules(Call& call) {
  if (const auto sets = ParseMatcherSets(call.params.All("match[]")); !sets) {
    return RespondError(call.response, ErrorType::kBadData, sets.error().message());
  }
  if (!CheckType(call) || !CheckExcludeAlerts(call) || !CheckPage(call)) return;
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
