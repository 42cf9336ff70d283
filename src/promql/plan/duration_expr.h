// Values of duration expressions: `[5m * 2]`, `offset (step() / 2)`.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "promql/parse/ast.h"

namespace tributary::promql {

struct DurationContext {
  int64_t step_ms = 0;   // what step() is
  int64_t range_ms = 0;  // what range() is
};

// Milliseconds. Errors read "<start>:<end>: duration must be greater than 0" with byte offsets, as
// Prometheus (promql/durations.go).
base::Result<int64_t> EvalDuration(const Expr& expr, const DurationContext& context,
                                   bool allow_negative);

}  // namespace tributary::promql
