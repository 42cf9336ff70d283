// Statistics of a query as the API and the query log write them. Source: Prometheus
// util/stats/query_stats.go.
#pragma once

#include "model/sample.h"
#include "promql/engine.h"
#include "wire/json_writer.h"

namespace tributary::promql {

// The times of the steps that per-step figures belong to.
struct StatsSteps {
  model::Timestamp start = 0;
  int64_t step_ms = 0;  // 0: one step
};

// {"timings":{…},"samples":{…}}; with figures for each step when `stats` has them.
void WriteQueryStats(wire::JsonWriter& json, const QueryStats& stats, StatsSteps steps);

}  // namespace tributary::promql
