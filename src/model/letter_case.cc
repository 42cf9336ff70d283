#include "model/letter_case.h"

#include <cstddef>
#include <cstdint>

namespace tributary::model {

namespace {

// Letters whose two cases both lie below U+0800 and differ by a fixed step, or alternate (step 1,
// upper case even or odd). Source: Unicode's simple case mappings.
struct Range {
  uint16_t first_upper;
  uint16_t last_upper;
  uint16_t step;     // lower = upper + step
  bool alternating;  // every other code point from first_upper on is an upper case letter
};
constexpr Range kRanges[] = {
    {'A', 'Z', 32, false},       {0x00c0, 0x00d6, 32, false}, {0x00d8, 0x00de, 32, false},
    {0x0100, 0x012e, 1, true},   {0x0132, 0x0136, 1, true},   {0x0139, 0x0147, 1, true},
    {0x014a, 0x0176, 1, true},   {0x0179, 0x017d, 1, true},   {0x0386, 0x0386, 38, false},
    {0x0388, 0x038a, 37, false}, {0x038c, 0x038c, 64, false}, {0x038e, 0x038f, 63, false},
    {0x0391, 0x03a1, 32, false}, {0x03a3, 0x03ab, 32, false}, {0x0400, 0x040f, 80, false},
    {0x0410, 0x042f, 32, false}, {0x0460, 0x0480, 1, true},   {0x048a, 0x04be, 1, true},
    {0x04d0, 0x052e, 1, true},   {0x0531, 0x0556, 48, false},
};

uint16_t Lower(uint16_t c) {
  for (const Range& r : kRanges) {
    if (c >= r.first_upper && c <= r.last_upper && (!r.alternating || (c - r.first_upper) % 2 == 0))
      return static_cast<uint16_t>(c + r.step);
  }
  if (c == 0x0178) return 0x00ff;
  return c;
}

uint16_t Upper(uint16_t c) {
  for (const Range& r : kRanges) {
    if (c < r.first_upper + r.step || c > r.last_upper + r.step) continue;
    const auto upper = static_cast<uint16_t>(c - r.step);
    if (!r.alternating || (upper - r.first_upper) % 2 == 0) return upper;
  }
  if (c == 0x00ff) return 0x0178;
  if (c == 0x00b5) return 0x039c;  // micro sign
  if (c == 0x03c2) return 0x03a3;  // final sigma
  return c;
}

template <class Map>
std::string MapLetters(std::string_view text, Map map) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      // No letter above ASCII that is mapped here has an ASCII partner, so neither side escapes.
      out.push_back(static_cast<char>(map(c)));
      continue;
    }
    const bool pair = c >= 0xc2 && c < 0xe0 && i + 1 < text.size() && (text[i + 1] & 0xc0) == 0x80;
    if (!pair) {
      out.push_back(text[i]);
      continue;
    }
    const uint16_t mapped = map(static_cast<uint16_t>((c & 0x1f) << 6 | (text[++i] & 0x3f)));
    out.push_back(static_cast<char>(0xc0 | mapped >> 6));
    out.push_back(static_cast<char>(0x80 | (mapped & 0x3f)));
  }
  return out;
}

}  // namespace

std::string ToLowerUtf8(std::string_view text) { return MapLetters(text, Lower); }
std::string ToUpperUtf8(std::string_view text) { return MapLetters(text, Upper); }

}  // namespace tributary::model
