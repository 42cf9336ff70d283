// Binary operators.
#pragma once

#include "promql/exec/block.h"
#include "promql/exec/context.h"
#include "promql/plan/plan.h"

namespace tributary::promql {

// `plan` is a kBinary, lhs and rhs its evaluated operands.
base::Result<Block> CombineBlocks(QueryContext& context, const Plan& plan, Block lhs, Block rhs);

// Its three shapes besides scalar with scalar.
base::Result<Block> CombineVectorScalar(QueryContext& context, const Plan& plan, Block vector,
                                        const Block& scalar, bool scalar_on_left);
base::Result<Block> CombineVectors(QueryContext& context, const Plan& plan, Block lhs, Block rhs);
base::Result<Block> CombineSets(QueryContext& context, const Plan& plan, Block lhs, Block rhs);

}  // namespace tributary::promql
