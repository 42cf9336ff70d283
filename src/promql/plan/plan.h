// The logical plan of one query: what is left of the syntax tree once everything that depends only
// on the query's times has been worked out. Parentheses are gone, duration expressions, @ and
// start()/end()/range()/step() are numbers, parts that have one value for all steps are marked, and
// equal selectors share one selection.
//
// A plan borrows from the syntax tree it was made of. Immutable once made; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/matcher.h"
#include "model/sample.h"
#include "promql/parse/ast.h"
#include "storage/querier.h"

namespace tributary::promql {

enum class PlanKind : uint8_t {
  kNumber,
  kString,
  kInstantSelector,
  kRangeSelector,
  kSubquery,
  kCall,
  kAggregate,
  kBinary,
  kNegate,
  kUnaryPlus,      // its operand as it is, in a place of its own
  kStepInvariant,  // evaluated at the first step, repeated at the others
};

struct Plan {
  PlanKind kind = PlanKind::kNumber;
  ValueType type = ValueType::kNone;
  PosRange pos;
  // Operands in order: arguments of a call; lhs, rhs; an aggregate's operand, then its parameter.
  std::vector<std::unique_ptr<Plan>> children;
  const Expr* expr = nullptr;  // the node this came from, for what only that operator knows

  double number = 0;  // kNumber
  std::string text;   // kString

  // Selectors and subqueries. A sample is looked up at `at` (or at the step) minus the offset.
  size_t selection = 0;  // index into QueryPlan::selections
  std::optional<model::Timestamp> at;
  int64_t offset_ms = 0;
  int64_t range_ms = 0;
  int64_t step_ms = 0;  // of a subquery
  bool anchored = false;
  bool smoothed = false;
  // Nobody looks at the buckets of histograms read here.
  bool skip_histogram_buckets = false;
};
using PlanPtr = std::unique_ptr<Plan>;

// One set of series to read, and the times at which anyone in the query needs it.
struct SelectionPlan {
  std::vector<model::Matcher> matchers;
  PosRange pos;  // of the first selector that reads it
  storage::SelectHints hints;
};

struct QueryPlan {
  PlanPtr root;
  std::vector<SelectionPlan> selections;
  // Covers all selections; both 0 when there are none.
  model::Timestamp mint = 0;
  model::Timestamp maxt = 0;
};

struct PlanOptions {
  model::Timestamp start = 0;
  model::Timestamp end = 0;
  int64_t step_ms = 0;  // 0: an instant query
  int64_t lookback_delta_ms = 300'000;
  int64_t default_step_ms = 60'000;  // of subqueries that name none
};

// Fails (kInvalidArgument) on a duration expression without a usable value. `expr` must be
// well-typed and outlive the plan.
base::Result<QueryPlan> MakePlan(const Expr& expr, const PlanOptions& options);

}  // namespace tributary::promql
