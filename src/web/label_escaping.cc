#include "web/label_escaping.h"

#include <cstdint>

namespace tributary::web {
namespace {

constexpr std::string_view kPrefix = "U__";

bool IsNameChar(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
         (!first && c >= '0' && c <= '9');
}

void AppendUtf8(uint32_t code, std::string* out) {
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out->push_back(static_cast<char>(0xc0 | (code >> 6)));
    out->push_back(static_cast<char>(0x80 | (code & 0x3f)));
  } else if (code < 0x10000) {
    out->push_back(static_cast<char>(0xe0 | (code >> 12)));
    out->push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3f)));
    out->push_back(static_cast<char>(0x80 | (code & 0x3f)));
  } else {
    out->push_back(static_cast<char>(0xf0 | (code >> 18)));
    out->push_back(static_cast<char>(0x80 | ((code >> 12) & 0x3f)));
    out->push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3f)));
    out->push_back(static_cast<char>(0x80 | (code & 0x3f)));
  }
}

}  // namespace

std::string UnescapeLabelName(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::string(name);
  const std::string_view text = name.substr(kPrefix.size());
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out.push_back(text[i]);
      continue;
    }
    if (++i == text.size()) return std::string(name);
    if (text[i] == '_') {  // "__" is one underscore
      out.push_back('_');
      continue;
    }
    // _hex_: a code point of at most six digits
    uint32_t code = 0;
    size_t digits = 0;
    for (; i < text.size() && text[i] != '_'; ++i, ++digits) {
      const char c = text[i];
      const bool is_digit = c >= '0' && c <= '9';
      const bool is_letter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
      if (digits >= 6 || (!is_digit && !is_letter)) return std::string(name);
      code = code * 16 + static_cast<uint32_t>(is_digit ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if (i == text.size() || code > 0x10ffff || surrogate) return std::string(name);
    AppendUtf8(code, &out);
  }
  return out;
}

std::string UnderscoreName(std::string_view name) {
  std::string out;
  for (const char c : name) {
    // One '_' a character, not a byte: continuation bytes of UTF-8 add nothing.
    if ((static_cast<unsigned char>(c) & 0xc0) == 0x80) continue;
    out.push_back(IsNameChar(c, out.empty()) ? c : '_');
  }
  return out;
}

}  // namespace tributary::web
