// Scanning shared by the text exposition formats: names, quoted strings and numbers, sixteen bytes
// at a time where the processor can.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace tributary::wire {

inline bool IsNameStart(char c) {
  return (static_cast<unsigned char>((c | 0x20) - 'a') < 26) || c == '_';
}
inline bool IsNameByte(char c) {
  return IsNameStart(c) || static_cast<unsigned char>(c - '0') < 10;
}

// The end of the run of [a-zA-Z0-9_], with kColon also ':', that starts at `p`.
template <bool kColon>
const char* PassName(const char* p, const char* end) {
#if defined(__SSE2__)
  // Unsigned x < n as a signed comparison: both sides are moved down by 128.
  const auto below = [](__m128i x, char n) {
    return _mm_cmplt_epi8(_mm_add_epi8(x, _mm_set1_epi8(-128)),
                          _mm_set1_epi8(static_cast<char>(n - 128)));
  };
  while (end - p >= 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i lower = _mm_or_si128(v, _mm_set1_epi8(0x20));
    __m128i good = below(_mm_sub_epi8(lower, _mm_set1_epi8('a')), 26);
    // '0'..'9' and, just after them, ':'.
    good = _mm_or_si128(good, below(_mm_sub_epi8(v, _mm_set1_epi8('0')), kColon ? 11 : 10));
    good = _mm_or_si128(good, _mm_cmpeq_epi8(v, _mm_set1_epi8('_')));
    const auto bad = static_cast<unsigned>(_mm_movemask_epi8(good)) ^ 0xffffu;
    if (bad != 0) return p + std::countr_zero(bad);
    p += 16;
  }
#endif
  while (p < end && (IsNameByte(*p) || (kColon && *p == ':'))) ++p;
  return p;
}

struct QuotedScan {
  const char* close = nullptr;  // the closing quote; null: there is none
  bool escaped = false;         // has backslashes
  bool high = false;            // may have bytes >= 0x80
};

// `p` stands behind the opening quote. With kOneLine a newline ends the search; an escaped newline
// always does.
template <bool kOneLine>
QuotedScan ScanQuoted(const char* p, const char* end) {
  QuotedScan scan;
  for (;;) {
#if defined(__SSE2__)
    while (end - p >= 16) {
      const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
      __m128i special = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
                                     _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
      if constexpr (kOneLine) {
        special = _mm_or_si128(special, _mm_cmpeq_epi8(v, _mm_set1_epi8('\n')));
      }
      const auto mask = static_cast<unsigned>(_mm_movemask_epi8(special));
      scan.high |= _mm_movemask_epi8(v) != 0;  // bytes behind the quote may raise it: harmless
      if (mask != 0) {
        p += std::countr_zero(mask);
        break;
      }
      p += 16;
    }
#endif
    while (p < end && *p != '"' && *p != '\\' && !(kOneLine && *p == '\n')) {
      scan.high |= static_cast<signed char>(*p) < 0;
      ++p;
    }
    if (p >= end || *p == '\n') return scan;
    if (*p == '"') {
      scan.close = p;
      return scan;
    }
    scan.escaped = true;
    if (end - p < 2 || p[1] == '\n') return scan;
    scan.high |= static_cast<signed char>(p[1]) < 0;
    p += 2;
  }
}

// A float as both text formats write it (Go's strconv.ParseFloat without hexadecimal and '_').
// nullopt also when it does not fit. NaN is returned as the normal NaN.
std::optional<double> ParseFloatSlow(std::string_view token);

// Parses the plain decimal number at `p` exactly when it is short enough for that (Clinger: a
// mantissa below 2^53 times or over a power of ten up to 22); null: use ParseFloatSlow.
// Otherwise the first byte after the number.
inline const char* ParseShortDecimal(const char* p, const char* end, double* out) {
  static constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  const auto digit = [&](const char* q) {
    return q < end ? static_cast<unsigned>(static_cast<unsigned char>(*q)) - '0' : 10u;
  };
  const bool negative = p < end && *p == '-';
  if (negative) ++p;
  uint64_t mantissa = 0;
  const char* start = p;
  for (unsigned d; (d = digit(p)) < 10; ++p) mantissa = mantissa * 10 + d;
  int64_t digits = p - start;
  int64_t exponent = 0;
  if (p < end && *p == '.') {
    const char* point = ++p;
    for (unsigned d; (d = digit(p)) < 10; ++p) mantissa = mantissa * 10 + d;
    exponent = point - p;
    digits += p - point;
  }
  if (digits == 0 || digits > 19) return nullptr;
  if (p < end && (*p | 0x20) == 'e') {
    ++p;
    const bool down = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) ++p;
    const char* exponent_start = p;
    int64_t value = 0;
    for (unsigned d; (d = digit(p)) < 10; ++p) {
      if (value < 1000) value = value * 10 + d;
    }
    if (p == exponent_start) return nullptr;
    exponent += down ? -value : value;
  }
  if (mantissa > uint64_t{1} << 53 || exponent > 22 || exponent < -22) return nullptr;
  double value = static_cast<double>(mantissa);
  value = exponent < 0 ? value / kPowers[-exponent] : value * kPowers[exponent];
  *out = negative ? -value : value;
  return p;
}

}  // namespace tributary::wire
