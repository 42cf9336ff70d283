#include "promql/parse/ast.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "promql/parse/parser.h"

namespace tributary::promql {
namespace {

std::unique_ptr<DurationExpr> CloneDuration(const std::unique_ptr<DurationExpr>& expr) {
  if (!expr) return nullptr;
  return std::unique_ptr<DurationExpr>(static_cast<DurationExpr*>(Clone(*expr).release()));
}

ExprPtr CloneOrNull(const ExprPtr& expr) { return expr ? Clone(*expr) : nullptr; }

ExprPtr CloneNode(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kNumberLiteral: {
      const auto& from = As<NumberLiteral>(expr);
      auto to = std::make_unique<NumberLiteral>(from.value);
      to->is_duration = from.is_duration;
      return to;
    }
    case ExprKind::kStringLiteral: {
      auto to = std::make_unique<StringLiteral>();
      to->value = As<StringLiteral>(expr).value;
      return to;
    }
    case ExprKind::kDuration: {
      const auto& from = As<DurationExpr>(expr);
      auto to = std::make_unique<DurationExpr>(from.op);
      to->lhs = CloneOrNull(from.lhs);
      to->rhs = CloneOrNull(from.rhs);
      to->wrapped = from.wrapped;
      return to;
    }
    case ExprKind::kVectorSelector: {
      const auto& from = As<VectorSelector>(expr);
      auto to = std::make_unique<VectorSelector>();
      to->name = from.name;
      to->matchers = from.matchers;
      to->offset_ms = from.offset_ms;
      to->offset_expr = CloneDuration(from.offset_expr);
      to->at = from.at;
      to->anchored = from.anchored;
      to->smoothed = from.smoothed;
      to->bypass_empty_matcher_check = from.bypass_empty_matcher_check;
      return to;
    }
    case ExprKind::kMatrixSelector: {
      const auto& from = As<MatrixSelector>(expr);
      auto to = std::make_unique<MatrixSelector>();
      to->selector = Clone(*from.selector);
      to->range_ms = from.range_ms;
      to->range_expr = CloneDuration(from.range_expr);
      return to;
    }
    case ExprKind::kSubquery: {
      const auto& from = As<SubqueryExpr>(expr);
      auto to = std::make_unique<SubqueryExpr>();
      to->expr = Clone(*from.expr);
      to->range_ms = from.range_ms;
      to->range_expr = CloneDuration(from.range_expr);
      to->step_ms = from.step_ms;
      to->step_expr = CloneDuration(from.step_expr);
      to->offset_ms = from.offset_ms;
      to->offset_expr = CloneDuration(from.offset_expr);
      to->at = from.at;
      return to;
    }
    case ExprKind::kCall: {
      const auto& from = As<Call>(expr);
      auto to = std::make_unique<Call>();
      to->function = from.function;
      for (const ExprPtr& arg : from.args) to->args.push_back(Clone(*arg));
      return to;
    }
    case ExprKind::kAggregate: {
      const auto& from = As<AggregateExpr>(expr);
      auto to = std::make_unique<AggregateExpr>(from.op);
      to->without = from.without;
      to->grouping = from.grouping;
      to->expr = CloneOrNull(from.expr);
      to->param = CloneOrNull(from.param);
      return to;
    }
    case ExprKind::kBinary: {
      const auto& from = As<BinaryExpr>(expr);
      auto to = std::make_unique<BinaryExpr>(from.op);
      to->return_bool = from.return_bool;
      to->lhs = Clone(*from.lhs);
      to->rhs = Clone(*from.rhs);
      to->matching = from.matching;
      return to;
    }
    case ExprKind::kUnary: {
      auto to = std::make_unique<UnaryExpr>();
      to->negative = As<UnaryExpr>(expr).negative;
      to->expr = Clone(*As<UnaryExpr>(expr).expr);
      return to;
    }
    case ExprKind::kParen: {
      auto to = std::make_unique<ParenExpr>();
      to->expr = Clone(*As<ParenExpr>(expr).expr);
      return to;
    }
    case ExprKind::kStepInvariant: {
      auto to = std::make_unique<StepInvariantExpr>();
      to->expr = Clone(*As<StepInvariantExpr>(expr).expr);
      return to;
    }
  }
  return nullptr;
}

bool SameNumber(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

bool SameOptional(const std::optional<double>& a, const std::optional<double>& b) {
  return a.has_value() == b.has_value() && (!a || SameNumber(*a, *b));
}

template <class T>
bool SameOrNull(const std::unique_ptr<T>& a, const std::unique_ptr<T>& b) {
  return a && b ? SameTree(*a, *b) : !a && !b;
}

bool SameMatchers(const std::vector<model::Matcher>& a, const std::vector<model::Matcher>& b) {
  const auto texts = [](const std::vector<model::Matcher>& matchers) {
    std::vector<std::string> out;
    for (const model::Matcher& m : matchers) out.push_back(m.ToString());
    std::ranges::sort(out);
    return out;
  };
  return a.size() == b.size() && texts(a) == texts(b);
}

bool SameMatching(const std::optional<VectorMatching>& a, const std::optional<VectorMatching>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->card == b->card && a->on == b->on && a->labels == b->labels &&
         a->include == b->include && SameOptional(a->fill_left, b->fill_left) &&
         SameOptional(a->fill_right, b->fill_right);
}

}  // namespace

std::string_view DocumentedType(ValueType type) {
  switch (type) {
    case ValueType::kScalar:
      return "scalar";
    case ValueType::kVector:
      return "instant vector";
    case ValueType::kMatrix:
      return "range vector";
    case ValueType::kString:
      return "string";
    case ValueType::kNone:
      break;
  }
  return "none";
}

std::string_view ValueTypeName(ValueType type) {
  switch (type) {
    case ValueType::kScalar:
      return "scalar";
    case ValueType::kVector:
      return "vector";
    case ValueType::kMatrix:
      return "matrix";
    case ValueType::kString:
      return "string";
    case ValueType::kNone:
      break;
  }
  return "none";
}

std::string_view AggregateOpName(AggregateOp op) {
  static constexpr std::string_view kNames[] = {
      "avg",      "bottomk", "count",  "count_values", "group", "max",    "min",
      "quantile", "stddev",  "stdvar", "sum",          "topk",  "limitk", "limit_ratio"};
  return kNames[static_cast<size_t>(op)];
}

bool TakesParameter(AggregateOp op) {
  switch (op) {
    case AggregateOp::kBottomK:
    case AggregateOp::kCountValues:
    case AggregateOp::kQuantile:
    case AggregateOp::kTopK:
    case AggregateOp::kLimitK:
    case AggregateOp::kLimitRatio:
      return true;
    default:
      return false;
  }
}

std::string_view BinaryOpSymbol(BinaryOp op) {
  static constexpr std::string_view kSymbols[] = {"+",     "-",  "*",  "/",   "%",  "^",
                                                  "atan2", "==", "!=", ">",   ">=", "<",
                                                  "<=",    "</", ">/", "and", "or", "unless"};
  return kSymbols[static_cast<size_t>(op)];
}

std::string_view MatchCardinalityName(MatchCardinality card) {
  static constexpr std::string_view kNames[] = {"one-to-one", "many-to-one", "one-to-many",
                                                "many-to-many"};
  return kNames[static_cast<size_t>(card)];
}

ValueType TypeOf(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kNumberLiteral:
    case ExprKind::kDuration:
      return ValueType::kScalar;
    case ExprKind::kStringLiteral:
      return ValueType::kString;
    case ExprKind::kVectorSelector:
    case ExprKind::kAggregate:
      return ValueType::kVector;
    case ExprKind::kMatrixSelector:
    case ExprKind::kSubquery:
      return ValueType::kMatrix;
    case ExprKind::kCall:
      return As<Call>(expr).function->return_type;
    case ExprKind::kBinary: {
      const auto& binary = As<BinaryExpr>(expr);
      const bool scalars =
          TypeOf(*binary.lhs) == ValueType::kScalar && TypeOf(*binary.rhs) == ValueType::kScalar;
      return scalars ? ValueType::kScalar : ValueType::kVector;
    }
    case ExprKind::kUnary:
      return TypeOf(*As<UnaryExpr>(expr).expr);
    case ExprKind::kParen:
      return TypeOf(*As<ParenExpr>(expr).expr);
    case ExprKind::kStepInvariant:
      return TypeOf(*As<StepInvariantExpr>(expr).expr);
  }
  return ValueType::kNone;
}

ExprPtr Clone(const Expr& expr) {
  ExprPtr copy = CloneNode(expr);
  copy->pos = expr.pos;
  copy->depth = expr.depth;
  return copy;
}

bool SameTree(const Expr& a, const Expr& b) {
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case ExprKind::kNumberLiteral: {
      const auto& x = As<NumberLiteral>(a);
      const auto& y = As<NumberLiteral>(b);
      return SameNumber(x.value, y.value) && x.is_duration == y.is_duration;
    }
    case ExprKind::kStringLiteral:
      return As<StringLiteral>(a).value == As<StringLiteral>(b).value;
    case ExprKind::kDuration: {
      const auto& x = As<DurationExpr>(a);
      const auto& y = As<DurationExpr>(b);
      return x.op == y.op && x.wrapped == y.wrapped && SameOrNull(x.lhs, y.lhs) &&
             SameOrNull(x.rhs, y.rhs);
    }
    case ExprKind::kVectorSelector: {
      const auto& x = As<VectorSelector>(a);
      const auto& y = As<VectorSelector>(b);
      return x.name == y.name && SameMatchers(x.matchers, y.matchers) &&
             x.offset_ms == y.offset_ms && SameOrNull(x.offset_expr, y.offset_expr) &&
             x.at == y.at && x.anchored == y.anchored && x.smoothed == y.smoothed;
    }
    case ExprKind::kMatrixSelector: {
      const auto& x = As<MatrixSelector>(a);
      const auto& y = As<MatrixSelector>(b);
      return x.range_ms == y.range_ms && SameOrNull(x.range_expr, y.range_expr) &&
             SameTree(*x.selector, *y.selector);
    }
    case ExprKind::kSubquery: {
      const auto& x = As<SubqueryExpr>(a);
      const auto& y = As<SubqueryExpr>(b);
      return x.range_ms == y.range_ms && SameOrNull(x.range_expr, y.range_expr) &&
             x.step_ms == y.step_ms && SameOrNull(x.step_expr, y.step_expr) &&
             x.offset_ms == y.offset_ms && SameOrNull(x.offset_expr, y.offset_expr) &&
             x.at == y.at && SameTree(*x.expr, *y.expr);
    }
    case ExprKind::kCall: {
      const auto& x = As<Call>(a);
      const auto& y = As<Call>(b);
      return x.function == y.function &&
             std::ranges::equal(x.args, y.args, [](const ExprPtr& l, const ExprPtr& r) {
               return SameTree(*l, *r);
             });
    }
    case ExprKind::kAggregate: {
      const auto& x = As<AggregateExpr>(a);
      const auto& y = As<AggregateExpr>(b);
      return x.op == y.op && x.without == y.without && x.grouping == y.grouping &&
             SameOrNull(x.expr, y.expr) && SameOrNull(x.param, y.param);
    }
    case ExprKind::kBinary: {
      const auto& x = As<BinaryExpr>(a);
      const auto& y = As<BinaryExpr>(b);
      return x.op == y.op && x.return_bool == y.return_bool &&
             SameMatching(x.matching, y.matching) && SameTree(*x.lhs, *y.lhs) &&
             SameTree(*x.rhs, *y.rhs);
    }
    case ExprKind::kUnary:
      return As<UnaryExpr>(a).negative == As<UnaryExpr>(b).negative &&
             SameTree(*As<UnaryExpr>(a).expr, *As<UnaryExpr>(b).expr);
    case ExprKind::kParen:
      return SameTree(*As<ParenExpr>(a).expr, *As<ParenExpr>(b).expr);
    case ExprKind::kStepInvariant:
      return SameTree(*As<StepInvariantExpr>(a).expr, *As<StepInvariantExpr>(b).expr);
  }
  return false;
}

}  // namespace tributary::promql
