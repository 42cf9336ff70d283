// The groups of routes, one file each. Patterns are below the route prefix.
#pragma once

#include "web/call.h"
#include "web/router.h"

namespace tributary::web {

void AddQueryRoutes(Router& router, const Context& context);         // query, query_range, …
void AddParseRoutes(Router& router, const Context& context);         // format_query, parse_query
void AddActiveQueryRoutes(Router& router, const Context& context);   // status/active_queries
void AddMetadataRoutes(Router& router, const Context& context);      // series, labels, label values
void AddSearchRoutes(Router& router, const Context& context);        // search/*
void AddTargetRoutes(Router& router, const Context& context);        // targets, metadata
void AddScrapePoolRoutes(Router& router, const Context& context);    // scrape_pools, relabel_steps
void AddStatusRoutes(Router& router, const Context& context);        // status/*
void AddSelfMetricsRoute(Router& router, const Context& context);    // status/self_metrics
void AddRuleRoutes(Router& router, const Context& context);          // rules, alerts, alertmanagers
void AddFeatureRoute(Router& router, const Context& context);        // features
void AddNotificationRoutes(Router& router, const Context& context);  // notifications, …/live
void AddOpenApiRoute(Router& router, const Context& context);        // openapi.yaml
void AddAdminRoutes(Router& router, const Context& context);         // admin/tsdb
void AddWriteRoutes(Router& router, const Context& context);         // write, otlp
void AddRemoteReadRoute(Router& router, const Context& context);     // read
void AddFederateRoute(Router& router, const Context& context);       // /federate
void AddManagementRoutes(Router& router, const Context& context);    // /-/*, /metrics, /version, /

inline RouteOptions ApiRoute(unsigned methods = kGet, bool server_only = false,
                             Needs needs = Needs::kReady) {
  RouteOptions options;
  options.needs = needs;
  options.methods = methods;
  options.is_api = true;
  options.server_only = server_only;
  return options;
}

}  // namespace tributary::web
