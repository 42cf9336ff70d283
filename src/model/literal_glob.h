// LiteralGlob: a regexp that is nothing but literals, alternations of them, small character classes
// and `.*` / `.+` between them, matched by string comparison. Everything else is left to RE2.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/string_map.h"

namespace tributary::model {

// Immutable, thread-safe. Text is taken to be UTF-8.
class LiteralGlob {
 public:
  // Nullopt when the pattern is more than this class can say. A pattern that is taken is valid RE2
  // syntax, and the two agree on every text.
  static std::optional<LiteralGlob> Parse(std::string_view pattern);

  bool Matches(std::string_view text) const;
  // Sorted; empty unless exactly these match.
  const std::vector<std::string>& set() const { return set_; }
  // What every match begins with.
  const std::string& prefix() const { return prefix_; }

 private:
  // Literals with gaps between them: literals[0] gap[0] literals[1] …; the first and the last are
  // anchored and may be empty. A gap of 0 is `.*`, of 1 `.+`.
  struct Glob {
    std::vector<std::string> literals{""};
    std::vector<unsigned char> gaps;
  };
  class Parser;

  static bool MatchesGlob(const Glob& glob, std::string_view text);

  std::vector<std::string> set_;
  base::StringSet lookup_;  // the same, when it is large
  std::vector<Glob> globs_;
  std::string prefix_;
};

}  // namespace tributary::model
