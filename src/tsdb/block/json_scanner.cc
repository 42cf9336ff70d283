#include "tsdb/block/json_scanner.h"

#include <algorithm>

#include "base/strings.h"

namespace tributary::tsdb {
namespace {

constexpr int kMaxDepth = 32;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void JsonScanner::Space() {
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) {
    ++at_;
  }
}

bool JsonScanner::Take(char c) {
  Space();
  if (!ok_ || at_ == text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

bool JsonScanner::TakeWord(std::string_view word) {
  Space();
  if (!ok_ || !text_.substr(at_).starts_with(word)) return false;
  at_ += word.size();
  return true;
}

bool JsonScanner::AtEnd() {
  Space();
  return at_ == text_.size();
}

void JsonScanner::Object(const std::function<void(std::string_view)>& member) {
  if (TakeWord("null")) return;
  if (!Take('{') || ++depth_ > kMaxDepth) return Fail();
  if (!Take('}')) {
    do {
      const std::string key = String();
      if (!Take(':')) return Fail();
      member(key);
      if (!ok_) return;
    } while (Take(','));
    if (!Take('}')) return Fail();
  }
  --depth_;
}

void JsonScanner::Array(const std::function<void()>& element) {
  if (TakeWord("null")) return;
  if (!Take('[') || ++depth_ > kMaxDepth) return Fail();
  if (!Take(']')) {
    do {
      element();
      if (!ok_) return;
    } while (Take(','));
    if (!Take(']')) return Fail();
  }
  --depth_;
}

std::string JsonScanner::String() {
  std::string out;
  if (!Take('"')) {
    Fail();
    return out;
  }
  while (at_ < text_.size()) {
    const char c = text_[at_++];
    if (c == '"') return out;
    if (static_cast<unsigned char>(c) < 0x20) break;
    if (c != '\\') {
      out.push_back(c);
      continue;
    }
    if (at_ == text_.size()) break;
    const char escaped = text_[at_++];
    constexpr std::string_view kFrom = "\"\\/bfnrt";
    constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
    if (const size_t i = kFrom.find(escaped); i != std::string_view::npos) {
      out.push_back(kTo[i]);
      continue;
    }
    // Nothing we need is written with \u beyond ASCII; other characters are kept as '?'.
    if (escaped != 'u' || text_.size() - at_ < 4) break;
    int code = 0;
    for (int i = 0; i < 4; ++i) {
      const int digit = HexDigit(text_[at_++]);
      if (digit < 0) code = -1;
      if (code >= 0) code = code * 16 + digit;
    }
    if (code < 0) break;
    out.push_back(code < 0x80 ? static_cast<char>(code) : '?');
  }
  Fail();
  return {};
}

int64_t JsonScanner::Int() {
  Space();
  const size_t begin = at_;
  while (at_ < text_.size() && (text_[at_] == '-' || (text_[at_] >= '0' && text_[at_] <= '9'))) {
    ++at_;
  }
  const auto value = base::ParseInt(text_.substr(begin, at_ - begin));
  if (!ok_ || !value) {
    Fail();
    return 0;
  }
  return *value;
}

bool JsonScanner::Bool() {
  if (TakeWord("true")) return true;
  if (!TakeWord("false")) Fail();
  return false;
}

void JsonScanner::Skip() {
  Space();
  if (!ok_ || at_ == text_.size()) return Fail();
  switch (text_[at_]) {
    case '{':
      return Object([this](std::string_view) { Skip(); });
    case '[':
      return Array([this] { Skip(); });
    case '"':
      (void)String();
      return;
    default:
      break;
  }
  if (TakeWord("null") || TakeWord("true") || TakeWord("false")) return;
  const size_t begin = at_;
  at_ = std::min(text_.find_first_not_of("+-.0123456789eE", at_), text_.size());
  if (!base::ParseFloat(text_.substr(begin, at_ - begin))) Fail();
}

}  // namespace tributary::tsdb
