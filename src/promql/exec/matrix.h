// Range vectors as results: `x[5m]` and `x[5m:1m]` at the top of an instant query.
#pragma once

#include "promql/exec/context.h"
#include "promql/exec/samples.h"
#include "promql/functions/range_function.h"
#include "promql/value.h"

namespace tributary::promql {

// Samples are counted in `counts`, unless it is null.
base::Result<Matrix> CollectMatrix(QueryContext& context, const SampleSource& source,
                                   const WindowSpec& window, model::Timestamp t,
                                   SampleCounts* counts);

}  // namespace tributary::promql
