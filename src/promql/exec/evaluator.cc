#include "promql/exec/evaluator.h"

#include <algorithm>
#include <optional>
#include <string>

#include "model/float_histogram.h"
#include "promql/exec/aggregate.h"
#include "promql/exec/binary.h"
#include "promql/exec/block_samples.h"
#include "promql/exec/info.h"
#include "promql/exec/matching.h"
#include "promql/exec/matrix.h"
#include "promql/exec/profile.h"
#include "promql/exec/range_rows.h"
#include "promql/exec/scalar_rows.h"
#include "promql/exec/selection_samples.h"
#include "promql/exec/selector.h"
#include "promql/functions/absent.h"
#include "promql/functions/vector_function.h"

namespace tributary::promql {
namespace {

base::Error ExecutionError(std::string message) {
  return {base::ErrorCode::kExecution, std::move(message)};
}

FunctionId FunctionOf(const Plan& call) { return As<Call>(*call.expr).function->id; }

std::optional<size_t> RangeArgument(const Plan& call) {
  for (size_t i = 0; i < call.children.size(); i++) {
    if (call.children[i]->type == ValueType::kMatrix) return i;
  }
  return std::nullopt;
}

// A range argument that has one value for all steps is read as what it is: its times are pinned.
const Plan& SkipInvariant(const Plan& plan) {
  return plan.kind == PlanKind::kStepInvariant ? *plan.children[0] : plan;
}

base::Status CheckExtended(const WindowSpec& window, const Function& function) {
  const FunctionId id = function.id;
  const bool rates =
      id == FunctionId::kRate || id == FunctionId::kIncrease || id == FunctionId::kDelta;
  if (window.anchored && !rates && id != FunctionId::kResets && id != FunctionId::kChanges) {
    return ExecutionError(
        "anchored modifier can only be used with: changes, delta, increase, rate, resets - not "
        "with " +
        std::string(function.name));
  }
  if (window.smoothed && !rates) {
    return ExecutionError(
        "smoothed modifier can only be used with: delta, increase, rate - not with " +
        std::string(function.name));
  }
  return {};
}

}  // namespace

base::Result<Block> MakeScalarBlock(QueryContext& context, const Steps& steps, double value) {
  Block block(steps);
  ASSIGN_OR_RETURN(BlockSeries * series, block.Add(&context.budget(), {}, false));
  std::ranges::fill(series->row.values, value);
  return block;
}

base::Status DropFlaggedNames(Block* block) {
  for (auto& s : block->series) {
    if (s.drop_name) s.labels = DropMetricLabels(s.labels);
  }
  return MergeSameLabels(block);
}

base::Status LoseMetricName(QueryContext& context, Block* block, NameLoss loss) {
  for (auto& s : block->series) {
    s.drop_name = true;
    if (context.delayed_name_removal()) continue;
    s.labels = loss == NameLoss::kAllMetadata
                   ? DropMetricLabels(s.labels)
                   : model::LabelsBuilder(s.labels).Del(model::kMetricName).Build();
  }
  return context.delayed_name_removal() ? base::Status{} : MergeSameLabels(block);
}

base::Result<std::unique_ptr<SampleSource>> Evaluator::InstantSamples(const Plan& plan,
                                                                      bool start_timestamps) {
  ASSIGN_OR_RETURN(const storage::SeriesSelection* selection, context_.Selection(plan.selection));
  return MakeSelectionSamples(*selection, {.start_timestamps = start_timestamps,
                                           .skip_histogram_buckets = plan.skip_histogram_buckets});
}

base::Result<std::unique_ptr<RowSource>> Evaluator::SelectorRowsOf(const Plan& plan,
                                                                   const Steps& steps) {
  ASSIGN_OR_RETURN(auto samples, InstantSamples(plan, false));
  const InstantSelectorOptions options{.when = {plan.at, plan.offset_ms},
                                       .lookback_delta_ms = context_.lookback_delta_ms()};
  if (plan.smoothed) {
    return MakeSmoothedSelector(context_, steps, std::move(samples), options, plan.pos);
  }
  return MakeInstantSelector(context_, steps, std::move(samples), options);
}

base::Result<std::unique_ptr<RowSource>> Evaluator::TimestampRows(const Plan& call,
                                                                  const Steps& steps) {
  const Plan& selector = *call.children[0];
  const bool start = FunctionOf(call) == FunctionId::kStartTimestamp;
  if (start && !context_.features().use_start_timestamps) return MakeBlockRows(Block(steps));
  ASSIGN_OR_RETURN(auto samples, InstantSamples(selector, start));
  InstantSelectorOptions options{
      .when = {selector.at, selector.offset_ms},
      .lookback_delta_ms = context_.lookback_delta_ms(),
      .value = start ? InstantValue::kStartTimestamp : InstantValue::kTimestamp,
      .drop_name = true};
  // With both @ and offset Prometheus reads what the offset says and looks at what @ says.
  if (selector.at) std::swap(options.when.offset_ms, options.read_before_ms);
  return MakeInstantSelector(context_, steps, std::move(samples), options);
}

base::Result<Evaluator::RangeInput> Evaluator::OpenRange(const Plan& plan, const Steps& steps,
                                                         bool start_timestamps) {
  RangeInput input;
  input.window.when = {plan.at, plan.offset_ms};
  input.window.range_ms = plan.range_ms;
  OperatorScope scope(context_, plan, /*fused=*/plan.kind == PlanKind::kRangeSelector);
  if (plan.kind == PlanKind::kRangeSelector) {
    input.window.anchored = plan.anchored;
    input.window.smoothed = plan.smoothed;
    if (plan.anchored || plan.smoothed) {
      input.window.extra_before_ms = context_.lookback_delta_ms();
    }
    if (plan.smoothed) input.window.extra_after_ms = context_.lookback_delta_ms();
    ASSIGN_OR_RETURN(input.samples, InstantSamples(plan, start_timestamps));
    scope.SetRows(input.samples->size());
    return input;
  }
  // A subquery's own steps lie on multiples of its step, whatever the times of the query.
  const auto after = input.window.when(steps.start) - plan.range_ms;
  const auto upto = input.window.when(steps.last());
  Steps inner{.start = after / plan.step_ms * plan.step_ms, .step_ms = plan.step_ms, .count = 0};
  if (inner.start <= after) inner.start += plan.step_ms;
  if (inner.start > upto) {
    input.samples = MakeBlockSamples(Block(inner));
    return input;
  }
  inner.count = static_cast<size_t>((upto - inner.start) / plan.step_ms) + 1;
  inner.lone_of_range = inner.count == 1 && inner.start != upto;
  SampleCounts* const outer = context_.counts();
  if (outer != nullptr) {
    input.subquery_counts = std::make_unique<SampleCounts>(inner, true);
    context_.SwapCounts(input.subquery_counts.get());
  }
  auto evaluated = Eval(*plan.children[0], inner);
  context_.SwapCounts(outer);
  ASSIGN_OR_RETURN(Block block, std::move(evaluated));
  scope.SetResult(block);
  input.samples = MakeBlockSamples(std::move(block));
  return input;
}

base::Result<std::unique_ptr<RowSource>> Evaluator::RangeCallRows(const Plan& call,
                                                                  size_t range_arg,
                                                                  const Steps& steps) {
  const Function& function = *As<Call>(*call.expr).function;
  const Plan& range = SkipInvariant(*call.children[range_arg]);
  // absent_over_time only asks where there is something. It never minds two series that differ in
  // nothing but the name, so the name is kept.
  const FunctionId id =
      function.id == FunctionId::kAbsentOverTime ? FunctionId::kLastOverTime : function.id;
  const bool start_timestamps =
      context_.features().use_start_timestamps && ReadsStartTimestamps(id);
  ASSIGN_OR_RETURN(RangeInput input, OpenRange(range, steps, start_timestamps));
  if (input.subquery_counts) {
    context_.counts()->AddSubquery(*input.subquery_counts, range.offset_ms, range.range_ms);
  }
  std::vector<std::vector<double>> scalars;
  for (size_t i = 0; i < call.children.size(); i++) {
    if (i == range_arg) continue;
    ASSIGN_OR_RETURN(auto values, EvalScalar(*call.children[i], steps));
    scalars.push_back(std::move(values));
  }
  RETURN_IF_ERROR(CheckExtended(input.window, function));
  // Upstream evaluates a subquery into a selector without a place: the query's start is blamed.
  const PosRange range_pos = range.kind == PlanKind::kSubquery ? PosRange{0, 0} : range.pos;
  return MakeRangeRows(id,
                       {.context = &context_,
                        .steps = steps,
                        .window = input.window,
                        .arg_pos = range_pos,
                        .scalars = std::move(scalars),
                        .first_arg_pos = range_arg == 0 ? range_pos : call.children[0]->pos,
                        .reads_subquery = range.kind == PlanKind::kSubquery},
                       std::move(input.samples));
}

base::Result<std::unique_ptr<RowSource>> Evaluator::Rows(const Plan& plan, const Steps& steps) {
  RETURN_IF_ERROR(context_.Check());
  std::unique_ptr<RowSource> rows;
  if (plan.kind == PlanKind::kInstantSelector) {
    OperatorScope scope(context_, plan, /*fused=*/true);
    ASSIGN_OR_RETURN(rows, SelectorRowsOf(plan, steps));
    scope.SetRows(rows->size());
    return rows;
  }
  if (plan.kind == PlanKind::kUnaryPlus) return Rows(*plan.children[0], steps);
  if (plan.kind == PlanKind::kCall && FunctionOf(plan) != FunctionId::kAbsentOverTime) {
    if (const auto range_arg = RangeArgument(plan)) {
      OperatorScope scope(context_, plan, /*fused=*/true);
      ASSIGN_OR_RETURN(rows, RangeCallRows(plan, *range_arg, steps));
      scope.SetRows(rows->size());
      return rows;
    }
  }
  if (plan.kind == PlanKind::kBinary && CanFuseScalar(plan)) {
    OperatorScope scope(context_, plan, /*fused=*/true);
    const bool scalar_on_left = plan.children[0]->type == ValueType::kScalar;
    ASSIGN_OR_RETURN(rows, Rows(*plan.children[scalar_on_left ? 1 : 0], steps));
    scope.SetRows(rows->size());
    ASSIGN_OR_RETURN(auto scalars, EvalScalar(*plan.children[scalar_on_left ? 0 : 1], steps));
    return MakeScalarRows(context_, plan, std::move(rows), std::move(scalars));
  }
  ASSIGN_OR_RETURN(Block block, Eval(plan, steps));
  return MakeBlockRows(std::move(block));
}

base::Result<std::vector<double>> Evaluator::EvalScalar(const Plan& plan, const Steps& steps) {
  if (plan.kind == PlanKind::kNumber) {
    OperatorScope scope(context_, plan);
    scope.SetRows(1);
    return std::vector<double>(steps.count, plan.number);
  }
  ASSIGN_OR_RETURN(Block block, Eval(plan, steps));
  if (block.series.empty()) return base::Internal("scalar expression without a value");
  const auto values = block.series[0].row.values;
  return std::vector<double>(values.begin(), values.end());
}

base::Result<Block> Evaluator::Eval(const Plan& plan, const Steps& steps) {
  OperatorScope scope(context_, plan);
  auto block = EvalNode(plan, steps);
  if (!block) return context_.Locate(block.error(), plan);
  scope.SetResult(*block);
  return block;
}

base::Result<Block> Evaluator::EvalNode(const Plan& plan, const Steps& steps) {
  RETURN_IF_ERROR(context_.Check());
  RETURN_IF_ERROR(context_.budget().CheckSteps(steps.count));
  switch (plan.kind) {
    case PlanKind::kNumber:
      return MakeScalarBlock(context_, steps, plan.number);
    case PlanKind::kInstantSelector: {
      ASSIGN_OR_RETURN(auto rows, SelectorRowsOf(plan, steps));
      return Materialize(context_, *rows);
    }
    case PlanKind::kCall:
      return EvalCall(plan, steps);
    case PlanKind::kAggregate:
      return EvalAggregate(*this, plan, steps);
    case PlanKind::kBinary:
      return EvalBinary(plan, steps);
    case PlanKind::kNegate:
      return EvalNegate(plan, steps);
    case PlanKind::kUnaryPlus:
      return Eval(*plan.children[0], steps);
    case PlanKind::kStepInvariant:
      return EvalStepInvariant(plan, steps);
    case PlanKind::kString:
    case PlanKind::kRangeSelector:
    case PlanKind::kSubquery:
      break;
  }
  return base::Internal("expression has no value at single times");
}

base::Result<Block> Evaluator::EvalCall(const Plan& plan, const Steps& steps) {
  const FunctionId id = FunctionOf(plan);
  if (const auto range_arg = RangeArgument(plan)) {
    ASSIGN_OR_RETURN(auto rows, RangeCallRows(plan, *range_arg, steps));
    ASSIGN_OR_RETURN(Block block, Materialize(context_, *rows));
    if (id != FunctionId::kAbsentOverTime) return block;
    return MakeAbsentBlock(context_, plan, block);
  }
  if (id == FunctionId::kInfo) return EvalInfo(*this, plan, steps);
  if ((id == FunctionId::kTimestamp || id == FunctionId::kStartTimestamp) &&
      plan.children[0]->kind == PlanKind::kInstantSelector) {
    ASSIGN_OR_RETURN(auto rows, TimestampRows(plan, steps));
    ASSIGN_OR_RETURN(Block block, Materialize(context_, *rows));
    RETURN_IF_ERROR(SettleSameLabels(context_, &block));
    return block;
  }
  VectorCall call{.context = context_, .plan = plan, .steps = steps, .id = id, .args = {}};
  RETURN_IF_ERROR(CheckVectorCall(call));
  for (const auto& child : plan.children) {
    if (child->type == ValueType::kString) {
      call.args.emplace_back(steps);
      continue;
    }
    ASSIGN_OR_RETURN(Block arg, Eval(*child, steps));
    call.args.push_back(std::move(arg));
  }
  return CallVectorFunction(call);
}

base::Result<Block> Evaluator::EvalBinary(const Plan& plan, const Steps& steps) {
  ASSIGN_OR_RETURN(Block lhs, Eval(*plan.children[0], steps));
  ASSIGN_OR_RETURN(Block rhs, Eval(*plan.children[1], steps));
  return CombineBlocks(context_, plan, std::move(lhs), std::move(rhs));
}

base::Result<Block> Evaluator::EvalNegate(const Plan& plan, const Steps& steps) {
  ASSIGN_OR_RETURN(Block block, Eval(*plan.children[0], steps));
  for (auto& s : block.series) {
    for (double& v : s.row.values) {
      if (!IsAbsent(v)) v = -v;
    }
    for (auto& h : s.row.histograms) {
      if (!h) continue;
      auto negated = std::make_shared<model::FloatHistogram>(*h);
      model::Mul(negated.get(), -1);
      h = std::move(negated);
    }
  }
  if (plan.type == ValueType::kScalar) return block;
  RETURN_IF_ERROR(LoseMetricName(context_, &block));
  return block;
}

base::Result<Block> Evaluator::EvalStepInvariant(const Plan& plan, const Steps& steps) {
  const Plan& child = *plan.children[0];
  const Steps once{.start = steps.start, .step_ms = steps.step_ms, .count = 1};
  SampleCounts* const outer = context_.counts();
  std::optional<SampleCounts> counts;
  if (outer != nullptr) context_.SwapCounts(&counts.emplace(once, false));
  auto evaluated = Eval(child, once);
  context_.SwapCounts(outer);
  if (outer != nullptr) outer->AddInvariant(*counts);
  ASSIGN_OR_RETURN(Block single, std::move(evaluated));
  if (steps.count == 1) return single;
  Block block(steps);
  for (auto& s : single.series) {
    ASSIGN_OR_RETURN(BlockSeries * added,
                     block.Add(&context_.budget(), std::move(s.labels), s.drop_name));
    std::ranges::fill(added->row.values, s.row.values[0]);
    if (s.row.histogram(0) != nullptr)
      added->row.histograms.assign(steps.count, s.row.histograms[0]);
  }
  RETURN_IF_ERROR(block.ChargeSamples(&context_.budget()));
  return block;
}

base::Result<Matrix> Evaluator::EvalMatrix(const Plan& plan, model::Timestamp t) {
  const Plan& range = SkipInvariant(plan);
  const Steps once{.start = t, .step_ms = 1, .count = 1};
  OperatorScope scope(context_, range, /*fused=*/false, "collect");
  ASSIGN_OR_RETURN(RangeInput input, OpenRange(range, once, false));
  SampleCounts* counts = context_.counts();
  if (input.subquery_counts) {
    counts->AddWhole(*input.subquery_counts);
    counts = nullptr;
  }
  ASSIGN_OR_RETURN(Matrix matrix, CollectMatrix(context_, *input.samples, input.window, t, counts));
  scope.SetRows(matrix.size());
  return matrix;
}

}  // namespace tributary::promql
