// and, or, unless: which elements pass depends on whether the other side has a match at the step.
#include <algorithm>
#include <iterator>
#include <vector>

#include "promql/exec/binary.h"
#include "promql/exec/matching.h"

namespace tributary::promql {
namespace {

// For each signature, the steps at which any of the series with it is present.
class Presence {
 public:
  Presence(const Block& block, const std::vector<uint32_t>& ordinals, uint32_t count)
      : steps_(block.steps.count), present_(count) {
    for (size_t i = 0; i < block.series.size(); i++) {
      auto& present = present_[ordinals[i]];
      if (present.empty()) present.resize(steps_);
      const Row& row = block.series[i].row;
      for (size_t step = 0; step < steps_; step++) {
        if (row.present(step)) present[step] = true;
      }
    }
  }
  bool At(uint32_t ordinal, size_t step) const {
    return !present_[ordinal].empty() && present_[ordinal][step];
  }

 private:
  const size_t steps_;
  std::vector<std::vector<bool>> present_;
};

// Clears the elements whose match is, or is not, present.
void ClearWhere(Block* block, const std::vector<uint32_t>& ordinals, const Presence& other,
                bool present) {
  for (size_t i = 0; i < block->series.size(); i++) {
    Row& row = block->series[i].row;
    for (size_t step = 0; step < block->steps.count; step++) {
      if (other.At(ordinals[i], step) == present) row.Clear(step);
    }
  }
  block->DropEmpty();
}

}  // namespace

base::Result<Block> CombineSets(QueryContext& context, const Plan& plan, Block lhs, Block rhs) {
  const auto& binary = As<BinaryExpr>(*plan.expr);
  const Signatures signatures = MatchSignatures(*binary.matching, lhs, rhs);
  if (binary.op != BinaryOp::kOr) {
    const Presence right(rhs, signatures.rhs, signatures.count);
    ClearWhere(&lhs, signatures.lhs, right, binary.op == BinaryOp::kUnless);
  } else {
    const Presence left(lhs, signatures.lhs, signatures.count);
    ClearWhere(&rhs, signatures.rhs, left, true);
    std::ranges::move(rhs.series, std::back_inserter(lhs.series));
    lhs.AdoptMemory(std::move(rhs));
  }
  RETURN_IF_ERROR(SettleSameLabels(context, &lhs));
  return lhs;
}

}  // namespace tributary::promql
