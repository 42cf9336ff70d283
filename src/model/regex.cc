#include "model/regex.h"

#include <optional>
#include <utility>

#include <re2/re2.h>

#include "model/literal_glob.h"

namespace tributary::model {

namespace {

// What RE2 may spend on one pattern: its program and the states it caches.
constexpr int64_t kMaxRe2Memory = int64_t{16} << 20;

// Go's words (regexp/syntax) for RE2's error codes.
std::string_view GoErrorText(RE2::ErrorCode code) {
  switch (code) {
    case RE2::NoError:
    case RE2::ErrorInternal:
      return "regexp/syntax: internal error";
    case RE2::ErrorBadEscape:
      return "invalid escape sequence";
    case RE2::ErrorBadCharClass:
      return "invalid character class";
    case RE2::ErrorBadCharRange:
      return "invalid character class range";
    case RE2::ErrorMissingBracket:
      return "missing closing ]";
    case RE2::ErrorMissingParen:
      return "missing closing )";
    case RE2::ErrorUnexpectedParen:
      return "unexpected )";
    case RE2::ErrorTrailingBackslash:
      return "trailing backslash at end of expression";
    case RE2::ErrorRepeatArgument:
      return "missing argument to repetition operator";
    case RE2::ErrorRepeatSize:
      return "invalid repeat count";
    case RE2::ErrorRepeatOp:
      return "invalid nested repetition operator";
    case RE2::ErrorBadPerlOp:
      return "invalid or unsupported Perl syntax";
    case RE2::ErrorBadUTF8:
      return "invalid UTF-8";
    case RE2::ErrorBadNamedCapture:
      return "invalid named capture";
    case RE2::ErrorPatternTooLarge:
      return "expression too large";
  }
  return "regexp/syntax: internal error";
}

// Go takes (?<name>…) beside (?P<name>…), this RE2 only the latter.
std::string SpellNamedGroups(std::string_view pattern) {
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      out.push_back(c);
      out.push_back(pattern[++i]);
      continue;
    }
    if (c == '[') in_class = true;
    if (c == ']') in_class = false;
    if (!in_class && pattern.substr(i).starts_with("(?<")) {
      out.append("(?P<");
      i += 2;
      continue;
    }
    out.push_back(c);
  }
  return out;
}

base::Result<std::unique_ptr<RE2>> CompileRe2(std::string_view pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  options.set_max_mem(kMaxRe2Memory);
  auto re = std::make_unique<RE2>(SpellNamedGroups(pattern), options);
  if (!re->ok()) {
    return base::InvalidArgument(
        "error parsing regexp: " + std::string(GoErrorText(re->error_code())) + ": `" +
        re->error_arg() + "`");
  }
  return re;
}

// The literal that every match of a pattern outside LiteralGlob begins with, read off its text.
std::string LiteralHead(std::string_view pattern) {
  if (pattern.find('|') != std::string_view::npos) return {};
  size_t end = 0;
  while (end < pattern.size() &&
         std::string_view("\\.+*?()[]{}^$").find(pattern[end]) == std::string_view::npos) {
    ++end;
  }
  // The last character may be repeated, so it is not certain.
  while (end > 0 && (static_cast<unsigned char>(pattern[end - 1]) & 0xc0) == 0x80) --end;
  if (end > 0) --end;
  return std::string(pattern.substr(0, end));
}

bool IsAsciiWord(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// One step of a replacement template: text, or a reference to a group.
struct TemplatePiece {
  std::string_view text;
  std::string_view group_name;  // when group is -1
  int group = -2;               // -2: text, -1: by name, else by number
};

// Reads `name` or `{name}` after a '$'. False when that is not a reference.
bool ReadReference(std::string_view* rest, TemplatePiece* piece) {
  std::string_view s = *rest;
  const bool brace = s.starts_with('{');
  if (brace) s.remove_prefix(1);
  size_t n = 0;
  // Go counts all Unicode letters; bytes above ASCII are taken to be such.
  while (n < s.size() && (IsAsciiWord(static_cast<unsigned char>(s[n])) || (s[n] & 0x80) != 0)) ++n;
  if (n == 0 || (brace && (n >= s.size() || s[n] != '}'))) return false;
  const std::string_view name = s.substr(0, n);
  s.remove_prefix(brace ? n + 1 : n);
  *rest = s;
  constexpr int kTooLarge = 100'000'000;
  int number = 0;
  for (const char c : name) {
    if (c < '0' || c > '9' || number >= kTooLarge) {
      number = -1;
      break;
    }
    number = number * 10 + (c - '0');
  }
  if (name[0] == '0' && name.size() > 1) number = -1;
  piece->group = number;
  piece->group_name = name;
  return true;
}

// Calls visit(piece) for each piece of the template, in Go's reading of it.
template <class Visitor>
void ForEachPiece(std::string_view replacement, Visitor visit) {
  while (!replacement.empty()) {
    const size_t dollar = replacement.find('$');
    if (dollar == std::string_view::npos) break;
    if (dollar > 0) visit(TemplatePiece{.text = replacement.substr(0, dollar)});
    replacement.remove_prefix(dollar + 1);
    TemplatePiece piece;
    if (replacement.starts_with('$')) {
      visit(TemplatePiece{.text = "$"});
      replacement.remove_prefix(1);
    } else if (ReadReference(&replacement, &piece)) {
      visit(piece);
    } else {
      visit(TemplatePiece{.text = "$"});
    }
  }
  if (!replacement.empty()) visit(TemplatePiece{.text = replacement});
}

class FastRegexImpl final : public FastRegex {
 public:
  static base::Result<std::shared_ptr<const FastRegex>> Make(std::string_view pattern) {
    auto regex = std::make_shared<FastRegexImpl>();
    regex->pattern_ = pattern;
    regex->glob_ = LiteralGlob::Parse(pattern);
    const bool groups = HasGroups(pattern);
    if (regex->glob_) {
      regex->prefix_ = regex->glob_->prefix();
      regex->outer_group_ = groups && pattern.front() == '(' && pattern.back() == ')' &&
                            !HasGroups(pattern.substr(1)) &&
                            pattern.find(')') == pattern.size() - 1;
    } else {
      regex->prefix_ = LiteralHead(pattern);
    }
    if (!regex->glob_ || (groups && !regex->outer_group_)) {
      ASSIGN_OR_RETURN(regex->re_, CompileRe2(pattern));
    }
    return std::shared_ptr<const FastRegex>(std::move(regex));
  }

  bool Matches(std::string_view text) const override {
    if (glob_) return glob_->Matches(text);
    if (!text.starts_with(prefix_)) return false;
    return re_->Match(Piece(text), 0, text.size(), RE2::ANCHOR_BOTH, nullptr, 0);
  }

  const std::vector<std::string>& set_matches() const override {
    static const std::vector<std::string> kNone;
    return glob_ ? glob_->set() : kNone;
  }
  std::string_view prefix() const override { return prefix_; }
  const std::string& pattern() const override { return pattern_; }

  bool Replace(std::string_view text, std::string_view replacement,
               std::string* out) const override {
    if (re_ == nullptr) {
      if (!glob_->Matches(text)) return false;
      const int last_group = outer_group_ ? 1 : 0;
      // `text` or `replacement` may live in *out.
      std::string result;
      ForEachPiece(replacement, [&](const TemplatePiece& piece) {
        if (piece.group == -2) {
          result.append(piece.text);
        } else if (piece.group >= 0 && piece.group <= last_group) {
          result.append(text);
        }
      });
      *out = std::move(result);
      return true;
    }
    if (!text.starts_with(prefix_) || (glob_ && !glob_->Matches(text))) return false;
    const int n = re_->NumberOfCapturingGroups() + 1;
    constexpr int kOnStack = 16;
    re2::StringPiece on_stack[kOnStack];
    std::vector<re2::StringPiece> on_heap;
    re2::StringPiece* groups = on_stack;
    if (n > kOnStack) {
      on_heap.resize(static_cast<size_t>(n));
      groups = on_heap.data();
    }
    if (!re_->Match(Piece(text), 0, text.size(), RE2::ANCHOR_BOTH, groups, n)) return false;
    std::string result;
    ForEachPiece(replacement, [&](const TemplatePiece& piece) {
      int group = piece.group;
      if (group == -2) {
        result.append(piece.text);
        return;
      }
      if (group == -1) {
        const auto& names = re_->NamedCapturingGroups();
        const auto it = names.find(std::string(piece.group_name));
        if (it == names.end()) return;
        group = it->second;
      }
      if (group < n && groups[group].data() != nullptr) {
        result.append(groups[group].data(), groups[group].size());
      }
    });
    *out = std::move(result);
    return true;
  }

 private:
  static re2::StringPiece Piece(std::string_view s) { return {s.data(), s.size()}; }

  // Whether LiteralGlob's kind of pattern has a capturing group.
  static bool HasGroups(std::string_view pattern) {
    for (size_t i = 0; i < pattern.size(); ++i) {
      if (pattern[i] == '\\') {
        ++i;
      } else if (pattern[i] == '(' && !pattern.substr(i).starts_with("(?:")) {
        return true;
      }
    }
    return false;
  }

  std::string pattern_;
  std::string prefix_;
  std::optional<LiteralGlob> glob_;
  std::unique_ptr<RE2> re_;   // where glob_ cannot match or cannot tell the groups
  bool outer_group_ = false;  // the one group spans the whole pattern
};

}  // namespace

base::Result<std::shared_ptr<const FastRegex>> FastRegex::Compile(std::string_view pattern) {
  return FastRegexImpl::Make(pattern);
}

}  // namespace tributary::model
