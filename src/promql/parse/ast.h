// The syntax tree of a PromQL expression (grammar of Prometheus 3.14). Every node owns its children
// and knows the bytes of the text it came from. Switch over `kind`, then cast with As<T>():
//
//   switch (expr.kind) {
//     case ExprKind::kCall: return EvalCall(As<Call>(expr)); …
//
// or ask with `if (const auto* call = DynAs<Call>(&expr))`. The tree's depth is bounded by the
// parser (ParserOptions::max_depth), so recursion over it is safe. Trees are thread-compatible.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/matcher.h"
#include "promql/parse/functions_table.h"
#include "promql/parse/value_type.h"

namespace tributary::promql {

// Bytes [start, end) of the query text; -1 when unknown.
struct PosRange {
  int32_t start = -1;
  int32_t end = -1;
  friend bool operator==(const PosRange&, const PosRange&) = default;
};

enum class ExprKind : uint8_t {
  kNumberLiteral,
  kStringLiteral,
  kVectorSelector,
  kMatrixSelector,
  kSubquery,
  kCall,
  kAggregate,
  kBinary,
  kUnary,
  kParen,
  kStepInvariant,
  kDuration,
};

struct Expr {
  explicit Expr(ExprKind k) : kind(k) {}
  virtual ~Expr() = default;
  Expr(const Expr&) = delete;
  Expr& operator=(const Expr&) = delete;

  const ExprKind kind;
  uint16_t depth = 1;  // levels of this tree, as built by the parser
  PosRange pos;
};
using ExprPtr = std::unique_ptr<Expr>;

// REQUIRES: expr.kind == T::kKind.
template <class T>
T& As(Expr& expr) {
  return static_cast<T&>(expr);
}
template <class T>
const T& As(const Expr& expr) {
  return static_cast<const T&>(expr);
}
// Null when it is another kind, or null.
template <class T>
T* DynAs(Expr* expr) {
  return expr != nullptr && expr->kind == T::kKind ? static_cast<T*>(expr) : nullptr;
}
template <class T>
const T* DynAs(const Expr* expr) {
  return expr != nullptr && expr->kind == T::kKind ? static_cast<const T*>(expr) : nullptr;
}

struct NumberLiteral final : Expr {
  static constexpr ExprKind kKind = ExprKind::kNumberLiteral;
  explicit NumberLiteral(double v = 0) : Expr(kKind), value(v) {}
  double value;
  bool is_duration = false;  // written as 1h30m: value is seconds, prints as a duration
};

struct StringLiteral final : Expr {
  static constexpr ExprKind kKind = ExprKind::kStringLiteral;
  StringLiteral() : Expr(kKind) {}
  std::string value;  // unquoted
};

// Arithmetic over durations in seconds, inside brackets and after `offset`. Children are
// NumberLiteral or DurationExpr. Its value may depend on the step and range of the query.
enum class DurationOp : uint8_t {
  kAdd,  // unary when lhs is null
  kSub,  // unary when lhs is null
  kMul,
  kDiv,
  kMod,
  kPow,
  kStep,   // step(): no operands
  kRange,  // range(): no operands
  kMinOf,
  kMaxOf,
};
struct DurationExpr final : Expr {
  static constexpr ExprKind kKind = ExprKind::kDuration;
  explicit DurationExpr(DurationOp o) : Expr(kKind), op(o) {}
  DurationOp op;
  ExprPtr lhs;
  ExprPtr rhs;
  bool wrapped = false;  // stood in parentheses
};

// What follows `@`: nothing, a timestamp, start() or end().
enum class AtKind : uint8_t { kNone, kTimestamp, kStart, kEnd };
struct AtModifier {
  AtKind kind = AtKind::kNone;
  int64_t timestamp_ms = 0;  // for kTimestamp
  friend bool operator==(const AtModifier&, const AtModifier&) = default;
};

struct VectorSelector final : Expr {
  static constexpr ExprKind kKind = ExprKind::kVectorSelector;
  VectorSelector() : Expr(kKind) {}
  std::string name;  // "" unless written before the braces
  // In order of text; the one that `name` stands for comes last.
  std::vector<model::Matcher> matchers;
  int64_t offset_ms = 0;                      // as written
  std::unique_ptr<DurationExpr> offset_expr;  // set instead of offset_ms for `offset (…)`
  AtModifier at;
  bool anchored = false;
  bool smoothed = false;
  // The second argument of info(): may match everything.
  bool bypass_empty_matcher_check = false;
};

struct MatrixSelector final : Expr {
  static constexpr ExprKind kKind = ExprKind::kMatrixSelector;
  MatrixSelector() : Expr(kKind) {}
  const VectorSelector& vector() const { return As<VectorSelector>(*selector); }
  VectorSelector& vector() { return As<VectorSelector>(*selector); }
  ExprPtr selector;  // a VectorSelector, which also carries offset, @, anchored, smoothed
  int64_t range_ms = 0;
  std::unique_ptr<DurationExpr> range_expr;  // set instead of range_ms
};

struct SubqueryExpr final : Expr {
  static constexpr ExprKind kKind = ExprKind::kSubquery;
  SubqueryExpr() : Expr(kKind) {}
  ExprPtr expr;
  int64_t range_ms = 0;
  std::unique_ptr<DurationExpr> range_expr;
  int64_t step_ms = 0;  // 0 without step_expr: the default step
  std::unique_ptr<DurationExpr> step_expr;
  int64_t offset_ms = 0;
  std::unique_ptr<DurationExpr> offset_expr;
  AtModifier at;
};

struct Call final : Expr {
  static constexpr ExprKind kKind = ExprKind::kCall;
  Call() : Expr(kKind) {}
  const Function* function = nullptr;  // never null in a parsed tree; static storage
  std::vector<ExprPtr> args;
};

enum class AggregateOp : uint8_t {
  kAvg,
  kBottomK,
  kCount,
  kCountValues,
  kGroup,
  kMax,
  kMin,
  kQuantile,
  kStddev,
  kStdvar,
  kSum,
  kTopK,
  kLimitK,
  kLimitRatio,
};
std::string_view AggregateOpName(AggregateOp op);
// topk, bottomk, limitk, limit_ratio, quantile, count_values.
bool TakesParameter(AggregateOp op);

struct AggregateExpr final : Expr {
  static constexpr ExprKind kKind = ExprKind::kAggregate;
  explicit AggregateExpr(AggregateOp o) : Expr(kKind), op(o) {}
  AggregateOp op;
  bool without = false;
  std::vector<std::string> grouping;  // as written
  ExprPtr expr;
  ExprPtr param;  // null unless TakesParameter(op)
};

enum class BinaryOp : uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kPow,
  kAtan2,
  kEq,
  kNe,
  kGt,
  kGe,
  kLt,
  kLe,
  kTrimUpper,  // </
  kTrimLower,  // >/
  kAnd,
  kOr,
  kUnless,
};
std::string_view BinaryOpSymbol(BinaryOp op);  // "+", "and", "</"
inline bool IsComparison(BinaryOp op) { return op >= BinaryOp::kEq && op <= BinaryOp::kLe; }
inline bool IsSetOperator(BinaryOp op) { return op >= BinaryOp::kAnd; }
inline bool IsTrimOperator(BinaryOp op) {
  return op == BinaryOp::kTrimUpper || op == BinaryOp::kTrimLower;
}

enum class MatchCardinality : uint8_t { kOneToOne, kManyToOne, kOneToMany, kManyToMany };
std::string_view MatchCardinalityName(MatchCardinality card);  // "one-to-one"

struct VectorMatching {
  MatchCardinality card = MatchCardinality::kOneToOne;  // kManyToMany for set operators
  bool on = false;                                      // else ignoring
  std::vector<std::string> labels;                      // as written
  std::vector<std::string> include;                     // of group_left/group_right, as written
  std::optional<double> fill_left;                      // value of a missing left-hand sample
  std::optional<double> fill_right;
  friend bool operator==(const VectorMatching&, const VectorMatching&) = default;
};

struct BinaryExpr final : Expr {
  static constexpr ExprKind kKind = ExprKind::kBinary;
  explicit BinaryExpr(BinaryOp o) : Expr(kKind), op(o) {}
  BinaryOp op;
  bool return_bool = false;
  ExprPtr lhs;
  ExprPtr rhs;
  std::optional<VectorMatching> matching;  // set when both sides are instant vectors
};

struct UnaryExpr final : Expr {
  static constexpr ExprKind kKind = ExprKind::kUnary;
  UnaryExpr() : Expr(kKind) {}
  bool negative = false;  // '-', else '+'
  ExprPtr expr;
};

struct ParenExpr final : Expr {
  static constexpr ExprKind kKind = ExprKind::kParen;
  ParenExpr() : Expr(kKind) {}
  ExprPtr expr;
};

// Never made by the parser: a planner wraps what has the same value at every step.
struct StepInvariantExpr final : Expr {
  static constexpr ExprKind kKind = ExprKind::kStepInvariant;
  StepInvariantExpr() : Expr(kKind) {}
  ExprPtr expr;
};

// The type an expression evaluates to. kNone only for trees that failed the type check.
ValueType TypeOf(const Expr& expr);

ExprPtr Clone(const Expr& expr);

// Calls fn(child) for each direct child expression (not duration expressions), in order of
// evaluation in Prometheus: an aggregate's operand before its parameter.
template <class E, class Fn>
void ForEachChild(E& expr, Fn&& fn) {
  switch (expr.kind) {
    case ExprKind::kNumberLiteral:
    case ExprKind::kStringLiteral:
    case ExprKind::kVectorSelector:
    case ExprKind::kDuration:
      return;
    case ExprKind::kMatrixSelector:
      fn(*As<MatrixSelector>(expr).selector);
      return;
    case ExprKind::kSubquery:
      fn(*As<SubqueryExpr>(expr).expr);
      return;
    case ExprKind::kCall:
      for (auto& arg : As<Call>(expr).args) fn(*arg);
      return;
    case ExprKind::kAggregate: {
      auto& aggregate = As<AggregateExpr>(expr);
      if (aggregate.expr) fn(*aggregate.expr);
      if (aggregate.param) fn(*aggregate.param);
      return;
    }
    case ExprKind::kBinary:
      fn(*As<BinaryExpr>(expr).lhs);
      fn(*As<BinaryExpr>(expr).rhs);
      return;
    case ExprKind::kUnary:
      fn(*As<UnaryExpr>(expr).expr);
      return;
    case ExprKind::kParen:
      fn(*As<ParenExpr>(expr).expr);
      return;
    case ExprKind::kStepInvariant:
      fn(*As<StepInvariantExpr>(expr).expr);
      return;
  }
}

}  // namespace tributary::promql
