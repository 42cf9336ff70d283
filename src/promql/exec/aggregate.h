// Aggregations: sum by (…) (x), topk(5, x), …
#pragma once

#include "promql/exec/evaluator.h"

namespace tributary::promql {

// `plan` is a kAggregate.
base::Result<Block> EvalAggregate(Evaluator& evaluator, const Plan& plan, const Steps& steps);

// sum, avg, count, group, min, max, stddev, stdvar: consumes rows one by one, so that the operand
// is never held as a whole.
base::Result<Block> FoldRows(QueryContext& context, const Plan& plan, const RowSource& rows);

// topk, bottomk, limitk, limit_ratio: pass some of the series through. `params` has the first
// argument at each step.
base::Result<Block> SelectSeries(QueryContext& context, const Plan& plan, Block input,
                                 const std::vector<double>& params);

base::Result<Block> AggregateQuantile(QueryContext& context, const Plan& plan, Block input,
                                      const std::vector<double>& params);
base::Result<Block> CountValues(QueryContext& context, const Plan& plan, Block input,
                                const std::string& label);

}  // namespace tributary::promql
