// Evaluator: turns a plan into blocks, bottom-up. One query, one thread at a time; operators go
// parallel inside.
#pragma once

#include <memory>
#include <vector>

#include "promql/exec/block.h"
#include "promql/exec/context.h"
#include "promql/exec/row_source.h"
#include "promql/exec/sample_counts.h"
#include "promql/exec/steps.h"
#include "promql/functions/range_function.h"
#include "promql/plan/plan.h"
#include "promql/value.h"

namespace tributary::promql {

class Evaluator {
 public:
  explicit Evaluator(QueryContext& context) : context_(context) {}

  QueryContext& context() { return context_; }

  // A scalar or instant vector at all steps.
  base::Result<Block> Eval(const Plan& plan, const Steps& steps);
  // The same before it has run, for operators that can consume rows one by one.
  base::Result<std::unique_ptr<RowSource>> Rows(const Plan& plan, const Steps& steps);
  // A scalar's value at each step.
  base::Result<std::vector<double>> EvalScalar(const Plan& plan, const Steps& steps);
  // A range vector at one time. Histories of series without samples are left out.
  base::Result<Matrix> EvalMatrix(const Plan& plan, model::Timestamp t);

 private:
  base::Result<Block> EvalNode(const Plan& plan, const Steps& steps);
  base::Result<std::unique_ptr<SampleSource>> InstantSamples(const Plan& plan,
                                                             bool start_timestamps);
  // The samples below a range selector or subquery, and how a window looks at them.
  struct RangeInput {
    std::unique_ptr<SampleSource> samples;
    WindowSpec window;
    std::unique_ptr<SampleCounts> subquery_counts;  // null unless somebody asked
  };
  base::Result<RangeInput> OpenRange(const Plan& plan, const Steps& steps, bool start_timestamps);
  base::Result<std::unique_ptr<RowSource>> RangeCallRows(const Plan& call, size_t range_arg,
                                                         const Steps& steps);
  base::Result<std::unique_ptr<RowSource>> SelectorRowsOf(const Plan& plan, const Steps& steps);
  base::Result<std::unique_ptr<RowSource>> TimestampRows(const Plan& call, const Steps& steps);
  base::Result<Block> EvalCall(const Plan& plan, const Steps& steps);
  base::Result<Block> EvalBinary(const Plan& plan, const Steps& steps);
  base::Result<Block> EvalNegate(const Plan& plan, const Steps& steps);
  base::Result<Block> EvalStepInvariant(const Plan& plan, const Steps& steps);

  QueryContext& context_;
};

// At the end of a query: takes the names off the series that have lost them, and joins those that
// are the same series now.
base::Status DropFlaggedNames(Block* block);

// What becomes of a vector that is not the metric any more: the names are taken off, or flagged
// when the query removes names at its end.
enum class NameLoss : uint8_t {
  kAllMetadata,  // __name__, __type__, __unit__
  kNameOnly,
};
base::Status LoseMetricName(QueryContext& context, Block* block,
                            NameLoss loss = NameLoss::kAllMetadata);

// A block of one series without labels, with `value` at every step.
base::Result<Block> MakeScalarBlock(QueryContext& context, const Steps& steps, double value);

}  // namespace tributary::promql
