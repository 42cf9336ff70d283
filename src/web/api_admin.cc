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

// What is still being deleted, as {"cluster":…,"until":…}; ours.
void PendingClusters(tsdb::Db& db, Call& call) {
  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  json.BeginArray();
  for (const tsdb::PendingDeletion& deletion : db.PendingDeletions()) {
    json.BeginObject();
    json.Key(deletion.label);
    json.String(deletion.value);
    json.Key("until");
    json.Double(static_cast<double>(deletion.until) / 1000);
    json.EndObject();
  }
  json.EndArray();
  envelope.Finish();
}

// All data so far of one cluster goes, in the background; GET on the same path tells what is left
// to do. Ours.
void DeleteCluster(tsdb::Db& db, Call& call) {
  if (call.request.method() == "GET") return PendingClusters(db, call);
  const std::string_view cluster = call.param("cluster");
  if (cluster.empty()) {
    return RespondError(call.response, ErrorType::kBadData, "no cluster parameter provided");
  }
  const base::Status noted = db.DeleteInBackground("cluster", std::string(cluster));
  if (!noted) return RespondInternal(call, noted.error());
  call.response.SetStatus(202);
  PendingClusters(db, call);
}

}  // namespace

void AddAdminRoutes(Router& router, const Context& context) {
  const auto add = [&](const char* pattern, void (*serve)(tsdb::Db&, Call&),
                       unsigned methods = kPost | kPut) {
    router.Add(pattern, ApiRoute(methods, /*server_only=*/true), [&context, serve](Call& call) {
      if (!context.options.admin_api) {
        return RespondError(call.response, ErrorType::kUnavailable, "admin APIs disabled");
      }
      serve(*context.services.db, call);
    });
  };
  add("/api/v1/admin/tsdb/delete_series", DeleteSeries);
  add("/api/v1/admin/tsdb/clean_tombstones", CleanTombstones);
  add("/api/v1/admin/tsdb/snapshot", TakeSnapshot);
  add("/api/v1/admin/tsdb/delete_cluster", DeleteCluster, kGet | kPost);
}

}  // namespace tributary::web
