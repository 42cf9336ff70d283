#include <algorithm>
#include <map>
#include <utility>

#include "promql/exec/binary_ops.h"
#include "promql/plan/duration_expr.h"
#include "promql/plan/plan.h"

namespace tributary::promql {
namespace {

// Functions whose value depends on the step even when their arguments do not.
bool DependsOnStep(FunctionId id) {
  switch (id) {
    case FunctionId::kDaysInMonth:
    case FunctionId::kDayOfMonth:
    case FunctionId::kDayOfWeek:
    case FunctionId::kDayOfYear:
    case FunctionId::kEnd:
    case FunctionId::kHour:
    case FunctionId::kMinute:
    case FunctionId::kMonth:
    case FunctionId::kYear:
    case FunctionId::kPredictLinear:
    case FunctionId::kRange:
    case FunctionId::kStart:
    case FunctionId::kStep:
    case FunctionId::kTime:
    case FunctionId::kTimestamp:
      return true;
    default:
      return false;
  }
}

// The times at which the operators above want a selector's or subquery's value.
struct Window {
  model::Timestamp start = 0;
  model::Timestamp end = 0;
};

class Planner {
 public:
  explicit Planner(const PlanOptions& options) : options_(options) {
    durations_.step_ms = options.step_ms;
    durations_.range_ms = options.end - options.start;
  }

  base::Result<QueryPlan> Make(const Expr& expr) {
    const Window window{options_.start, options_.end};
    ASSIGN_OR_RETURN(Part part, Convert(expr, window));
    plan_.root = part.wrap ? Wrap(std::move(part.plan)) : std::move(part.plan);
    plan_.selections.resize(selections_.size());
    bool first = true;
    for (auto& [key, index] : selections_) {
      const auto& hints = pending_[index].hints;
      plan_.mint = first ? hints.start : std::min(plan_.mint, hints.start);
      plan_.maxt = first ? hints.end : std::max(plan_.maxt, hints.end);
      first = false;
      plan_.selections[index] = std::move(pending_[index]);
    }
    if (has_info_window_) {
      plan_.mint = first ? info_window_.start : std::min(plan_.mint, info_window_.start);
      plan_.maxt = first ? info_window_.end : std::max(plan_.maxt, info_window_.end);
    }
    return std::move(plan_);
  }

 private:
  struct Part {
    PlanPtr plan;
    bool invariant = false;  // has one value for all steps
    bool wrap = false;       // is worth evaluating once
  };
  // What the operators around a selector do with the buckets of histograms.
  struct BucketUse {
    bool only_totals = false;  // inside of histogram_count and the like
    bool buckets = false;      // inside of what looks at buckets, or of a subquery
    bool skip() const { return only_totals && !buckets; }
  };

  static PlanPtr New(PlanKind kind, const Expr& expr, ValueType type) {
    auto plan = std::make_unique<Plan>();
    plan->kind = kind;
    plan->type = type;
    plan->pos = expr.pos;
    plan->expr = &expr;
    return plan;
  }

  static PlanPtr Wrap(PlanPtr child) {
    auto plan = std::make_unique<Plan>();
    plan->kind = PlanKind::kStepInvariant;
    plan->type = child->type;
    plan->pos = child->pos;
    plan->expr = child->expr;
    plan->children.push_back(std::move(child));
    return plan;
  }

  static PlanPtr Settle(Part part) {
    return part.wrap ? Wrap(std::move(part.plan)) : std::move(part.plan);
  }

  Part Number(const Expr& expr, double value) {
    Part part{New(PlanKind::kNumber, expr, ValueType::kScalar), true, false};
    part.plan->number = value;
    return part;
  }

  static bool IsNumber(const Part& part) { return part.plan->kind == PlanKind::kNumber; }

  std::optional<model::Timestamp> Resolve(const AtModifier& at) const {
    switch (at.kind) {
      case AtKind::kNone:
        return std::nullopt;
      case AtKind::kTimestamp:
        return at.timestamp_ms;
      case AtKind::kStart:
        return options_.start;
      case AtKind::kEnd:
        return options_.end;
    }
    return std::nullopt;
  }

  base::Result<int64_t> Duration(int64_t literal, const std::unique_ptr<DurationExpr>& expr,
                                 bool allow_negative) const {
    if (!expr) return literal;
    return EvalDuration(*expr, durations_, allow_negative);
  }

  static Window Shift(Window window, const std::optional<model::Timestamp>& at, int64_t offset_ms) {
    if (at) window = {*at, *at};
    return {window.start - offset_ms, window.end - offset_ms};
  }

  size_t AddSelection(const VectorSelector& selector, Window window, int64_t range_ms) {
    std::string key;
    for (const auto& matcher : selector.matchers) {
      const std::string text = matcher.ToString();
      key.append(std::to_string(text.size())).append(":").append(text);
    }
    auto [it, added] = selections_.try_emplace(std::move(key), pending_.size());
    if (added) {
      SelectionPlan selection;
      selection.matchers = selector.matchers;
      selection.pos = selector.pos;
      selection.hints.start = window.start;
      selection.hints.end = window.end;
      selection.hints.step_ms = options_.step_ms;
      selection.hints.range_ms = range_ms;
      pending_.push_back(std::move(selection));
    } else {
      auto& hints = pending_[it->second].hints;
      hints.start = std::min(hints.start, window.start);
      hints.end = std::max(hints.end, window.end);
      if (hints.range_ms != range_ms) hints.range_ms = 0;
    }
    return it->second;
  }

  base::Result<Part> ConvertSelector(const VectorSelector& selector, Window window) {
    Part part{New(PlanKind::kInstantSelector, selector, ValueType::kVector)};
    Plan& plan = *part.plan;
    ASSIGN_OR_RETURN(plan.offset_ms, Duration(selector.offset_ms, selector.offset_expr, true));
    plan.at = Resolve(selector.at);
    plan.anchored = selector.anchored;
    plan.smoothed = selector.smoothed;
    plan.skip_histogram_buckets = bucket_use_.skip();
    window = Shift(window, plan.at, plan.offset_ms);
    window.start -= options_.lookback_delta_ms - 1;
    if (plan.smoothed) {
      window.start -= 1;
      window.end += options_.lookback_delta_ms;
    }
    plan.selection = AddSelection(selector, window, 0);
    part.invariant = part.wrap = plan.at.has_value();
    return part;
  }

  base::Result<Part> ConvertRange(const MatrixSelector& matrix, Window window) {
    const VectorSelector& selector = matrix.vector();
    Part part{New(PlanKind::kRangeSelector, matrix, ValueType::kMatrix)};
    Plan& plan = *part.plan;
    ASSIGN_OR_RETURN(plan.offset_ms, Duration(selector.offset_ms, selector.offset_expr, true));
    ASSIGN_OR_RETURN(plan.range_ms, Duration(matrix.range_ms, matrix.range_expr, false));
    plan.at = Resolve(selector.at);
    plan.anchored = selector.anchored;
    plan.smoothed = selector.smoothed;
    plan.skip_histogram_buckets = bucket_use_.skip();
    window = Shift(window, plan.at, plan.offset_ms);
    window.start -= plan.range_ms - 1;
    if (plan.anchored || plan.smoothed) window.start -= options_.lookback_delta_ms;
    if (plan.smoothed) window.end += options_.lookback_delta_ms;
    plan.selection = AddSelection(selector, window, plan.range_ms);
    part.invariant = plan.at.has_value();
    return part;
  }

  base::Result<Part> ConvertSubquery(const SubqueryExpr& subquery, Window window) {
    Part part{New(PlanKind::kSubquery, subquery, ValueType::kMatrix)};
    Plan& plan = *part.plan;
    ASSIGN_OR_RETURN(plan.offset_ms, Duration(subquery.offset_ms, subquery.offset_expr, true));
    ASSIGN_OR_RETURN(plan.step_ms, Duration(subquery.step_ms, subquery.step_expr, false));
    ASSIGN_OR_RETURN(plan.range_ms, Duration(subquery.range_ms, subquery.range_expr, false));
    if (plan.step_ms <= 0) plan.step_ms = options_.default_step_ms;
    plan.at = Resolve(subquery.at);
    window = Shift(window, plan.at, plan.offset_ms);
    window.start -= plan.range_ms;
    const BucketUse outer = bucket_use_;
    bucket_use_.buckets = true;
    ASSIGN_OR_RETURN(Part child, Convert(*subquery.expr, window));
    bucket_use_ = outer;
    // The child is wrapped whenever it is invariant, even a plain number.
    plan.children.push_back(child.invariant ? Wrap(std::move(child.plan)) : std::move(child.plan));
    part.invariant = plan.at.has_value();
    return part;
  }

  base::Result<Part> ConvertCall(const Call& call, Window window) {
    const FunctionId id = call.function->id;
    switch (id) {
      case FunctionId::kStart:
        return Number(call, static_cast<double>(options_.start) / 1000);
      case FunctionId::kEnd:
        return Number(call, static_cast<double>(options_.end) / 1000);
      case FunctionId::kRange:
        return Number(call, static_cast<double>(durations_.range_ms) / 1000);
      case FunctionId::kStep:
        return Number(call, options_.start == options_.end
                                ? 0
                                : static_cast<double>(options_.step_ms) / 1000);
      default:
        break;
    }
    Part part{New(PlanKind::kCall, call, call.function->return_type)};
    const BucketUse outer = bucket_use_;
    switch (id) {
      case FunctionId::kHistogramCount:
      case FunctionId::kHistogramSum:
      case FunctionId::kHistogramAvg:
        bucket_use_.only_totals = true;
        break;
      case FunctionId::kHistogramQuantile:
      case FunctionId::kHistogramQuantiles:
      case FunctionId::kHistogramFraction:
        bucket_use_.buckets = true;
        break;
      default:
        break;
    }
    bool invariant = !DependsOnStep(id);
    bool pinned_selector = id == FunctionId::kTimestamp;
    std::vector<Part> args;
    for (size_t i = 0; i < call.args.size(); i++) {
      const Expr& arg = Unwrap(*call.args[i]);
      if (id == FunctionId::kInfo && i == 1) {
        // Names labels to copy; read by the operator itself, at times of its own. As a selector
        // without @ it makes the call one for every step.
        invariant = false;
        args.push_back({New(PlanKind::kInstantSelector, arg, ValueType::kVector), false, false});
        continue;
      }
      ASSIGN_OR_RETURN(Part converted, Convert(arg, window));
      invariant &= converted.invariant;
      pinned_selector &= converted.invariant && arg.kind == ExprKind::kVectorSelector;
      args.push_back(std::move(converted));
    }
    bucket_use_ = outer;
    if (id == FunctionId::kInfo) NoteInfo(*args[0].plan, window);
    part.invariant = part.wrap = invariant || pinned_selector;
    for (auto& arg : args) {
      part.plan->children.push_back(part.invariant ? std::move(arg.plan) : Settle(std::move(arg)));
    }
    return part;
  }

  // info() looks up its metrics with the modifiers of the first selector in its argument.
  void NoteInfo(const Plan& arg, Window window) {
    std::vector<const Plan*> path;
    const Plan* selector = FirstSelector(arg, &path);
    if (selector != nullptr) {
      int64_t offset = selector->offset_ms;
      std::optional<model::Timestamp> at = selector->at;
      for (size_t i = path.size(); i-- > 0 && !at;) {
        offset += path[i]->offset_ms;
        at = path[i]->at;
      }
      window = Shift(window, at, offset);
    }
    window.start -= options_.lookback_delta_ms - 1;
    info_window_ = has_info_window_ ? Window{std::min(info_window_.start, window.start),
                                             std::max(info_window_.end, window.end)}
                                    : window;
    has_info_window_ = true;
  }

  static const Plan* FirstSelector(const Plan& plan, std::vector<const Plan*>* subqueries) {
    if (plan.kind == PlanKind::kInstantSelector || plan.kind == PlanKind::kRangeSelector) {
      return &plan;
    }
    if (plan.kind == PlanKind::kSubquery) subqueries->push_back(&plan);
    for (const auto& child : plan.children) {
      if (const Plan* found = FirstSelector(*child, subqueries)) return found;
    }
    if (plan.kind == PlanKind::kSubquery) subqueries->pop_back();
    return nullptr;
  }

  base::Result<Part> ConvertAggregate(const AggregateExpr& aggregate, Window window) {
    Part part{New(PlanKind::kAggregate, aggregate, ValueType::kVector)};
    ASSIGN_OR_RETURN(Part operand, Convert(Unwrap(*aggregate.expr), window));
    part.invariant = operand.invariant;
    part.wrap = operand.wrap;
    // As in Prometheus the operand alone decides: over one that is pinned, a parameter counts with
    // its value at the first step.
    part.plan->children.push_back(std::move(operand.plan));
    if (aggregate.param) {
      ASSIGN_OR_RETURN(Part param, Convert(Unwrap(*aggregate.param), window));
      part.plan->children.push_back(Settle(std::move(param)));
    }
    return part;
  }

  base::Result<Part> ConvertBinary(const BinaryExpr& binary, Window window) {
    Part part{New(PlanKind::kBinary, binary, TypeOf(binary))};
    const BucketUse outer = bucket_use_;
    bucket_use_.buckets |= IsTrimOperator(binary.op);
    ASSIGN_OR_RETURN(Part lhs, Convert(*binary.lhs, window));
    ASSIGN_OR_RETURN(Part rhs, Convert(*binary.rhs, window));
    bucket_use_ = outer;
    if (IsNumber(lhs) && IsNumber(rhs) && !IsTrimOperator(binary.op)) {
      return Number(binary, ScalarBinary(binary.op, lhs.plan->number, rhs.plan->number));
    }
    if (lhs.invariant && rhs.invariant) {
      part.plan->children.push_back(std::move(lhs.plan));
      part.plan->children.push_back(std::move(rhs.plan));
      part.invariant = part.wrap = true;
      return part;
    }
    part.plan->children.push_back(Settle(std::move(lhs)));
    part.plan->children.push_back(Settle(std::move(rhs)));
    return part;
  }

  static const Expr& Unwrap(const Expr& expr) {
    const Expr* inner = &expr;
    while (const auto* paren = DynAs<ParenExpr>(inner)) inner = paren->expr.get();
    return *inner;
  }

  base::Result<Part> Convert(const Expr& expr, Window window) {
    switch (expr.kind) {
      case ExprKind::kNumberLiteral:
        return Number(expr, As<NumberLiteral>(expr).value);
      case ExprKind::kStringLiteral: {
        Part part{New(PlanKind::kString, expr, ValueType::kString), true, false};
        part.plan->text = As<StringLiteral>(expr).value;
        return part;
      }
      case ExprKind::kVectorSelector:
        return ConvertSelector(As<VectorSelector>(expr), window);
      case ExprKind::kMatrixSelector:
        return ConvertRange(As<MatrixSelector>(expr), window);
      case ExprKind::kSubquery:
        return ConvertSubquery(As<SubqueryExpr>(expr), window);
      case ExprKind::kCall:
        return ConvertCall(As<Call>(expr), window);
      case ExprKind::kAggregate:
        return ConvertAggregate(As<AggregateExpr>(expr), window);
      case ExprKind::kBinary:
        return ConvertBinary(As<BinaryExpr>(expr), window);
      case ExprKind::kParen:
        return Convert(*As<ParenExpr>(expr).expr, window);
      case ExprKind::kStepInvariant:
        return Convert(*As<StepInvariantExpr>(expr).expr, window);
      case ExprKind::kUnary: {
        const auto& unary = As<UnaryExpr>(expr);
        ASSIGN_OR_RETURN(Part operand, Convert(*unary.expr, window));
        if (IsNumber(operand)) {
          const double number = operand.plan->number;
          return Number(expr, unary.negative ? -number : number);
        }
        const PlanKind kind = unary.negative ? PlanKind::kNegate : PlanKind::kUnaryPlus;
        Part part{New(kind, expr, operand.plan->type), operand.invariant, operand.wrap};
        part.plan->children.push_back(std::move(operand.plan));
        return part;
      }
      case ExprKind::kDuration:
        break;
    }
    return base::Internal("duration expression outside of a duration");
  }

  const PlanOptions options_;
  DurationContext durations_;
  QueryPlan plan_;
  BucketUse bucket_use_;
  std::map<std::string, size_t> selections_;
  std::vector<SelectionPlan> pending_;
  bool has_info_window_ = false;
  Window info_window_;
};

}  // namespace

base::Result<QueryPlan> MakePlan(const Expr& expr, const PlanOptions& options) {
  return Planner(options).Make(expr);
}

}  // namespace tributary::promql
