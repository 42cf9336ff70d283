#include "model/literal_glob.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace tributary::model {

namespace {

// Above these RE2's automaton is the better tool, and memory stays in proportion to the pattern.
constexpr size_t kMaxGlobs = 8;
constexpr size_t kMaxProduct = 1024;
constexpr size_t kMaxProductBytes = size_t{64} << 10;
constexpr int kMaxDepth = 20;
// Sets up to this size are compared one by one.
constexpr size_t kSmallSet = 6;

bool IsPunctuation(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
         (c >= '{' && c <= '~');
}

bool IsMeta(char c) {
  return std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos;
}

}  // namespace

// Recursive descent over the pattern. Every production yields the list of globs it may match.
class LiteralGlob::Parser {
 public:
  explicit Parser(std::string_view pattern) : text_(pattern) {}

  std::optional<std::vector<Glob>> ParseAll() {
    std::optional<std::vector<Glob>> globs = ParseAlternation(0);
    if (!globs || pos_ != text_.size()) return std::nullopt;
    return globs;
  }

 private:
  using Globs = std::vector<Glob>;

  bool AtEnd() const { return pos_ == text_.size(); }
  char Peek() const { return text_[pos_]; }
  bool Take(std::string_view token) {
    if (!text_.substr(pos_).starts_with(token)) return false;
    pos_ += token.size();
    return true;
  }

  std::optional<Globs> ParseAlternation(int depth) {
    if (depth > kMaxDepth) return std::nullopt;
    Globs all;
    do {
      std::optional<Globs> branch = ParseConcatenation(depth);
      if (!branch) return std::nullopt;
      std::move(branch->begin(), branch->end(), std::back_inserter(all));
    } while (Take("|"));
    return all;
  }

  std::optional<Globs> ParseConcatenation(int depth) {
    Globs result(1);
    while (!AtEnd() && Peek() != '|' && Peek() != ')') {
      std::optional<Globs> item = ParseItem(depth);
      // A repetition of what was just read, other than of '.', is beyond us.
      if (!item || (!AtEnd() && std::string_view("*+?{").find(Peek()) != std::string_view::npos) ||
          !Multiply(&result, *item)) {
        return std::nullopt;
      }
    }
    return result;
  }

  std::optional<Globs> ParseItem(int depth) {
    if (Take(".*")) return Globs{Gap(0)};
    if (Take(".+")) return Globs{Gap(1)};
    if (Take("(?:") || (!text_.substr(pos_).starts_with("(?") && Take("("))) {
      std::optional<Globs> inner = ParseAlternation(depth + 1);
      if (!inner || !Take(")")) return std::nullopt;
      return inner;
    }
    if (Take("[")) return ParseClass();
    const std::optional<char> c = ParseChar();
    if (!c) return std::nullopt;
    std::string literal(1, *c);
    // Take the run of plain characters in one go. The last one, with all its UTF-8 bytes, is left
    // for the next round, since a repetition may follow it.
    size_t end = pos_;
    while (end < text_.size() && !IsMeta(text_[end])) ++end;
    if (end < text_.size()) {
      while (end > pos_ && (static_cast<unsigned char>(text_[end - 1]) & 0xc0) == 0x80) --end;
      if (end > pos_) --end;
    }
    if ((static_cast<unsigned char>(*c) & 0x80) != 0 && end == pos_) {
      // Inside one multi-byte character: keep it whole.
      while (end < text_.size() && (static_cast<unsigned char>(text_[end]) & 0xc0) == 0x80) ++end;
    }
    literal.append(text_.substr(pos_, end - pos_));
    pos_ = end;
    return Globs{Literal(std::move(literal))};
  }

  std::optional<char> ParseChar() {
    if (AtEnd()) return std::nullopt;
    const char c = text_[pos_];
    if (c == '\\') {
      if (pos_ + 1 == text_.size() || !IsPunctuation(text_[pos_ + 1])) return std::nullopt;
      pos_ += 2;
      return text_[pos_ - 1];
    }
    if (IsMeta(c)) return std::nullopt;
    ++pos_;
    return c;
  }

  // ASCII letters, digits, '_' and ranges of them, not negated.
  std::optional<Globs> ParseClass() {
    const auto plain = [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    std::string members;
    while (!AtEnd() && Peek() != ']') {
      const char low = text_[pos_++];
      char high = low;
      if (Take("-")) {
        if (AtEnd()) return std::nullopt;
        high = text_[pos_++];
      }
      if (!plain(low) || !plain(high) || high < low) return std::nullopt;
      for (char c = low; c <= high; ++c) members.push_back(c);
    }
    if (members.empty() || !Take("]")) return std::nullopt;
    std::sort(members.begin(), members.end());
    members.erase(std::unique(members.begin(), members.end()), members.end());
    Globs result;
    for (const char c : members) result.push_back(Literal(std::string(1, c)));
    return result;
  }

  static Glob Literal(std::string literal) {
    Glob glob;
    glob.literals[0] = std::move(literal);
    return glob;
  }
  static Glob Gap(unsigned char least) {
    Glob glob;
    glob.literals.emplace_back();
    glob.gaps.push_back(least);
    return glob;
  }

  // Appends `right` to `left`. False when that is not expressible: `.+.+` wants two characters.
  static bool Append(Glob* left, const Glob& right) {
    if (right.gaps.empty()) {
      left->literals.back().append(right.literals[0]);
      return true;
    }
    size_t i = 0;
    if (left->literals.back().empty() && !left->gaps.empty() && right.literals[0].empty()) {
      // Two gaps meet.
      if (left->gaps.back() == 1 && right.gaps[0] == 1) return false;
      left->gaps.back() = static_cast<unsigned char>(left->gaps.back() | right.gaps[0]);
      left->literals.back() = right.literals[1];
      i = 1;
    } else {
      left->literals.back().append(right.literals[0]);
    }
    for (; i < right.gaps.size(); ++i) {
      left->gaps.push_back(right.gaps[i]);
      left->literals.push_back(right.literals[i + 1]);
    }
    return true;
  }

  static bool Multiply(Globs* left, const Globs& right) {
    if (right.size() == 1) {
      if (left->size() > 1) {
        size_t bytes = 0;
        for (const Glob& glob : *left) bytes += glob.literals.back().size();
        if (bytes > kMaxProductBytes) return false;
      }
      return std::all_of(left->begin(), left->end(),
                         [&](Glob& glob) { return Append(&glob, right[0]); });
    }
    const bool product =
        left->size() > 1 || !left->front().gaps.empty() || !left->front().literals[0].empty();
    if (product && left->size() * right.size() > kMaxProduct) return false;
    Globs result;
    result.reserve(left->size() * right.size());
    for (const Glob& a : *left) {
      for (const Glob& b : right) {
        result.push_back(a);
        if (!Append(&result.back(), b)) return false;
      }
    }
    *left = std::move(result);
    return true;
  }

  std::string_view text_;
  size_t pos_ = 0;
};

std::optional<LiteralGlob> LiteralGlob::Parse(std::string_view pattern) {
  if (!base::IsValidUtf8(pattern)) return std::nullopt;
  std::optional<std::vector<Glob>> globs = Parser(pattern).ParseAll();
  if (!globs) return std::nullopt;
  LiteralGlob result;
  for (Glob& glob : *globs) {
    if (glob.gaps.empty()) {
      result.set_.push_back(std::move(glob.literals[0]));
    } else {
      result.globs_.push_back(std::move(glob));
    }
  }
  if (result.globs_.size() > kMaxGlobs) return std::nullopt;
  std::sort(result.set_.begin(), result.set_.end());
  result.set_.erase(std::unique(result.set_.begin(), result.set_.end()), result.set_.end());

  std::vector<std::string_view> heads;
  if (!result.set_.empty()) {
    heads.push_back(result.set_.front());  // sorted: the first and the last share what all share
    heads.push_back(result.set_.back());
  }
  for (const Glob& glob : result.globs_) heads.push_back(glob.literals[0]);
  std::string_view common = heads[0];
  for (const std::string_view head : heads) {
    const auto end = std::mismatch(common.begin(), common.end(), head.begin(), head.end()).first;
    common = common.substr(0, static_cast<size_t>(end - common.begin()));
  }
  result.prefix_ = common;

  if (!result.globs_.empty()) {
    // set() promises to be complete; with globs beside it the literals become globs too.
    result.lookup_.insert(result.set_.begin(), result.set_.end());
    result.set_.clear();
  } else if (result.set_.size() > kSmallSet) {
    result.lookup_.insert(result.set_.begin(), result.set_.end());
  }
  return result;
}

bool LiteralGlob::Matches(std::string_view text) const {
  if (!lookup_.empty()) {
    if (lookup_.contains(text)) return true;
  } else {
    for (const std::string& literal : set_) {
      if (text == literal) return true;
    }
  }
  for (const Glob& glob : globs_) {
    if (MatchesGlob(glob, text)) return true;
  }
  return false;
}

// Taking each inner literal at its first possible place is enough: what follows only gains room.
bool LiteralGlob::MatchesGlob(const Glob& glob, std::string_view text) {
  const std::string& first = glob.literals.front();
  const std::string& last = glob.literals.back();
  if (text.size() < first.size() || !text.starts_with(first)) return false;
  size_t pos = first.size();
  for (size_t i = 0; i + 1 < glob.gaps.size(); ++i) {
    const std::string& literal = glob.literals[i + 1];
    const size_t from = pos + glob.gaps[i];
    if (from > text.size()) return false;
    const size_t found = text.find(literal, from);
    if (found == std::string_view::npos) return false;
    pos = found + literal.size();
  }
  pos += glob.gaps.back();
  return text.size() >= pos + last.size() && text.ends_with(last);
}

}  // namespace tributary::model
