#include "net/credentials/json_object.h"

#include <algorithm>

namespace tributary::net {

std::optional<std::string> JsonObject::NextKey() {
  if (Take('}')) return std::nullopt;
  if (!first_ && !Take(',')) return Broken();
  first_ = false;
  std::optional<std::string> key = String();
  if (!key || !Take(':')) return Broken();
  return key;
}

std::optional<std::string> JsonObject::Value() {
  SkipSpace();
  if (at_ == text_.size()) return Broken();
  if (text_[at_] == '"') return String();
  if (text_[at_] == '{' || text_[at_] == '[') return Nested() ? "" : Broken();
  const size_t begin = at_;
  at_ = std::min(text_.find_first_of(",} \t\r\n", at_), text_.size());
  return std::string(text_.substr(begin, at_ - begin));
}

std::optional<std::string> JsonObject::Broken() {
  broken_ = true;
  return std::nullopt;
}

void JsonObject::SkipSpace() {
  at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
}

bool JsonObject::Take(char c) {
  SkipSpace();
  if (at_ == text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

std::optional<std::string> JsonObject::String() {
  if (!Take('"')) return Broken();
  std::string out;
  while (at_ < text_.size() && text_[at_] != '"') {
    char c = text_[at_++];
    if (c == '\\') {
      if (at_ == text_.size()) return Broken();
      c = text_[at_++];
      switch (c) {
        case 'n':
          c = '\n';
          break;
        case 't':
          c = '\t';
          break;
        case 'u': {
          // Tokens are ASCII; anything else in them would be refused as a header anyway.
          if (text_.size() - at_ < 4) return Broken();
          unsigned code = 0;
          for (const char h : text_.substr(at_, 4)) {
            const std::string_view digits = "0123456789abcdef";
            const size_t digit = digits.find(h >= 'A' && h <= 'F' ? h - 'A' + 'a' : h);
            if (digit == std::string_view::npos) return Broken();
            code = code * 16 + static_cast<unsigned>(digit);
          }
          at_ += 4;
          c = code < 128 ? static_cast<char>(code) : '?';
          break;
        }
        default:
          break;
      }
    }
    out.push_back(c);
  }
  if (!Take('"')) return Broken();
  return out;
}

bool JsonObject::Nested() {
  int depth = 0;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '"') {
      if (!String()) return false;
      continue;
    }
    ++at_;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return true;
  }
  return false;
}

}  // namespace tributary::net
