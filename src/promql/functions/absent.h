// absent and absent_over_time: one where there is nothing.
#pragma once

#include "promql/exec/block.h"
#include "promql/exec/context.h"
#include "promql/plan/plan.h"

namespace tributary::promql {

// `present` is what the argument of `call` selected. The result carries the labels that the
// argument's equality matchers name.
base::Result<Block> MakeAbsentBlock(QueryContext& context, const Plan& call, const Block& present);

}  // namespace tributary::promql
