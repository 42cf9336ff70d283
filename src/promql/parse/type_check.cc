// Rules, texts and order of Prometheus promql/parser/parse.go (checkAST).
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "promql/parse/parser_impl.h"

namespace tributary::promql {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Checker {
 public:
  explicit Checker(std::string_view text) : text_(text) {}

  // False after the first error.
  bool Check(Expr& expr);
  std::optional<base::Error> error_;

 private:
  bool Fail(int32_t pos, const std::string& message) {
    error_ = ParseErrorAt(text_, pos, message);
    return false;
  }
  bool ExpectType(Expr& expr, ValueType want, std::string_view context);
  bool CheckAggregate(AggregateExpr& expr);
  bool CheckBinary(BinaryExpr& expr);
  bool CheckCall(Call& call);
  bool CheckSelector(const VectorSelector& selector);
  // Where the operator stands, for errors about it.
  int32_t OperatorPos(const BinaryExpr& expr) const;

  std::string_view text_;
};

bool Checker::Check(Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kNumberLiteral:
    case ExprKind::kStringLiteral:
    case ExprKind::kDuration:
      return true;
    case ExprKind::kAggregate:
      return CheckAggregate(As<AggregateExpr>(expr));
    case ExprKind::kBinary:
      return CheckBinary(As<BinaryExpr>(expr));
    case ExprKind::kCall:
      return CheckCall(As<Call>(expr));
    case ExprKind::kParen:
      return Check(*As<ParenExpr>(expr).expr);
    case ExprKind::kStepInvariant:
      return Check(*As<StepInvariantExpr>(expr).expr);
    case ExprKind::kUnary: {
      Expr& operand = *As<UnaryExpr>(expr).expr;
      if (!Check(operand)) return false;
      const ValueType type = TypeOf(operand);
      if (type == ValueType::kScalar || type == ValueType::kVector) return true;
      return Fail(expr.pos.start,
                  fmt::format("unary expression only allowed on expressions of type scalar or "
                              "instant vector, got {}",
                              base::Quote(DocumentedType(type))));
    }
    case ExprKind::kSubquery: {
      Expr& operand = *As<SubqueryExpr>(expr).expr;
      if (!Check(operand)) return false;
      const ValueType type = TypeOf(operand);
      if (type == ValueType::kVector) return true;
      return Fail(expr.pos.start,
                  fmt::format("subquery is only allowed on instant vector, got {} instead",
                              ValueTypeName(type)));
    }
    case ExprKind::kMatrixSelector:
      return Check(*As<MatrixSelector>(expr).selector);
    case ExprKind::kVectorSelector:
      return CheckSelector(As<VectorSelector>(expr));
  }
  return true;
}

bool Checker::ExpectType(Expr& expr, ValueType want, std::string_view context) {
  if (!Check(expr)) return false;
  const ValueType got = TypeOf(expr);
  if (got == want) return true;
  return Fail(expr.pos.start, fmt::format("expected type {} in {}, got {}", DocumentedType(want),
                                          context, DocumentedType(got)));
}

bool Checker::CheckAggregate(AggregateExpr& expr) {
  if (!ExpectType(*expr.expr, ValueType::kVector, "aggregation expression")) return false;
  if (!expr.param) return true;
  const ValueType want =
      expr.op == AggregateOp::kCountValues ? ValueType::kString : ValueType::kScalar;
  return ExpectType(*expr.param, want, "aggregation parameter");
}

int32_t Checker::OperatorPos(const BinaryExpr& expr) const {
  auto pos = static_cast<size_t>(expr.lhs->pos.end);
  while (pos < text_.size() && IsSpace(text_[pos])) ++pos;
  return static_cast<int32_t>(pos);
}

bool Checker::CheckBinary(BinaryExpr& expr) {
  if (!Check(*expr.lhs) || !Check(*expr.rhs)) return false;
  const ValueType left = TypeOf(*expr.lhs);
  const ValueType right = TypeOf(*expr.rhs);
  const int32_t pos = expr.pos.start;
  if (expr.return_bool && !IsComparison(expr.op)) {
    return Fail(OperatorPos(expr), "bool modifier can only be used on comparison operators");
  }
  if (IsComparison(expr.op) && !expr.return_bool && left == ValueType::kScalar &&
      right == ValueType::kScalar) {
    return Fail(OperatorPos(expr), "comparisons between scalars must use BOOL modifier");
  }
  VectorMatching& matching = *expr.matching;
  const bool set_operator = IsSetOperator(expr.op);
  if (set_operator && matching.card == MatchCardinality::kOneToOne) {
    matching.card = MatchCardinality::kManyToMany;
  }
  if (matching.on) {
    for (const std::string& label : matching.labels) {
      for (const std::string& included : matching.include) {
        if (label == included) {
          return Fail(OperatorPos(expr),
                      fmt::format("label {} must not occur in ON and GROUP clause at once",
                                  base::Quote(label)));
        }
      }
    }
  }
  constexpr std::string_view kTypes =
      "binary expression must contain only scalar and instant vector types";
  const auto fits = [](ValueType t) { return t == ValueType::kScalar || t == ValueType::kVector; };
  if (!fits(left)) return Fail(expr.lhs->pos.start, std::string(kTypes));
  if (!fits(right)) return Fail(expr.rhs->pos.start, std::string(kTypes));
  const bool filled = matching.fill_left || matching.fill_right;
  if (left != ValueType::kVector || right != ValueType::kVector) {
    if (!matching.labels.empty()) {
      return Fail(pos, "vector matching only allowed between instant vectors");
    }
    if (filled) {
      return Fail(pos, "filling in missing series only allowed between instant vectors");
    }
    if (set_operator) {
      return Fail(pos, fmt::format("set operator {} not allowed in binary scalar expression",
                                   base::Quote(BinaryOpSymbol(expr.op))));
    }
    expr.matching.reset();
    return true;
  }
  if (set_operator) {
    if (matching.card != MatchCardinality::kManyToMany) {
      return Fail(pos, fmt::format("no grouping allowed for {} operation",
                                   base::Quote(BinaryOpSymbol(expr.op))));
    }
    if (filled) return Fail(pos, "filling in missing series not allowed for set operators");
  }
  return true;
}

bool Checker::CheckCall(Call& call) {
  const Function& function = *call.function;
  const std::string name = base::Quote(function.name);
  const auto types = function.arg_types();
  const size_t got = call.args.size();
  const int32_t pos = call.pos.start;
  if (function.variadic == 0) {
    if (types.size() != got) {
      return Fail(pos, fmt::format("expected {} argument(s) in call to {}, got {}", types.size(),
                                   name, got));
    }
  } else {
    const size_t least = types.size() - 1;
    if (got < least) {
      return Fail(pos, fmt::format("expected at least {} argument(s) in call to {}, got {}", least,
                                   name, got));
    }
    const size_t most = least + static_cast<size_t>(std::max<int>(function.variadic, 0));
    if (function.variadic > 0 && got > most) {
      return Fail(pos, fmt::format("expected at most {} argument(s) in call to {}, got {}", most,
                                   name, got));
    }
  }
  if (function.id == FunctionId::kInfo && got > 1) {
    Expr& selectors = *call.args[1];
    if (TypeOf(selectors) != ValueType::kVector) {
      return Fail(pos, fmt::format("expected type {} in call to function {}, got {}",
                                   DocumentedType(ValueType::kVector), name,
                                   DocumentedType(TypeOf(selectors))));
    }
    auto* selector = DynAs<VectorSelector>(&selectors);
    if (selector == nullptr) return Fail(selectors.pos.start, "expected label selectors only");
    if (!selector->name.empty()) {
      return Fail(selectors.pos.start,
                  "expected label selectors only, got vector selector instead");
    }
    selector->bypass_empty_matcher_check = true;
  }
  for (size_t i = 0; i < got; ++i) {
    const ValueType want = types[std::min(i, types.size() - 1)];
    if (!Check(*call.args[i])) return false;
    const ValueType type = TypeOf(*call.args[i]);
    if (type != want) {
      return Fail(call.args[i]->pos.start,
                  fmt::format("expected type {} in call to function {}, got {}",
                              DocumentedType(want), name, DocumentedType(type)));
    }
  }
  return true;
}

bool Checker::CheckSelector(const VectorSelector& selector) {
  if (!selector.name.empty()) {
    // The last matcher is the one made of the name.
    for (size_t i = 0; i + 1 < selector.matchers.size(); ++i) {
      const model::Matcher& matcher = selector.matchers[i];
      if (matcher.name() == model::kMetricName) {
        return Fail(selector.pos.start,
                    fmt::format("metric name must not be set twice: {} or {}",
                                base::Quote(selector.name), base::Quote(matcher.value())));
      }
    }
    return true;
  }
  if (selector.bypass_empty_matcher_check) return true;
  for (const model::Matcher& matcher : selector.matchers) {
    if (!matcher.MatchesEmpty()) return true;
  }
  return Fail(selector.pos.start, "vector selector must contain at least one non-empty matcher");
}

}  // namespace

base::Status TypeCheck(std::string_view text, Expr& expr) {
  Checker checker(text);
  if (!checker.Check(expr)) return *checker.error_;
  return base::OkStatus();
}

}  // namespace tributary::promql
