// The values of PromQL's literals: numbers, durations, quoted strings; and runes as Go prints them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tributary::promql {

// Decimal and exponent forms, 0x hexadecimal and 0 octal integers, '_' between digits, Inf and NaN
// in any case, an optional sign. Errors are worded as Go's strconv.ParseFloat.
base::Result<double> ParseNumber(std::string_view text);

// "1h30m" in milliseconds, with Prometheus's error texts. No sign.
base::Result<int64_t> ParseDurationLiteral(std::string_view text);
// Milliseconds as seconds, the way Go's Duration.Seconds() rounds.
double DurationSeconds(int64_t ms);
// Seconds to the nearest nanosecond, cut to milliseconds. REQUIRES: |seconds| <= 2^63 ns.
int64_t SecondsToMs(double seconds);

// The text between the quotes of a "…", '…' or `…` literal, escapes resolved.
base::Result<std::string> Unquote(std::string_view literal);

// The rune at the start of `text` and its width in bytes; U+FFFD and 1 for invalid UTF-8.
// REQUIRES: !text.empty().
struct Rune {
  int32_t value = 0;
  size_t width = 0;
};
Rune DecodeRune(std::string_view text);
void AppendRune(std::string* out, int32_t rune);
// 'x' with Go's escapes; a negative rune is U+FFFD.
std::string QuoteRune(int32_t rune);

}  // namespace tributary::promql
