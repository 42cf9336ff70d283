// FastRegex: a PromQL regexp (RE2 syntax, fully anchored, dot matches newline) that answers common
// shapes without an automaton: literals, alternations of literals, prefixes, suffixes, `.*`, `.+`,
// contains. Compiled once, immutable, thread-safe. Memory of one pattern is bounded.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tributary::model {

class FastRegex {
 public:
  static base::Result<std::shared_ptr<const FastRegex>> Compile(std::string_view pattern);
  virtual ~FastRegex() = default;

  virtual bool Matches(std::string_view text) const = 0;
  // Non-empty: exactly these strings match, nothing else. Sorted. (Case-sensitive sets only.)
  virtual const std::vector<std::string>& set_matches() const = 0;
  // Every matching string begins with this; "" when unknown.
  virtual std::string_view prefix() const = 0;
  virtual const std::string& pattern() const = 0;

  // Matches and expands `replacement` ($1, ${1}, ${name}, $$) as Go's Regexp.ExpandString does, for
  // relabelling and label_replace. False: no match, `out` untouched.
  virtual bool Replace(std::string_view text, std::string_view replacement,
                       std::string* out) const = 0;
};

}  // namespace tributary::model
