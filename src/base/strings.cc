#include "base/strings.h"

#include <array>

namespace tributary::base {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";
constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char LowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

struct Rune {
  uint32_t value = 0;
  size_t size = 0;  // 0: the bytes are no valid UTF-8
};

// The first character of `text`, which is not empty. Refuses overlong forms, surrogates and values
// above U+10FFFF, as Go's utf8 package does.
Rune DecodeRune(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  size_t size = 0;
  uint32_t value = 0;
  uint32_t smallest = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    size = 2, value = lead & 0x1Fu, smallest = 0x80;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    size = 3, value = lead & 0x0Fu, smallest = 0x800;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    size = 4, value = lead & 0x07u, smallest = 0x10000;
  } else {
    return {};
  }
  if (text.size() < size) return {};
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    value = (value << 6) | (byte(i) & 0x3Fu);
  }
  if (value < smallest || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return {};
  return {value, size};
}

// The characters that Go's strconv.IsPrint refuses and that occur in practice: controls, spaces
// other than ' ', invisible marks, private use and non-characters. (Unassigned code points, which
// change with each Unicode version, count as printable.)
bool IsPrintable(uint32_t r) {
  static constexpr std::array<std::pair<uint32_t, uint32_t>, 16> kHidden = {{
      {0x00, 0x1F},
      {0x7F, 0xA0},
      {0xAD, 0xAD},
      {0x61C, 0x61C},
      {0x1680, 0x1680},
      {0x180E, 0x180E},
      {0x2000, 0x200F},
      {0x2028, 0x202F},
      {0x205F, 0x206F},
      {0x3000, 0x3000},
      {0xE000, 0xF8FF},
      {0xFDD0, 0xFDEF},
      {0xFEFF, 0xFEFF},
      {0xFFF0, 0xFFFB},
      {0xFFFE, 0xFFFF},
      {0xE0000, 0xE00FF},
  }};
  for (const auto& [first, last] : kHidden) {
    if (r >= first && r <= last) return false;
  }
  return r < 0xF0000;
}

void AppendHex(std::string* out, uint32_t value, int digits) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
    out->push_back(kHexDigits[(value >> shift) & 0xF]);
  }
}

void AppendQuotedRune(std::string* out, Rune rune, std::string_view bytes) {
  switch (rune.value) {
    case '"':
      out->append("\\\"");
      return;
    case '\\':
      out->append("\\\\");
      return;
    case '\a':
      out->append("\\a");
      return;
    case '\b':
      out->append("\\b");
      return;
    case '\f':
      out->append("\\f");
      return;
    case '\n':
      out->append("\\n");
      return;
    case '\r':
      out->append("\\r");
      return;
    case '\t':
      out->append("\\t");
      return;
    case '\v':
      out->append("\\v");
      return;
    default:
      break;
  }
  if (IsPrintable(rune.value)) {
    out->append(bytes);
  } else if (rune.value < 0x80) {
    out->append("\\x");
    AppendHex(out, rune.value, 2);
  } else if (rune.value < 0x10000) {
    out->append("\\u");
    AppendHex(out, rune.value, 4);
  } else {
    out->append("\\U");
    AppendHex(out, rune.value, 8);
  }
}

// -1 for a byte outside the alphabet.
int Base64Value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

}  // namespace

std::optional<bool> ParseBool(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

std::string Quote(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const Rune rune = DecodeRune(text);
    if (rune.size == 0) {
      out.append("\\x");
      AppendHex(&out, static_cast<uint8_t>(text[0]), 2);
      text.remove_prefix(1);
      continue;
    }
    AppendQuotedRune(&out, rune, text.substr(0, rune.size));
    text.remove_prefix(rune.size);
  }
  out.push_back('"');
  return out;
}

void AppendJsonEscape(std::string* out, char c) {
  out->push_back('\\');
  switch (c) {
    case '\n':
      return out->push_back('n');
    case '\r':
      return out->push_back('r');
    case '\t':
      return out->push_back('t');
    case '"':
    case '\\':
      return out->push_back(c);
    default:
      out->push_back('u');
      AppendHex(out, static_cast<unsigned char>(c), 4);
  }
}

void AppendJsonString(std::string* out, std::string_view text) {
  out->push_back('"');
  for (const char c : text) {
    if (NeedsJsonEscape(c)) {
      AppendJsonEscape(out, c);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

bool IsValidUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t size = static_cast<int8_t>(text[0]) >= 0 ? 1 : DecodeRune(text).size;
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string_view TrimSpace(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string ToLower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = LowerAscii(c);
  return out;
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (LowerAscii(a[i]) != LowerAscii(b[i])) return false;
  }
  return true;
}

std::string Join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out.append(separator);
    out.append(parts[i]);
  }
  return out;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string HexEncode(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) AppendHex(&out, static_cast<uint8_t>(c), 2);
  return out;
}

std::optional<std::string> Base64Decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (size_t i = 0; i < text.size(); i += 4) {
    const std::string_view group = text.substr(i, 4);
    size_t padding = 0;
    if (i + 4 == text.size()) padding = group.ends_with("==") ? 2 : group.ends_with('=') ? 1 : 0;
    uint32_t bits = 0;
    for (size_t k = 0; k < 4; ++k) {
      const int value = k >= 4 - padding ? 0 : Base64Value(group[k]);
      if (value < 0) return std::nullopt;
      bits = (bits << 6) | static_cast<uint32_t>(value);
    }
    for (size_t k = 0; k < 3 - padding; ++k) {
      out.push_back(static_cast<char>((bits >> (16 - 8 * k)) & 0xFF));
    }
  }
  return out;
}

std::string Base64Encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t taken = std::min<size_t>(3, bytes.size() - i);
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) {
      bits = (bits << 8) | (k < taken ? static_cast<uint8_t>(bytes[i + k]) : 0u);
    }
    for (size_t k = 0; k < 4; ++k) {
      out.push_back(k <= taken ? kBase64[(bits >> (18 - 6 * k)) & 0x3F] : '=');
    }
  }
  return out;
}

}  // namespace tributary::base
