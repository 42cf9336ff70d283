// ObservedEngine: an engine whose queries are listed while they run, kept in `queries.active`
// against crashes, and written to the query log when they end.
#pragma once

#include <memory>

#include "base/clock.h"
#include "promql/engine.h"
#include "promql/observe/active_queries.h"
#include "promql/observe/active_query_file.h"
#include "promql/observe/query_log.h"

namespace tributary::promql {

// Where what is seen goes. Everything outlives the engine; null: nowhere.
struct Observers {
  ActiveQueries* active = nullptr;
  ActiveQueryFile* file = nullptr;
  QueryLog* log = nullptr;
  const base::Clock* clock = nullptr;  // never null
};

std::unique_ptr<Engine> ObserveEngine(std::unique_ptr<Engine> engine, Observers observers);

}  // namespace tributary::promql
