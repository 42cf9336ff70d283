#include "promql/exec/aggregate.h"

#include <algorithm>

#include "base/strings.h"
#include "promql/exec/profile.h"

namespace tributary::promql {

base::Result<Block> EvalAggregate(Evaluator& evaluator, const Plan& plan, const Steps& steps) {
  QueryContext& context = evaluator.context();
  const AggregateOp op = As<AggregateExpr>(*plan.expr).op;
  const Plan& operand = *plan.children[0];
  if (op == AggregateOp::kCountValues) {
    const std::string& label = plan.children[1]->text;
    if (label.empty() || !base::IsValidUtf8(label)) {
      return base::Error(base::ErrorCode::kExecution, "invalid label name " + base::Quote(label));
    }
    ASSIGN_OR_RETURN(Block input, evaluator.Eval(operand, steps));
    return CountValues(context, plan, std::move(input), label);
  }
  if (!TakesParameter(op)) {
    ASSIGN_OR_RETURN(auto rows, evaluator.Rows(operand, steps));
    if (rows->may_collide()) {
      // Series that are the same without their names must be told before they are summed up.
      if (context.profiler() != nullptr) context.profiler()->NoteInputHeld();
      ASSIGN_OR_RETURN(Block block, Materialize(context, *rows));
      rows = MakeBlockRows(std::move(block));
    }
    return FoldRows(context, plan, *rows);
  }
  ASSIGN_OR_RETURN(const std::vector<double> params,
                   evaluator.EvalScalar(*plan.children[1], steps));
  ASSIGN_OR_RETURN(Block input, evaluator.Eval(operand, steps));
  if (op == AggregateOp::kQuantile)
    return AggregateQuantile(context, plan, std::move(input), params);
  return SelectSeries(context, plan, std::move(input), params);
}

}  // namespace tributary::promql
