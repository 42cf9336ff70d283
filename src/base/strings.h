// Text helpers that several modules need, each with one behaviour.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tributary::base {

// Floats as Prometheus writes them.
// Shortest round-trip decimal without exponent (Go strconv 'f', -1); NaN, +Inf, -Inf.
void AppendFloat(std::string* out, double value);
std::string FormatFloat(double value);
// As in JSON API sample values: 'f' form, but 'e' when |v| < 1e-6 or >= 1e21.
void AppendFloatJson(std::string* out, double value);
// Go's %g with the shortest round-trip digits: 1e+06, 0.5, 1e-05.
std::string FormatFloatG(double value);

// Strict: the whole text, Go's strconv.ParseFloat words (inf, +Inf, infinity, nan, any case),
// decimal and exponent forms; hexadecimal floats and '_' only when asked for.
std::optional<double> ParseFloat(std::string_view text);
std::optional<int64_t> ParseInt(std::string_view text);
std::optional<uint64_t> ParseUint(std::string_view text);

// Go's strconv.ParseBool: 1, t, T, true, True, TRUE and their opposites.
std::optional<bool> ParseBool(std::string_view text);
// Go's strconv.Quote: "a\"b\n", valid UTF-8 kept, the rest as \x escapes.
std::string Quote(std::string_view text);

// What JSON cannot hold in a string as it is: quotes, backslashes, control characters.
inline bool NeedsJsonEscape(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}
// The escape of one of them.
void AppendJsonEscape(std::string* out, char c);
// Valid UTF-8 as a JSON string, with its quotes.
void AppendJsonString(std::string* out, std::string_view text);

bool IsValidUtf8(std::string_view text);

std::vector<std::string_view> Split(std::string_view text, char separator);
std::string_view TrimSpace(std::string_view text);
std::string ToLower(std::string_view text);
bool EqualsIgnoreCase(std::string_view a, std::string_view b);
std::string Join(const std::vector<std::string>& parts, std::string_view separator);

// What a hexadecimal digit stands for; -1: it is none.
int HexDigit(char c);
// ASCII hex, lower case.
std::string HexEncode(std::string_view bytes);
std::optional<std::string> Base64Decode(std::string_view text);
std::string Base64Encode(std::string_view bytes);

}  // namespace tributary::base
