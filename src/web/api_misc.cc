// /api/v1/admin/tsdb/*.
#include "web/envelope.h"
#include "web/routes.h"

namespace tributary::web {
namespace {

void AdminDisabled(Call& call) {
  RespondError(call.response, ErrorType::kUnavailable, "admin APIs disabled");
}

}  // namespace

void AddMiscRoutes(Router& router, const Context&) {
  for (const char* pattern :
       {"/api/v1/admin/tsdb/delete_series", "/api/v1/admin/tsdb/clean_tombstones",
        "/api/v1/admin/tsdb/snapshot"}) {
    router.Add(pattern, ApiRoute(kPost | kPut, /*server_only=*/true), AdminDisabled);
  }
}

}  // namespace tributary::web
