// Arithmetic over durations, inside brackets and after `offset`.
#include <utility>

#include "promql/parse/literals.h"
#include "promql/parse/parser_impl.h"

namespace tributary::promql {
namespace {

using enum TokenType;

struct DurationOperator {
  DurationOp op;
  int precedence;  // 0: not an operator
};

constexpr int kLowest = 1;
constexpr int kPowPrecedence = 3;

DurationOperator DurationOperatorOf(TokenType type) {
  switch (type) {
    case kAdd:
      return {DurationOp::kAdd, 1};
    case kSub:
      return {DurationOp::kSub, 1};
    case kMul:
      return {DurationOp::kMul, 2};
    case kDiv:
      return {DurationOp::kDiv, 2};
    case kMod:
      return {DurationOp::kMod, 2};
    case kPow:
      return {DurationOp::kPow, kPowPrecedence};
    default:
      return {DurationOp::kAdd, 0};
  }
}

// Marks what stood in parentheses. A number has no room for the mark: it becomes +number.
ExprPtr Wrap(ExprPtr expr, PosRange pos) {
  if (auto* duration = DynAs<DurationExpr>(expr.get())) {
    duration->wrapped = true;
    return expr;
  }
  auto plus = std::make_unique<DurationExpr>(DurationOp::kAdd);
  plus->wrapped = true;
  plus->pos = {pos.start, expr->pos.end};
  plus->depth = 2;
  plus->rhs = std::move(expr);
  return plus;
}

}  // namespace

bool Parser::CheckDurationLiteral(NumberLiteral& number, const PosRange& blamed) {
  constexpr double kLimit = 9223372036854775808.0 / 1e9;
  if (number.value > kLimit || number.value < -kLimit) {
    return Fail(blamed.start, "duration out of range");
  }
  return true;
}

bool Parser::CheckPositive(const Expr& duration) {
  const auto* number = DynAs<NumberLiteral>(&duration);
  if (number == nullptr || !(number->value <= 0)) return true;
  return Fail(duration.pos.start, "duration must be greater than 0");
}

ExprPtr Parser::ParsePositiveDuration() {
  const ScopedContext context(
      *this, {"subquery or range selector", "number, duration, step(), or range()"});
  ExprPtr duration = ParseDuration(kLowest);
  if (!duration || !CheckPositive(*duration)) return nullptr;
  return duration;
}

ExprPtr Parser::ParseDuration(int min_precedence) {
  if (++nesting_ > options_.max_depth) {
    TooDeep(last_end_);
    --nesting_;
    return nullptr;
  }
  ExprPtr lhs = ParseDurationUnary();
  if (lhs) lhs = FinishDurationBinary(std::move(lhs), min_precedence);
  --nesting_;
  return lhs;
}

ExprPtr Parser::FinishDurationBinary(ExprPtr lhs, int min_precedence) {
  while (lhs) {
    const auto [op, precedence] = DurationOperatorOf(Peek().type);
    if (precedence == 0 || precedence < min_precedence) break;
    const Token token = Take();
    ExprPtr rhs = ParseDuration(op == DurationOp::kPow ? precedence : precedence + 1);
    if (!rhs) return nullptr;
    if (op == DurationOp::kDiv || op == DurationOp::kMod) {
      const auto* number = DynAs<NumberLiteral>(rhs.get());
      if (number != nullptr && number->value == 0) {
        Fail(token.pos, op == DurationOp::kDiv ? "division by zero" : "modulo by zero");
        return nullptr;
      }
    }
    auto binary = std::make_unique<DurationExpr>(op);
    binary->pos = {lhs->pos.start, rhs->pos.end};
    const Expr* left = lhs.get();
    const Expr* right = rhs.get();
    binary->lhs = std::move(lhs);
    binary->rhs = std::move(rhs);
    lhs = Deepen(std::move(binary), {left, right});
  }
  return lhs;
}

ExprPtr Parser::ParseDurationUnary() {
  if (Peek().type != kAdd && Peek().type != kSub) return ParseDurationPrimary();
  const Token op = Take();
  ExprPtr operand = ParseDuration(kPowPrecedence);
  if (!operand) return nullptr;
  return NegateDuration(op, std::move(operand));
}

// Applies a sign; '+' leaves an expression as it is.
ExprPtr Parser::NegateDuration(const Token& op, ExprPtr operand) {
  if (auto* number = DynAs<NumberLiteral>(operand.get())) {
    if (op.type == kSub) number->value = -number->value;
    if (!CheckDurationLiteral(*number, {op.pos, op.end()})) return nullptr;
    number->pos.start = op.pos;
    return operand;
  }
  if (op.type == kAdd) return operand;
  auto minus = std::make_unique<DurationExpr>(DurationOp::kSub);
  minus->pos = {op.pos, operand->pos.end};
  const Expr* child = operand.get();
  minus->rhs = std::move(operand);
  return Deepen(std::move(minus), {child});
}

ExprPtr Parser::ParseDurationPrimary() {
  const Token token = Peek();
  switch (token.type) {
    case kNumber:
    case kDuration: {
      ExprPtr number = ParseNumberOrDuration();
      if (!number) return nullptr;
      if (!CheckDurationLiteral(As<NumberLiteral>(*number), number->pos)) return nullptr;
      return number;
    }
    case kLeftParen: {
      Take();
      ExprPtr inner = ParseDuration(kLowest);
      if (!inner || !Expect(kRightParen)) return nullptr;
      return Wrap(std::move(inner), {token.pos, last_end_});
    }
    case kStep:
    case kRange: {
      Take();
      auto call = std::make_unique<DurationExpr>(token.type == kStep ? DurationOp::kStep
                                                                     : DurationOp::kRange);
      if (!Expect(kLeftParen) || !Expect(kRightParen)) return nullptr;
      call->pos = {token.pos, last_end_};
      return call;
    }
    case kMinOf:
    case kMaxOf: {
      Take();
      auto call = std::make_unique<DurationExpr>(token.type == kMinOf ? DurationOp::kMinOf
                                                                      : DurationOp::kMaxOf);
      if (!Expect(kLeftParen)) return nullptr;
      call->lhs = ParseDuration(kLowest);
      if (!call->lhs || !Expect(kComma)) return nullptr;
      call->rhs = ParseDuration(kLowest);
      if (!call->rhs || !Expect(kRightParen)) return nullptr;
      // The place that Prometheus reports for it is that of its operands.
      call->pos = {call->lhs->pos.start, call->rhs->pos.end};
      const Expr* left = call->lhs.get();
      const Expr* right = call->rhs.get();
      return Deepen(std::move(call), {left, right});
    }
    default:
      return Unexpected();
  }
}

// A literal or a call, signed or not, stands alone. Only what begins with a parenthesis or with two
// signs goes on; the latter is put in parentheses, without which it would not parse back.
ExprPtr Parser::ParseOffsetDuration() {
  if (Peek().type == kLeftParen) return ParseDuration(kLowest);
  if (Peek().type != kAdd && Peek().type != kSub) return ParseDurationPrimary();
  const Token op = Take();
  const bool two_signs = Peek().type == kAdd || Peek().type == kSub;
  // A literal is checked together with its sign.
  const bool literal = Peek().type == kNumber || Peek().type == kDuration;
  ExprPtr operand = literal ? ParseNumberOrDuration() : ParseDurationUnary();
  if (operand) operand = NegateDuration(op, std::move(operand));
  if (!operand || !two_signs) return operand;
  const Expr* first = operand.get();
  operand = FinishDurationBinary(std::move(operand), kLowest);
  if (!operand || operand.get() == first) return operand;
  return Wrap(std::move(operand), {op.pos, last_end_});
}

}  // namespace tributary::promql
