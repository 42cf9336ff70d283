// A range function over a source of samples, as rows.
#pragma once

#include <memory>

#include "promql/exec/row_source.h"
#include "promql/functions/range_function.h"

namespace tributary::promql {

// REQUIRES: `id` is a function that MakeRangeFunction knows.
std::unique_ptr<RowSource> MakeRangeRows(FunctionId id, const RangeFunctionEnv& env,
                                         std::unique_ptr<SampleSource> source);

}  // namespace tributary::promql
