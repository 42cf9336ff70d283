// Which series of two vectors belong together: equal match signatures get equal ordinals.
#pragma once

#include <cstdint>
#include <vector>

#include "model/labels.h"
#include "promql/exec/block.h"
#include "promql/exec/context.h"
#include "promql/parse/ast.h"

namespace tributary::promql {

struct Signatures {
  std::vector<uint32_t> lhs, rhs;  // ordinal of each series
  uint32_t count = 0;              // of ordinals
};
Signatures MatchSignatures(const VectorMatching& matching, const Block& lhs, const Block& rhs);

// The labels that take part in matching.
model::Labels MatchLabels(const VectorMatching& matching, const model::Labels& labels);

// After an operator that may have given several series the same labels: joins them, or fails where
// two are present at a step. In an instant query that removes names at its end, that is left to
// the end.
base::Status SettleSameLabels(QueryContext& context, Block* block);

}  // namespace tributary::promql
