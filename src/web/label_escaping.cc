#include "web/label_escaping.h"

#include <cstdint>
#include <iterator>

#include <fmt/format.h>

#include "model/labels.h"

namespace tributary::web {
namespace {

constexpr std::string_view kPrefix = "U__";

bool IsNameChar(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
         (!first && c >= '0' && c <= '9');
}

// The character at *i, which moves behind it. Bytes that are no UTF-8 are one U+FFFD each.
uint32_t NextCodePoint(std::string_view text, size_t* i) {
  constexpr uint32_t kReplacement = 0xfffd;
  const auto byte = static_cast<unsigned char>(text[(*i)++]);
  if (byte < 0x80) return byte;
  const int more = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : byte >= 0xc2 ? 1 : 0;
  if (more == 0 || *i + static_cast<size_t>(more) > text.size()) return kReplacement;
  uint32_t code = byte & (0x3fu >> more);
  for (int k = 0; k < more; ++k) {
    const auto next = static_cast<unsigned char>(text[*i + static_cast<size_t>(k)]);
    if ((next & 0xc0) != 0x80) return kReplacement;
    code = code << 6 | (next & 0x3f);
  }
  *i += static_cast<size_t>(more);
  return code;
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

std::string EscapeName(std::string_view name, NameScheme scheme) {
  if (scheme == NameScheme::kAllowUtf8 || model::IsLegacyMetricName(name)) {
    return std::string(name);
  }
  std::string out;
  if (scheme == NameScheme::kValues) out = kPrefix;
  for (size_t i = 0; i < name.size();) {
    const size_t first = i;
    const uint32_t code = NextCodePoint(name, &i);
    const bool legal = code < 0x80 && IsNameChar(static_cast<char>(code), first == 0);
    if (code == '_' && scheme != NameScheme::kUnderscores) {
      out += "__";
    } else if (code == '.' && scheme == NameScheme::kDots) {
      out += "_dot_";
    } else if (legal) {
      out += static_cast<char>(code);
    } else if (scheme == NameScheme::kValues) {
      out += fmt::format("_{:x}_", code);
    } else {
      out += scheme == NameScheme::kDots ? "__" : "_";
    }
  }
  return out;
}

}  // namespace tributary::web
