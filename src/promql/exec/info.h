// info(v, {…}): adds the labels of info metrics (target_info unless said otherwise) to the series
// that have the same `instance` and `job`.
#pragma once

#include "promql/exec/evaluator.h"

namespace tributary::promql {

// `plan` is a call of info().
base::Result<Block> EvalInfo(Evaluator& evaluator, const Plan& plan, const Steps& steps);

}  // namespace tributary::promql
