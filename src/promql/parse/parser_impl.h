// Parser: recursive descent over the tokens, precedence climbing for operators. One use, one text.
//
// It stops at the first error, which is the one that Prometheus reports. Tokens are read only when
// they are needed to decide, so that a wrong value is found before a wrong character behind it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "promql/parse/ast.h"
#include "promql/parse/lexer.h"
#include "promql/parse/parser.h"
#include "promql/parse/token.h"

namespace tributary::promql {

class Parser {
 public:
  Parser(std::string_view text, const ParserOptions& options)
      : text_(text), options_(options), lexer_(text) {}

  base::Result<ExprPtr> Expression();
  base::Result<std::vector<model::Matcher>> MetricSelector();
  base::Result<model::Labels> Metric();

 private:
  // What an unexpected token is reported to be in and instead of, when nothing closer knows better.
  struct Context {
    std::string_view where;
    std::string_view expected;
  };
  class ScopedContext {
   public:
    ScopedContext(Parser& parser, Context context)
        : parser_(parser), before_(std::exchange(parser.context_, context)) {}
    ~ScopedContext() { parser_.context_ = before_; }
    ScopedContext(const ScopedContext&) = delete;
    ScopedContext& operator=(const ScopedContext&) = delete;

   private:
    Parser& parser_;
    const Context before_;
  };
  class ScopedDepth;

  // Each returns null after an error.
  ExprPtr ParseBinary(int min_precedence);
  ExprPtr ParseUnary();
  ExprPtr ParsePostfix();
  ExprPtr ParsePrimary();
  ExprPtr ParseNumberOrDuration();
  ExprPtr ParseString();
  ExprPtr ParseParen();
  ExprPtr ParseCall(const Token& name);
  ExprPtr ParseAggregate(const Token& op);
  ExprPtr ParseSelector();
  ExprPtr ParseSelectorNamed(const Token& name);
  ExprPtr ParseRange(ExprPtr operand);
  ExprPtr ParseOffset(ExprPtr operand);
  ExprPtr ParseAt(ExprPtr operand);
  ExprPtr ParseExtendedRange(ExprPtr operand);

  // Arithmetic of durations: NumberLiteral or DurationExpr.
  ExprPtr ParseDuration(int min_precedence);
  ExprPtr ParseDurationUnary();
  ExprPtr ParseDurationPrimary();
  ExprPtr ParsePositiveDuration();
  ExprPtr ParseOffsetDuration();
  ExprPtr FinishDurationBinary(ExprPtr lhs, int min_precedence);
  ExprPtr NegateDuration(const Token& op, ExprPtr operand);
  bool CheckPositive(const Expr& duration);
  bool CheckDurationLiteral(NumberLiteral& number, const PosRange& blamed);

  bool ParseArguments(std::vector<ExprPtr>* args, int32_t* end);
  bool ParseBinaryModifiers(BinaryExpr* binary, VectorMatching* matching);
  bool ParseFill(double* value);
  bool ParseGroupingLabels(std::vector<std::string>* labels);
  bool ParseMatchers(std::vector<model::Matcher>* matchers);
  bool ParseOneMatcher(std::vector<model::Matcher>* matchers);
  bool ParseLabelSet(std::vector<std::pair<std::string, std::string>>* labels);
  std::optional<std::string> UnquoteToken(const Token& token);

  const Token& Peek();
  Token Take();
  bool Expect(TokenType type);  // takes it, or reports it as unexpected
  bool ExpectEnd();

  // Both keep only the first error. Return false and null for the callers' convenience.
  bool Fail(int32_t pos, std::string message);
  std::nullptr_t Unexpected() { return Unexpected(context_.where, context_.expected); }
  std::nullptr_t Unexpected(std::string_view where, std::string_view expected);

  // Sets the node's depth from its children's; null when it is too deep.
  ExprPtr Deepen(ExprPtr node, std::initializer_list<const Expr*> children);
  bool TooDeep(int32_t pos);

  std::string_view text_;
  ParserOptions options_;
  Lexer lexer_;
  Token token_;
  bool have_token_ = false;
  int32_t last_end_ = 0;  // of the last token taken
  int nesting_ = 0;
  Context context_;
  std::optional<base::Error> error_;
};

// A parse error at a byte of `text`.
base::Error ParseErrorAt(std::string_view text, int32_t pos, std::string_view message);

// The first type error of a tree, in Prometheus's order; also settles the vector matching of binary
// expressions (dropped unless both sides are vectors, many-to-many for set operators).
base::Status TypeCheck(std::string_view text, Expr& expr);

}  // namespace tributary::promql
