// Runner: carries out promqltest scripts against an engine over a store in memory.
//
// An instant evaluation is tried in up to a dozen ways that must all agree: as it stands, with
// every selector pinned by @ and evaluated at other times, and each of these again inside a range
// query.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "promql/engine.h"
#include "script_store.h"

namespace tributary::promqltest {

struct EvalOutcome {
  int line = 0;
  std::string expr;
  std::string failure;  // empty: passed
};

// The engine settings that the upstream scripts expect.
promql::EngineOptions ScriptEngineOptions();

struct RunOptions {
  StoreKind store = StoreKind::kMemory;
  // Few make many chunk borders. At most this many samples share a chunk.
  size_t samples_per_chunk = 120;
  // Range queries are asked again as one query for each step, which must give the same.
  bool step_by_step = false;
};

// One outcome for each `eval`, in order. Fails when the script itself is wrong or cannot be loaded.
base::Result<std::vector<EvalOutcome>> RunScript(std::string_view text, promql::Engine& engine,
                                                 const RunOptions& options = {});

}  // namespace tributary::promqltest
