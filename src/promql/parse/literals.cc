#include "promql/parse/literals.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "base/strings.h"

namespace tributary::promql {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Each '_' stands between digits, or between a base prefix and a digit.
bool UnderscoresAreFine(std::string_view text) {
  char last = '^';
  size_t i = 0;
  bool hex = false;
  if (text.size() >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    i = 2;
    last = '0';
    hex = true;
  }
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (IsDigit(c) || (hex && base::HexDigit(c) >= 0)) {
      last = '0';
    } else if (c == '_') {
      if (last != '0') return false;
      last = '_';
    } else {
      if (last == '_') return false;
      last = '!';
    }
  }
  return last != '_';
}

std::optional<double> ParseInteger(std::string_view digits) {
  int base = 10;
  if (digits.size() > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) {
    base = 16;
    digits.remove_prefix(2);
  } else if (digits.size() > 1 && digits[0] == '0') {
    base = 8;
    digits.remove_prefix(1);
  }
  uint64_t value = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (ec != std::errc() || end != digits.data() + digits.size() ||
      value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return std::nullopt;
  }
  return static_cast<double>(static_cast<int64_t>(value));
}

}  // namespace

base::Result<double> ParseNumber(std::string_view text) {
  std::string_view body = text;
  bool negative = false;
  if (!body.empty() && (body[0] == '+' || body[0] == '-')) {
    negative = body[0] == '-';
    body.remove_prefix(1);
  }
  const auto signed_value = [&](double v) { return negative ? -v : v; };
  const auto fail = [&](std::string_view why) {
    return base::InvalidArgument(
        fmt::format("strconv.ParseFloat: parsing {}: {}", base::Quote(text), why));
  };
  const std::string lower = base::ToLower(body);
  if (lower == "inf" || lower == "infinity") {
    return signed_value(std::numeric_limits<double>::infinity());
  }
  if (lower == "nan") return std::numeric_limits<double>::quiet_NaN();
  std::string digits;
  if (body.find('_') != std::string_view::npos) {
    if (!UnderscoresAreFine(body)) return fail("invalid syntax");
    for (const char c : body) {
      if (c != '_') digits += c;
    }
    body = digits;
  }
  if (body.empty()) return fail("invalid syntax");
  if (const auto integer = ParseInteger(body)) return signed_value(*integer);
  double value = 0;
  const auto [end, ec] = std::from_chars(body.data(), body.data() + body.size(), value);
  if (end != body.data() + body.size() || ec == std::errc::invalid_argument ||
      !(IsDigit(body[0]) || body[0] == '.')) {
    return fail("invalid syntax");
  }
  if (ec == std::errc::result_out_of_range) {
    value = std::strtod(std::string(body).c_str(), nullptr);  // too small is not an error
    if (std::isinf(value)) return fail("value out of range");
  }
  return signed_value(value);
}

base::Result<int64_t> ParseDurationLiteral(std::string_view text) {
  struct Unit {
    std::string_view name;
    int position;
    uint64_t ms;
  };
  static constexpr Unit kUnits[] = {
      {"ms", 7, 1},         {"s", 6, 1000},        {"m", 5, 60'000},         {"h", 4, 3'600'000},
      {"d", 3, 86'400'000}, {"w", 2, 604'800'000}, {"y", 1, 31'536'000'000},
  };
  // As if counted in nanoseconds in 63 bits.
  constexpr uint64_t kMaxMs = 9'223'372'036'854;
  if (text == "0") return int64_t{0};
  if (text.empty()) return base::InvalidArgument("empty duration string");
  const auto malformed = [&] {
    return base::InvalidArgument("not a valid duration string: " + base::Quote(text));
  };
  uint64_t total = 0;
  int last_position = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t number_start = i;
    while (i < text.size() && IsDigit(text[i])) ++i;
    uint64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data() + number_start, text.data() + i, value);
    if (i == number_start || ec != std::errc()) return malformed();
    const size_t unit_start = i;
    while (i < text.size() && !IsDigit(text[i])) ++i;
    const std::string_view name = text.substr(unit_start, i - unit_start);
    if (name.empty()) return malformed();
    const Unit* unit = nullptr;
    for (const Unit& candidate : kUnits) {
      if (candidate.name == name) unit = &candidate;
    }
    if (unit == nullptr) {
      return base::InvalidArgument(
          fmt::format("unknown unit {} in duration {}", base::Quote(name), base::Quote(text)));
    }
    if (unit->position <= last_position) return malformed();
    last_position = unit->position;
    if (value > kMaxMs / unit->ms || (total += value * unit->ms) > kMaxMs) {
      return base::InvalidArgument("duration out of range");
    }
  }
  return static_cast<int64_t>(total);
}

double DurationSeconds(int64_t ms) {
  return static_cast<double>(ms / 1000) + static_cast<double>((ms % 1000) * 1'000'000) / 1e9;
}

int64_t SecondsToMs(double seconds) {
  const double ns = std::round(seconds * 1e9);
  constexpr double kLimit = 9223372036854775808.0;
  if (ns >= kLimit) return std::numeric_limits<int64_t>::max() / 1'000'000;
  if (!(ns > -kLimit)) return std::numeric_limits<int64_t>::min() / 1'000'000;
  return static_cast<int64_t>(ns) / 1'000'000;
}

base::Result<std::string> Unquote(std::string_view literal) {
  const auto malformed = [] { return base::InvalidArgument("invalid syntax"); };
  if (literal.size() < 2 || literal.front() != literal.back()) return malformed();
  const char quote = literal.front();
  const std::string_view s = literal.substr(1, literal.size() - 2);
  if (quote == '`') {
    if (s.find('`') != std::string_view::npos) return malformed();
    return std::string(s);
  }
  if ((quote != '"' && quote != '\'') || s.find('\n') != std::string_view::npos) {
    return malformed();
  }
  std::string out;
  out.reserve(s.size());
  for (size_t i = 0; i < s.size();) {
    if (s[i] == quote) return malformed();
    if (s[i] != '\\') {
      out += s[i++];
      continue;
    }
    if (++i >= s.size()) return malformed();
    const char c = s[i++];
    switch (c) {
      case 'a':
        out += '\a';
        break;
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'v':
        out += '\v';
        break;
      case '\\':
        out += '\\';
        break;
      case '\'':
      case '"':
        if (c != quote) return malformed();
        out += c;
        break;
      case 'x':
      case 'u':
      case 'U': {
        const size_t n = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        if (s.size() - i < n) return malformed();
        uint32_t v = 0;
        for (size_t j = 0; j < n; ++j) {
          const int digit = base::HexDigit(s[i + j]);
          if (digit < 0) return malformed();
          v = v << 4 | static_cast<uint32_t>(digit);
        }
        i += n;
        if (c == 'x') {
          out += static_cast<char>(v);
        } else if (v > 0x10FFFF) {
          return malformed();
        } else {
          AppendRune(&out, static_cast<int32_t>(v));
        }
        break;
      }
      default: {
        if (c < '0' || c > '7' || s.size() - i < 2) return malformed();
        int v = c - '0';
        for (size_t j = 0; j < 2; ++j) {
          if (s[i + j] < '0' || s[i + j] > '7') return malformed();
          v = v << 3 | (s[i + j] - '0');
        }
        i += 2;
        if (v > 255) return malformed();
        out += static_cast<char>(v);
      }
    }
  }
  return out;
}

Rune DecodeRune(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  constexpr Rune kInvalid{0xFFFD, 1};
  if (first < 0x80) return {first, 1};
  const size_t width = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < width) return kInvalid;
  int32_t value = first & (width == 2 ? 0x1F : width == 3 ? 0x0F : 0x07);
  for (size_t i = 1; i < width; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return kInvalid;
    value = value << 6 | (byte(i) & 0x3F);
  }
  const bool overlong = (width == 3 && value < 0x800) || (width == 4 && value < 0x10000);
  if (overlong || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return kInvalid;
  return {value, width};
}

void AppendRune(std::string* out, int32_t rune) {
  if (rune < 0 || rune > 0x10FFFF || (rune >= 0xD800 && rune < 0xE000)) rune = 0xFFFD;
  if (rune < 0x80) {
    *out += static_cast<char>(rune);
  } else if (rune < 0x800) {
    *out += static_cast<char>(0xC0 | rune >> 6);
    *out += static_cast<char>(0x80 | (rune & 0x3F));
  } else if (rune < 0x10000) {
    *out += static_cast<char>(0xE0 | rune >> 12);
    *out += static_cast<char>(0x80 | (rune >> 6 & 0x3F));
    *out += static_cast<char>(0x80 | (rune & 0x3F));
  } else {
    *out += static_cast<char>(0xF0 | rune >> 18);
    *out += static_cast<char>(0x80 | (rune >> 12 & 0x3F));
    *out += static_cast<char>(0x80 | (rune >> 6 & 0x3F));
    *out += static_cast<char>(0x80 | (rune & 0x3F));
  }
}

std::string QuoteRune(int32_t rune) {
  if (rune == '\'') return R"('\'')";
  if (rune == '"') return R"('"')";
  std::string text;
  AppendRune(&text, rune);
  std::string quoted = base::Quote(text);
  quoted.front() = quoted.back() = '\'';
  return quoted;
}

}  // namespace tributary::promql
