// How well a name or value fits what somebody typed: the scores of the search API. Sources:
// Prometheus util/strutil/{subsequence,jarowinkler}.go, web/api/v1/search_filters.go.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tributary::web {

struct SearchFilterOptions {
  std::vector<std::string> terms;  // one of them must fit; empty ones are left out
  double threshold = 0;            // least score of a fuzzy match, from 0 to 1
  bool jaro_winkler = false;       // else: the characters of the term in order
  bool case_sensitive = true;
};

// Immutable, thread-safe.
class SearchFilter {
 public:
  explicit SearchFilter(SearchFilterOptions options);
  // The score, up to 1; nothing when the value does not fit. Without terms everything does.
  std::optional<double> Score(std::string_view value) const;

 private:
  struct Term {
    std::string text;
    std::u32string characters;
  };
  std::optional<double> ScoreOf(const Term& term, std::string_view value,
                                const std::u32string& characters) const;

  SearchFilterOptions options_;
  std::vector<Term> terms_;
};

// How far all characters of `pattern` stand in `text` in their order: 1 for equal texts, less the
// more they are scattered, 0 when they do not.
double SubsequenceScore(std::u32string_view pattern, std::u32string_view text);
// The Jaro-Winkler similarity, from 0 to 1.
double JaroWinklerScore(std::u32string_view a, std::u32string_view b);
// Where `term` stands in `text`: 1 at its start, down to 0.1 at its end; nothing when nowhere.
std::optional<double> SubstringScore(std::u32string_view term, std::u32string_view text);

}  // namespace tributary::web
