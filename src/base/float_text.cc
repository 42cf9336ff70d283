// Numbers to and from text, in exactly Go's strconv forms.
//
// std::to_chars finds the shortest digits that read back as the same double, as Go does, but lays
// them out differently: its fixed form prints all digits of the exact value (1e23 becomes
// 99999999999999991611392, Go pads the shortest digits with zeros). So the digits and the exponent
// are taken from its scientific form and laid out here.
#include "base/float_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "base/strings.h"

namespace tributary::base {
namespace {

// The value is 0.d1d2d3... * 10^point.
struct Decimal {
  char digits[20];
  int count = 0;
  int point = 0;
};

// `value` is finite and not negative.
Decimal Shortest(double value) {
  Decimal decimal;
  char text[40];
  const auto end = std::to_chars(text, text + sizeof(text), value, std::chars_format::scientific);
  const char* p = text;
  for (; p != end.ptr && *p != 'e'; ++p) {
    if (*p != '.') decimal.digits[decimal.count++] = *p;
  }
  if (p != end.ptr) ++p;
  if (p != end.ptr && *p == '+') ++p;
  int exponent = 0;
  std::from_chars(p, end.ptr, exponent);
  decimal.point = exponent + 1;
  return decimal;
}

void AppendFixed(std::string* out, const Decimal& d) {
  if (d.point <= 0) {
    out->append("0.").append(static_cast<size_t>(-d.point), '0');
    out->append(d.digits, static_cast<size_t>(d.count));
  } else if (d.point >= d.count) {
    out->append(d.digits, static_cast<size_t>(d.count));
    out->append(static_cast<size_t>(d.point - d.count), '0');
  } else {
    out->append(d.digits, static_cast<size_t>(d.point)).push_back('.');
    out->append(d.digits + d.point, static_cast<size_t>(d.count - d.point));
  }
}

void AppendExponent(std::string* out, const Decimal& d) {
  out->push_back(d.digits[0]);
  if (d.count > 1) {
    out->push_back('.');
    out->append(d.digits + 1, static_cast<size_t>(d.count - 1));
  }
  int exponent = d.point - 1;
  out->push_back('e');
  out->push_back(exponent < 0 ? '-' : '+');
  exponent = std::abs(exponent);
  if (exponent < 10) out->push_back('0');
  out->append(std::to_string(exponent));
}

// Handles NaN, the infinities, zero and the sign. True when nothing is left to do; otherwise the
// absolute value is to be appended.
bool AppendSpecial(std::string* out, double value) {
  if (std::isnan(value)) {
    out->append("NaN");
    return true;
  }
  if (std::isinf(value)) {
    out->append(value > 0 ? "+Inf" : "-Inf");
    return true;
  }
  if (std::signbit(value)) out->push_back('-');
  if (value == 0) {
    out->push_back('0');
    return true;
  }
  return false;
}

// Writes what takes no search for the shortest digits: whole numbers and those of two decimals.
// Both have at most 15 digits, and no two such numbers are the same double. Null when `magnitude`
// is not one of them.
char* WriteShortDecimal(char* p, double magnitude) {
  constexpr double kLimit = 1e13;
  if (!(magnitude < kLimit)) return nullptr;
  const auto hundredths = static_cast<uint64_t>(magnitude * 100 + 0.5);
  if (static_cast<double>(hundredths) / 100 != magnitude) return nullptr;
  p = std::to_chars(p, p + kFloatJsonBytes, hundredths / 100).ptr;
  if (const uint64_t fraction = hundredths % 100; fraction != 0) {
    *p++ = '.';
    *p++ = static_cast<char>('0' + fraction / 10);
    if (fraction % 10 != 0) *p++ = static_cast<char>('0' + fraction % 10);
  }
  return p;
}

// Those that are very small, very large, or not finite.
char* WriteSeldomJson(char* p, double value) {
  std::string text;
  if (!AppendSpecial(&text, value)) {
    const double magnitude = std::fabs(value);
    if (magnitude < 1e-6 || magnitude >= 1e21) {
      AppendExponent(&text, Shortest(magnitude));
    } else {
      AppendFixed(&text, Shortest(magnitude));
    }
  }
  return std::copy(text.begin(), text.end(), p);
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Whether a well-formed decimal number that no double can hold is too large (and not too small).
bool IsTooLarge(std::string_view text) {
  const size_t e = text.find_first_of("eE");
  const std::string_view mantissa = text.substr(0, e);
  int64_t exponent = 0;
  if (e != std::string_view::npos) {
    std::string_view digits = text.substr(e + 1);
    const bool negative = digits.starts_with('-');
    if (negative || digits.starts_with('+')) digits.remove_prefix(1);
    for (const char c : digits) {
      if (exponent < 1'000'000'000'000) exponent = exponent * 10 + (c - '0');
    }
    if (negative) exponent = -exponent;
  }
  const size_t dot = std::min(mantissa.find('.'), mantissa.size());
  const size_t first = mantissa.find_first_of("123456789");
  if (first == std::string_view::npos) return false;
  return static_cast<int64_t>(dot) - static_cast<int64_t>(first) + exponent > 0;
}

std::optional<double> ParseInfinityOrNan(std::string_view text, bool has_sign, bool negative) {
  if (EqualsIgnoreCase(text, "inf") || EqualsIgnoreCase(text, "infinity")) {
    const double infinity = std::numeric_limits<double>::infinity();
    return negative ? -infinity : infinity;
  }
  if (!has_sign && EqualsIgnoreCase(text, "nan")) return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

template <class T>
std::optional<T> ParseWhole(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

void AppendFloat(std::string* out, double value) {
  if (AppendSpecial(out, value)) return;
  AppendFixed(out, Shortest(std::fabs(value)));
}

std::string FormatFloat(double value) {
  std::string out;
  AppendFloat(&out, value);
  return out;
}

char* WriteFloatJson(char* p, double value) {
  const double magnitude = std::fabs(value);
  // From 2^53 on, the fixed form would pad with digits of the exact value instead of zeros.
  const bool is_usual = magnitude >= 1e-6 && magnitude < 0x1p53;
  if (!is_usual && magnitude != 0) return WriteSeldomJson(p, value);
  if (std::signbit(value)) *p++ = '-';
  if (char* const end = WriteShortDecimal(p, magnitude); end != nullptr) return end;
  return std::to_chars(p, p + kFloatJsonBytes, magnitude, std::chars_format::fixed).ptr;
}

void AppendFloatJson(std::string* out, double value) {
  char text[kFloatJsonBytes];
  out->append(text, static_cast<size_t>(WriteFloatJson(text, value) - text));
}

std::string FormatFloatG(double value) {
  std::string out;
  if (AppendSpecial(&out, value)) return out;
  const Decimal decimal = Shortest(std::fabs(value));
  const int exponent = decimal.point - 1;
  // Go takes the exponent form from this exponent on, however many digits there are.
  constexpr int kExponentForm = 6;
  if (exponent < -4 || exponent >= kExponentForm) {
    AppendExponent(&out, decimal);
  } else {
    AppendFixed(&out, decimal);
  }
  return out;
}

std::optional<double> ParseFloat(std::string_view text) {
  bool negative = false;
  bool has_sign = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    has_sign = true;
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty()) return std::nullopt;
  if (!IsDigit(text[0]) && text[0] != '.') return ParseInfinityOrNan(text, has_sign, negative);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    if (IsTooLarge(text)) return std::nullopt;
    value = 0;
  } else if (error != std::errc()) {
    return std::nullopt;
  }
  return negative ? -value : value;
}

std::optional<int64_t> ParseInt(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  return ParseWhole<int64_t>(text);
}

std::optional<uint64_t> ParseUint(std::string_view text) { return ParseWhole<uint64_t>(text); }

}  // namespace tributary::base
