// /api/v1/admin/tsdb/*, behind --web.enable-admin-api.
#include <fmt/format.h>

#include "base/strings.h"
#include "web/api_params.h"
#include "web/envelope.h"
#include "web/routes.h"

namespace tributary::web {
namespace {

void RespondInternal(Call& call, const base::Error& error) {
  RespondError(call.response, ErrorType::kInternal, error.message());
}

void DeleteSeries(tsdb::Db& db, Call& call) {
  const std::vector<std::string_view> texts = call.params.All("match[]");
  if (texts.empty()) {
    return RespondError(call.response, ErrorType::kBadData, "no match[] parameter provided");
  }
  const auto start = ParseTimeParam(call, "start", model::kMinTime);
  if (!start) return RespondInvalidParam(call.response, "start", start.error().message());
  const auto end = ParseTimeParam(call, "end", model::kMaxTime);
  if (!end) return RespondInvalidParam(call.response, "end", end.error().message());
  const auto sets = ParseMatcherSets(texts);
  if (!sets) return RespondInvalidParam(call.response, "match[]", sets.error().message());
  for (const std::vector<model::Matcher>& matchers : *sets) {
    const base::Status deleted = db.Delete(*start, *end, matchers);
    if (!deleted) return RespondInternal(call, deleted.error());
  }
  call.response.SetStatus(204);
}

void CleanTombstones(tsdb::Db& db, Call& call) {
  const base::Status cleaned = db.CleanTombstones();
  if (!cleaned) return RespondInternal(call, cleaned.error());
  call.response.SetStatus(204);
}

void TakeSnapshot(tsdb::Db& db, Call& call) {
  bool skip_head = false;
  if (const std::string_view text = call.param("skip_head"); !text.empty()) {
    const auto parsed = base::ParseBool(text);
    if (!parsed) {
      return RespondInvalidParam(
          call.response, "skip_head",
          fmt::format("unable to parse boolean: strconv.ParseBool: parsing {}: invalid syntax",
                      base::Quote(text)));
    }
    skip_head = *parsed;
  }
  const base::Result<std::string> name = db.Snapshot(!skip_head);
  if (!name) return RespondInternal(call, name.error().Context("create snapshot"));
  Envelope envelope(call.response);
  envelope.data().BeginObject();
  envelope.data().Key("name");
  envelope.data().String(*name);
  envelope.data().EndObject();
  envelope.Finish();
}

}  // namespace

void AddAdminRoutes(Router& router, const Context& context) {
  const auto add = [&](const char* pattern, void (*serve)(tsdb::Db&, Call&)) {
    router.Add(
        pattern, ApiRoute(kPost | kPut, /*server_only=*/true), [&context, serve](Call& call) {
          if (!context.options.admin_api) {
            return RespondError(call.response, ErrorType::kUnavailable, "admin APIs disabled");
          }
          serve(*context.services.db, call);
        });
  };
  add("/api/v1/admin/tsdb/delete_series", DeleteSeries);
  add("/api/v1/admin/tsdb/clean_tombstones", CleanTombstones);
  add("/api/v1/admin/tsdb/snapshot", TakeSnapshot);
}

}  // namespace tributary::web
