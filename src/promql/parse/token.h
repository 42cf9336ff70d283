// The words of PromQL.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tributary::promql {

enum class TokenType : uint8_t {
  kEof,
  kError,
  kIdentifier,
  kMetricIdentifier,  // has a colon
  kNumber,
  kDuration,
  kString,
  // Punctuation.
  kEql,
  kColon,
  kComma,
  kLeftBrace,
  kRightBrace,
  kLeftBracket,
  kRightBracket,
  kLeftParen,
  kRightParen,
  // Operators.
  kAdd,
  kDiv,
  kEqlC,
  kEqlRegex,
  kGte,
  kGtr,
  kTrimUpper,
  kTrimLower,
  kAnd,
  kOr,
  kLss,
  kLte,
  kUnless,
  kMod,
  kMul,
  kNeq,
  kNeqRegex,
  kPow,
  kSub,
  kAt,
  kAtan2,
  // Aggregators.
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
  // Keywords.
  kBool,
  kBy,
  kGroupLeft,
  kGroupRight,
  kFill,
  kFillLeft,
  kFillRight,
  kIgnoring,
  kOffset,
  kSmoothed,
  kAnchored,
  kOn,
  kWithout,
  // Words with a meaning before a parenthesis.
  kStart,
  kEnd,
  kStep,
  kRange,
  kMaxOf,
  kMinOf,
};

inline bool IsOperatorToken(TokenType t) { return t >= TokenType::kAdd && t <= TokenType::kAtan2; }
inline bool IsAggregatorToken(TokenType t) {
  return t >= TokenType::kAvg && t <= TokenType::kLimitRatio;
}
inline bool IsKeywordToken(TokenType t) {
  return t >= TokenType::kBool && t <= TokenType::kWithout;
}

// start, end, step, range, max_of, min_of: functions when a parenthesis follows.
bool IsCallableKeyword(TokenType type);
// Identifiers, and keywords that may name a metric without quotes.
bool IsMetricIdentifier(TokenType type);
// The same for a label in a list of labels.
bool IsGroupingLabel(TokenType type);
bool StartsExpression(TokenType type);

// `text` is the source text of the token, or what is wrong for kError; a view of the query text or
// of the lexer.
struct Token {
  TokenType type = TokenType::kEof;
  int32_t pos = 0;
  std::string_view text;

  int32_t end() const { return pos + static_cast<int32_t>(text.size()); }
};

// How "unexpected …" names the token: `identifier "foo"`, `<op:+>`, `end of input`.
std::string DescribeToken(const Token& token);

}  // namespace tributary::promql
