// The groups of routes, one file each. Patterns are below the route prefix.
#pragma once

#include "web/call.h"
#include "web/router.h"

namespace tributary::web {

void AddQueryRoutes(Router& router, const Context& context);       // query, query_range, …
void AddMetadataRoutes(Router& router, const Context& context);    // series, labels, label values
void AddTargetRoutes(Router& router, const Context& context);      // targets, metadata, pools
void AddStatusRoutes(Router& router, const Context& context);      // status/*
void AddRuleRoutes(Router& router, const Context& context);        // rules, alerts, alertmanagers
void AddMiscRoutes(Router& router, const Context& context);        // features, admin, …
void AddWriteRoutes(Router& router, const Context& context);       // write, read, otlp
void AddFederateRoute(Router& router, const Context& context);     // /federate
void AddManagementRoutes(Router& router, const Context& context);  // /-/*, /metrics, /version, /

inline RouteOptions ApiRoute(unsigned methods = kGet, bool server_only = false) {
  RouteOptions options;
  options.methods = methods;
  options.is_api = true;
  options.server_only = server_only;
  return options;
}

}  // namespace tributary::web
