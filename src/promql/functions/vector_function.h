// Functions over instant vectors and scalars. One file a family; each works on whole blocks.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "promql/exec/block.h"
#include "promql/exec/context.h"
#include "promql/parse/functions_table.h"
#include "promql/plan/plan.h"

namespace tributary::promql {

struct VectorCall {
  QueryContext& context;
  const Plan& plan;  // a kCall; children are the arguments
  Steps steps;
  FunctionId id;
  std::vector<Block> args;  // evaluated; empty blocks for strings

  // The value of a scalar argument at a step.
  double scalar(size_t arg, size_t step) const { return args[arg].series[0].row.values[step]; }
  const std::string& text(size_t arg) const { return plan.children[arg]->text; }
  PosRange arg_pos(size_t arg) const { return plan.children[arg]->pos; }
};

// What is wrong with the text arguments; to be asked before the arguments are evaluated.
base::Status CheckVectorCall(const VectorCall& call);
// Consumes the arguments.
base::Result<Block> CallVectorFunction(VectorCall& call);

// The families.
base::Result<Block> CallMath(VectorCall& call);        // abs … trigonometry
base::Result<Block> CallClampRound(VectorCall& call);  // clamp*, round
base::Result<Block> CallScalars(VectorCall& call);     // time, pi, scalar, vector, max_of, min_of
base::Result<Block> CallCalendar(VectorCall& call);    // hour, month, …; timestamp
base::Result<Block> CallHistogramStatistics(VectorCall& call);
base::Result<Block> CallHistogramQuantile(VectorCall& call);  // quantile(s), fraction
base::Result<Block> CallLabels(VectorCall& call);             // label_replace, label_join
base::Result<Block> CallSort(VectorCall& call);

}  // namespace tributary::promql
