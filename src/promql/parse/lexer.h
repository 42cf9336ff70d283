// Lexer: cuts PromQL text into tokens, one at a time. What a character means depends on where it
// stands: braces hold matchers, brackets hold durations.
// Errors are tokens of type kError; the error's place is error_pos(). After one, stop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "promql/parse/token.h"

namespace tributary::promql {

class Lexer {
 public:
  // `input` must outlive the lexer and its tokens.
  explicit Lexer(std::string_view input) : input_(input) {}

  // Comments are skipped. At the end gives kEof for ever.
  Token Next();
  int32_t error_pos() const { return static_cast<int32_t>(start_); }

 private:
  static constexpr int32_t kEofRune = -1;

  bool Scan();  // false: nothing found yet, go on
  bool ScanStatement();
  bool ScanBraces();
  bool ScanDurationExpr();
  bool ScanComment();
  bool ScanString(int32_t quote);
  bool ScanEscape(int32_t quote);  // false: an error was emitted
  bool ScanRawString();
  bool ScanNumberOrDuration();
  bool ScanNumber();
  bool ScanRestOfDuration();
  bool ScanDurationKeyword();
  bool ScanKeywordOrIdentifier();
  bool ScanIdentifier();
  bool FollowedByLeftParen() const;

  int32_t Take();
  int32_t Peek();
  void Back() { pos_ -= width_; }
  bool Accept(std::string_view valid);
  bool NextIs(std::string_view valid);
  bool Emit(TokenType type);
  bool Fail(std::string message);
  std::string_view Pending() const { return input_.substr(start_, pos_ - start_); }

  std::string_view input_;
  size_t pos_ = 0;
  size_t start_ = 0;
  size_t width_ = 0;
  Token token_;
  std::string message_;
  int paren_depth_ = 0;
  bool in_duration_ = false;  // right after '[', until the first number
  bool brace_open_ = false;
  bool bracket_open_ = false;
  bool got_colon_ = false;
  bool got_duration_ = false;
  bool done_ = false;
};

}  // namespace tributary::promql
