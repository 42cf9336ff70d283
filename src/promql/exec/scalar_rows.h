// Arithmetic between a vector and a scalar on rows that are just being made, as in
// sum(rate(x[5m]) * 8): the vector is never held as a whole.
#pragma once

#include <memory>
#include <vector>

#include "promql/exec/row_source.h"
#include "promql/plan/plan.h"

namespace tributary::promql {

// Whether `plan` (a kBinary) is such arithmetic over a range function, whose results have lost
// their names already and so cannot become equal by losing them.
bool CanFuseScalar(const Plan& plan);

// REQUIRES: CanFuseScalar(plan). `scalars` has the scalar at each step.
std::unique_ptr<RowSource> MakeScalarRows(QueryContext& context, const Plan& plan,
                                          std::unique_ptr<RowSource> rows,
                                          std::vector<double> scalars);

}  // namespace tributary::promql
