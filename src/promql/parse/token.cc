#include "promql/parse/token.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "promql/parse/literals.h"

namespace tributary::promql {

using enum TokenType;

bool IsCallableKeyword(TokenType type) { return type >= kStart && type <= kMinOf; }

bool IsMetricIdentifier(TokenType type) {
  switch (type) {
    case kIdentifier:
    case kMetricIdentifier:
    case kBy:
    case kWithout:
    case kFill:
    case kFillLeft:
    case kFillRight:
    case kAnd:
    case kOr:
    case kUnless:
    case kOffset:
    case kAnchored:
    case kSmoothed:
      return true;
    default:
      return IsAggregatorToken(type) || IsCallableKeyword(type);
  }
}

bool IsGroupingLabel(TokenType type) {
  switch (type) {
    case kWithout:
      return false;
    case kAtan2:
    case kBool:
    case kGroupLeft:
    case kGroupRight:
    case kIgnoring:
    case kOn:
      return true;
    default:
      return IsMetricIdentifier(type);
  }
}

bool StartsExpression(TokenType type) {
  switch (type) {
    case kNumber:
    case kDuration:
    case kString:
    case kLeftParen:
    case kLeftBrace:
    case kAdd:
    case kSub:
      return true;
    default:
      return IsMetricIdentifier(type);
  }
}

std::string DescribeToken(const Token& token) {
  const auto quoted = [&] {
    // At most ten runes are shown.
    size_t bytes = 0;
    size_t runes = 0;
    while (bytes < token.text.size() && runes < 10) {
      bytes += DecodeRune(token.text.substr(bytes)).width;
      ++runes;
    }
    if (token.text.size() <= 10) return base::Quote(token.text);
    return base::Quote(token.text.substr(0, bytes)) + "...";
  };
  switch (token.type) {
    case kEof:
      return "end of input";
    case kIdentifier:
      return "identifier " + base::Quote(token.text);
    case kMetricIdentifier:
      return "metric identifier " + base::Quote(token.text);
    case kNumber:
      return "number " + quoted();
    case kDuration:
      return "duration " + quoted();
    case kString:
      return "string " + quoted();
    default:
      break;
  }
  if (IsKeywordToken(token.type)) return fmt::format("<{}>", token.text);
  if (IsOperatorToken(token.type)) return fmt::format("<op:{}>", token.text);
  if (IsAggregatorToken(token.type)) return fmt::format("<aggr:{}>", token.text);
  return quoted();
}

}  // namespace tributary::promql
