// The rules are those of Prometheus promql/parser/lex.go, error texts and places included.
#include "promql/parse/lexer.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "promql/parse/literals.h"

namespace tributary::promql {
namespace {

using enum TokenType;

constexpr std::pair<std::string_view, TokenType> kKeywords[] = {
    {"and", kAnd},
    {"or", kOr},
    {"unless", kUnless},
    {"atan2", kAtan2},
    {"sum", kSum},
    {"avg", kAvg},
    {"count", kCount},
    {"min", kMin},
    {"max", kMax},
    {"group", kGroup},
    {"stddev", kStddev},
    {"stdvar", kStdvar},
    {"topk", kTopK},
    {"bottomk", kBottomK},
    {"count_values", kCountValues},
    {"quantile", kQuantile},
    {"limitk", kLimitK},
    {"limit_ratio", kLimitRatio},
    {"offset", kOffset},
    {"smoothed", kSmoothed},
    {"anchored", kAnchored},
    {"by", kBy},
    {"without", kWithout},
    {"on", kOn},
    {"ignoring", kIgnoring},
    {"group_left", kGroupLeft},
    {"group_right", kGroupRight},
    {"fill", kFill},
    {"fill_left", kFillLeft},
    {"fill_right", kFillRight},
    {"bool", kBool},
    {"start", kStart},
    {"end", kEnd},
    {"step", kStep},
    {"range", kRange},
    {"max_of", kMaxOf},
    {"min_of", kMinOf},
    {"inf", kNumber},
    {"nan", kNumber},
};
constexpr size_t kLongestKeyword = 12;

// kEof when the word is none.
TokenType FindKeyword(std::string_view word) {
  if (word.size() > kLongestKeyword) return kEof;
  const std::string lower = base::ToLower(word);
  for (const auto& [text, type] : kKeywords) {
    if (text == lower) return type;
  }
  return kEof;
}

constexpr std::string_view kDigits = "0123456789";

bool IsSpace(int32_t r) { return r == ' ' || r == '\t' || r == '\n' || r == '\r'; }
bool IsDigit(int32_t r) { return r >= '0' && r <= '9'; }
bool IsAlpha(int32_t r) { return r == '_' || (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z'); }
bool IsAlphaNumeric(int32_t r) { return IsAlpha(r) || IsDigit(r); }

// step, range, max_of, min_of.
bool StartsDurationKeyword(int32_t r) {
  return r == 's' || r == 'r' || r == 'm' || r == 'S' || r == 'R' || r == 'M';
}

// U+0063 'c', as Go's %#U.
std::string DescribeRune(int32_t r) {
  std::string text = fmt::format("U+{:04X}", r);
  std::string quoted = QuoteRune(r);
  if (quoted[1] != '\\' || r == '\\' || r == '\'') {
    text += ' ';
    text += '\'';
    AppendRune(&text, r);
    text += '\'';
  }
  return text;
}

}  // namespace

Token Lexer::Next() {
  if (!done_) {
    while (!Scan()) {
    }
    if (token_.type == kEof || token_.type == kError) done_ = true;
  }
  return token_;
}

int32_t Lexer::Take() {
  if (pos_ >= input_.size()) {
    width_ = 0;
    return kEofRune;
  }
  const Rune rune = DecodeRune(input_.substr(pos_));
  width_ = rune.width;
  pos_ += width_;
  return rune.value;
}

int32_t Lexer::Peek() {
  const int32_t r = Take();
  Back();
  return r;
}

bool Lexer::NextIs(std::string_view valid) {
  const int32_t r = Peek();
  return r >= 0 && r < 0x80 && valid.find(static_cast<char>(r)) != std::string_view::npos;
}

bool Lexer::Accept(std::string_view valid) {
  if (!NextIs(valid)) return false;
  Take();
  return true;
}

bool Lexer::Emit(TokenType type) {
  token_ = Token{type, static_cast<int32_t>(start_), Pending()};
  start_ = pos_;
  return true;
}

bool Lexer::Fail(std::string message) {
  message_ = std::move(message);
  token_ = Token{kError, static_cast<int32_t>(start_), message_};
  return true;
}

bool Lexer::Scan() {
  if (in_duration_) return ScanDurationExpr();
  if (pos_ < input_.size() && input_[pos_] == '#') return ScanComment();
  return brace_open_ ? ScanBraces() : ScanStatement();
}

bool Lexer::ScanComment() {
  while (pos_ < input_.size() && input_[pos_] != '\n' && input_[pos_] != '\r') ++pos_;
  start_ = pos_;
  return false;
}

bool Lexer::ScanStatement() {
  const int32_t r = Take();
  if (r == kEofRune) {
    if (paren_depth_ != 0) return Fail("unclosed left parenthesis");
    if (bracket_open_) return Fail("unclosed left bracket");
    return Emit(kEof);
  }
  if (IsSpace(r)) {
    start_ = pos_;
    return false;
  }
  if (IsDigit(r) || (r == '.' && IsDigit(Peek()))) {
    // Peek() may have changed the width.
    pos_ = start_;
    return ScanNumberOrDuration();
  }
  if (IsAlpha(r) || r == ':') {
    if (!bracket_open_) return ScanKeywordOrIdentifier();
    if (r == ':') {
      if (got_colon_) return Fail("unexpected colon ':'");
      got_colon_ = true;
      return Emit(kColon);
    }
    if (StartsDurationKeyword(r) && ScanDurationKeyword()) return true;
    return Fail(fmt::format("unexpected character: {}, expected ':'", QuoteRune(r)));
  }
  const auto one_or = [&](TokenType plain, std::string_view second, TokenType both) {
    return Emit(Accept(second) ? both : plain);
  };
  switch (r) {
    case ',':
      return Emit(kComma);
    case '*':
      return Emit(kMul);
    case '/':
      return Emit(kDiv);
    case '%':
      return Emit(kMod);
    case '+':
      return Emit(kAdd);
    case '-':
      return Emit(kSub);
    case '^':
      return Emit(kPow);
    case '@':
      return Emit(kAt);
    case '=':
      if (Peek() == '~') return Fail("unexpected character after '=': '~'");
      return one_or(kEql, "=", kEqlC);
    case '!': {
      const int32_t next = Take();
      if (next != '=') return Fail("unexpected character after '!': " + QuoteRune(next));
      return Emit(kNeq);
    }
    case '<':
      return Accept("/") ? Emit(kTrimUpper) : one_or(kLss, "=", kLte);
    case '>':
      return Accept("/") ? Emit(kTrimLower) : one_or(kGtr, "=", kGte);
    case '"':
    case '\'':
      return ScanString(r);
    case '`':
      return ScanRawString();
    case '(':
      ++paren_depth_;
      return Emit(kLeftParen);
    case ')':
      Emit(kRightParen);
      if (--paren_depth_ < 0) return Fail("unexpected right parenthesis ')'");
      return true;
    case '{':
      brace_open_ = true;
      return Emit(kLeftBrace);
    case '[':
      if (bracket_open_) return Fail("unexpected left bracket '['");
      bracket_open_ = true;
      got_colon_ = false;
      in_duration_ = true;
      return Emit(kLeftBracket);
    case ']':
      if (!bracket_open_) return Fail("unexpected right bracket ']'");
      bracket_open_ = false;
      return Emit(kRightBracket);
    default:
      return Fail("unexpected character: " + QuoteRune(r));
  }
}

bool Lexer::ScanBraces() {
  const int32_t r = Take();
  if (r == kEofRune) return Fail("unexpected end of input inside braces");
  if (IsSpace(r)) {
    start_ = pos_;
    return false;
  }
  if (IsAlpha(r)) return ScanIdentifier();
  switch (r) {
    case ',':
      return Emit(kComma);
    case '"':
    case '\'':
      return ScanString(r);
    case '`':
      return ScanRawString();
    case '=':
      return Emit(Accept("~") ? kEqlRegex : kEql);
    case '!': {
      const int32_t next = Take();
      if (next == '~') return Emit(kNeqRegex);
      if (next == '=') return Emit(kNeq);
      return Fail("unexpected character after '!' inside braces: " + QuoteRune(next));
    }
    case '{':
      return Fail("unexpected left brace '{'");
    case '}':
      brace_open_ = false;
      return Emit(kRightBrace);
    default:
      return Fail("unexpected character inside braces: " + QuoteRune(r));
  }
}

bool Lexer::ScanDurationExpr() {
  while (IsSpace(Peek())) ++pos_;
  start_ = pos_;
  const int32_t r = Take();
  if (r == kEofRune) return Fail("unexpected end of input in duration expression");
  if (IsDigit(r) || (r == '.' && IsDigit(Peek()))) {
    pos_ = start_;
    got_duration_ = true;
    in_duration_ = false;
    return ScanNumberOrDuration();
  }
  switch (r) {
    case ']':
      bracket_open_ = false;
      got_colon_ = false;
      in_duration_ = false;
      return Emit(kRightBracket);
    case ':':
      Emit(kColon);
      if (!got_duration_) return Fail("unexpected colon before duration in duration expression");
      if (got_colon_) return Fail("unexpected repeated colon in duration expression");
      got_colon_ = true;
      return true;
    case '(':
      ++paren_depth_;
      return Emit(kLeftParen);
    case ')':
      Emit(kRightParen);
      if (--paren_depth_ < 0) return Fail("unexpected right parenthesis ')'");
      return true;
    case '+':
      return Emit(kAdd);
    case '-':
      return Emit(kSub);
    case '*':
      return Emit(kMul);
    case '/':
      return Emit(kDiv);
    case '%':
      return Emit(kMod);
    case '^':
      return Emit(kPow);
    case ',':
      return Emit(kComma);
    default:
      break;
  }
  if (StartsDurationKeyword(r) && ScanDurationKeyword()) return true;
  return Fail("unexpected character in duration expression: " + QuoteRune(r));
}

// The quote has been taken. The state stays what it was before: braces or statement.
bool Lexer::ScanString(int32_t quote) {
  while (true) {
    const int32_t r = Take();
    if (r == quote) return Emit(kString);
    if (r == '\\') {
      if (!ScanEscape(quote)) return true;
    } else if (r == 0xFFFD) {
      return Fail("invalid UTF-8 rune");
    } else if (r == kEofRune || r == '\n') {
      return Fail("unterminated quoted string");
    }
  }
}

bool Lexer::ScanEscape(int32_t quote) {
  int32_t r = Take();
  if (r == quote) return true;
  int digits = 0;
  uint32_t base = 16;
  uint32_t max = 0x10FFFF;
  switch (r) {
    case 'a':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
    case 'v':
    case '\\':
      return true;
    case 'x':
      digits = 2;
      max = 255;
      r = Take();
      break;
    case 'u':
      digits = 4;
      r = Take();
      break;
    case 'U':
      digits = 8;
      r = Take();
      break;
    case kEofRune:
      Fail("escape sequence not terminated");
      return false;
    default:
      if (r < '0' || r > '7') {
        Fail("unknown escape sequence " + DescribeRune(r));
        return false;
      }
      digits = 3;
      base = 8;
      max = 255;
  }
  uint32_t value = 0;
  while (true) {
    uint32_t digit = 16;
    if (IsDigit(r)) digit = static_cast<uint32_t>(r - '0');
    if (r >= 'a' && r <= 'f') digit = static_cast<uint32_t>(r - 'a' + 10);
    if (r >= 'A' && r <= 'F') digit = static_cast<uint32_t>(r - 'A' + 10);
    if (digit >= base) {
      Fail(r == kEofRune ? "escape sequence not terminated"
                         : fmt::format("illegal character {} in escape sequence", DescribeRune(r)));
      return false;
    }
    value = value * base + digit;
    if (--digits == 0) break;
    r = Take();
  }
  if (value > max || (value >= 0xD800 && value < 0xE000)) {
    Fail("escape sequence is an invalid Unicode code point");
    return false;
  }
  return true;
}

bool Lexer::ScanRawString() {
  while (true) {
    const int32_t r = Take();
    if (r == '`') return Emit(kString);
    if (r == 0xFFFD) return Fail("invalid UTF-8 rune");
    if (r == kEofRune) return Fail("unterminated raw string");
  }
}

bool Lexer::ScanNumberOrDuration() {
  if (ScanNumber()) return Emit(kNumber);
  if (ScanRestOfDuration()) {
    Back();
    return Emit(kDuration);
  }
  return Fail("bad number or duration syntax: " + base::Quote(Pending()));
}

// What is taken is not always a valid number; the parser finds out.
bool Lexer::ScanNumber() {
  const size_t initial = pos_;
  std::string_view digits = kDigits;
  if (Accept("0") && Accept("xX")) {
    Accept("_");
    digits = "0123456789abcdefABCDEF";
  }
  const bool hex = digits.size() > kDigits.size();
  Accept(".");
  Accept(digits);
  bool dot = false;
  bool exponent = false;
  while (NextIs(digits) || NextIs("._eE")) {
    if (NextIs(".") && dot) {
      Accept(".");
      return false;
    }
    if (NextIs("eE") && exponent) {
      Accept("eE");
      return false;
    }
    if (Accept(".")) {
      dot = true;
      if (Accept("_.") || hex) return false;
    } else if (Accept("eE")) {
      exponent = true;
      Accept("+-");
      if (Accept("._eE") || Peek() == kEofRune) return false;
    } else if (Accept("_")) {
      if (Accept("._eE") || Peek() == kEofRune) return false;
    } else {
      while (Accept(digits)) {
      }
    }
  }
  return pos_ != initial && !IsAlphaNumeric(Peek());
}

bool Lexer::ScanRestOfDuration() {
  if (!Accept("smhdwy")) return false;
  Accept("s");  // for ms; other units with an s are found when the value is parsed
  while (Accept(kDigits)) {
    while (Accept(kDigits)) {
    }
    if (!Accept("smhdw")) return false;
    Accept("s");
  }
  return !IsAlphaNumeric(Take());
}

bool Lexer::ScanDurationKeyword() {
  while (IsAlpha(Peek())) ++pos_;
  const TokenType type = FindKeyword(Pending());
  if (type == kStep || type == kRange || type == kMaxOf || type == kMinOf) return Emit(type);
  return false;
}

bool Lexer::ScanIdentifier() {
  while (IsAlphaNumeric(Peek())) ++pos_;
  return Emit(kIdentifier);
}

bool Lexer::ScanKeywordOrIdentifier() {
  while (IsAlphaNumeric(Peek()) || Peek() == ':') ++pos_;
  const TokenType type = FindKeyword(Pending());
  if (type == kFill || type == kFillLeft || type == kFillRight) {
    return Emit(FollowedByLeftParen() ? type : kIdentifier);
  }
  if (type != kEof) return Emit(type);
  return Emit(Pending().find(':') == std::string_view::npos ? kIdentifier : kMetricIdentifier);
}

bool Lexer::FollowedByLeftParen() const {
  for (size_t i = pos_; i < input_.size(); ++i) {
    if (!IsSpace(input_[i])) return input_[i] == '(';
  }
  return false;
}

}  // namespace tributary::promql
