// label_replace and label_join.
#pragma once

#include "promql/functions/vector_function.h"

namespace tributary::promql {

// Bad regexps and label names.
base::Status CheckLabelCall(const VectorCall& call);

}  // namespace tributary::promql
