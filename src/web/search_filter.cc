#include "web/search_filter.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace tributary::web {
namespace {

// One element a character; a byte that is no UTF-8 is one by itself.
std::u32string Characters(std::string_view text) {
  constexpr char32_t kInvalid = 0xFFFD;
  std::u32string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (length == 1) {
      out.push_back(lead);
      i++;
    } else if (base::IsValidUtf8(text.substr(i, length)) && i + length <= text.size()) {
      char32_t c = lead & (0x7F >> length);
      for (size_t k = 1; k < length; k++) {
        c = (c << 6) | (static_cast<unsigned char>(text[i + k]) & 0x3F);
      }
      out.push_back(c);
      i += length;
    } else {
      out.push_back(kInvalid);
      i++;
    }
  }
  return out;
}

// The raw score of the pattern found greedily from `start`, where its first character stands:
// runs count with the square of their length, gaps against it. Nothing when it is not all there.
std::optional<double> RunsFrom(std::u32string_view pattern, std::u32string_view text,
                               size_t start) {
  const double per_character = 1.0 / static_cast<double>(text.size());
  double score = 0;
  size_t matched = 0;
  size_t end_of_last = 0;
  size_t i = start;
  while (matched < pattern.size()) {
    i = text.find(pattern[matched], i);
    if (i == std::u32string_view::npos) return std::nullopt;
    const size_t from = i;
    while (matched < pattern.size() && i < text.size() && text[i] == pattern[matched]) {
      matched++;
      i++;
    }
    score -= static_cast<double>(from - end_of_last) * per_character;
    score += static_cast<double>((i - from) * (i - from));
    end_of_last = i;
  }
  return score - static_cast<double>(text.size() - end_of_last) * per_character * 0.5;
}

}  // namespace

double SubsequenceScore(std::u32string_view pattern, std::u32string_view text) {
  // Only equal texts are perfect.
  constexpr double kBestOfUnequal = 0.999;
  if (pattern.empty() || pattern == text) return 1;
  if (pattern.size() > text.size()) return 0;
  double best = -1;
  for (size_t i = 0; i <= text.size() - pattern.size(); i++) {
    if (text[i] != pattern[0]) continue;
    const auto score = RunsFrom(pattern, text, i);
    if (!score) break;  // nor from any later start
    best = std::max(best, *score);
  }
  if (best < 0) return 0;
  return best / static_cast<double>(pattern.size() * pattern.size()) * kBestOfUnequal;
}

double JaroWinklerScore(std::u32string_view a, std::u32string_view b) {
  if (a == b) return 1;
  if (a.empty() || b.empty()) return 0;
  if (a.size() > b.size()) std::swap(a, b);
  const size_t reach = b.size() / 2 > 1 ? b.size() / 2 - 1 : 0;
  std::vector<bool> in_a(a.size()), in_b(b.size());
  double matches = 0;
  for (size_t i = 0; i < a.size(); i++) {
    const size_t end = std::min(i + reach + 1, b.size());
    for (size_t j = i > reach ? i - reach : 0; j < end; j++) {
      if (in_b[j] || a[i] != b[j]) continue;
      in_a[i] = in_b[j] = true;
      matches++;
      break;
    }
  }
  if (matches == 0) return 0;
  double transpositions = 0;
  size_t k = 0;
  for (size_t i = 0; i < a.size(); i++) {
    if (!in_a[i]) continue;
    while (!in_b[k]) k++;
    transpositions += a[i] != b[k];
    k++;
  }
  const double per_a = 1.0 / static_cast<double>(a.size());
  const double per_b = 1.0 / static_cast<double>(b.size());
  const double jaro =
      (matches * per_a + matches * per_b + (matches - transpositions * 0.5) / matches) / 3;
  constexpr size_t kLongestPrefix = 4;
  size_t prefix = 0;
  while (prefix < std::min(kLongestPrefix, a.size()) && a[prefix] == b[prefix]) prefix++;
  return jaro + static_cast<double>(prefix) * 0.1 * (1 - jaro);
}

std::optional<double> SubstringScore(std::u32string_view term, std::u32string_view text) {
  const size_t at = text.find(term);
  if (at == std::u32string_view::npos) return std::nullopt;
  if (at == 0) return 1;
  return 1 - 0.9 * static_cast<double>(at) / static_cast<double>(text.size() - term.size());
}

SearchFilter::SearchFilter(SearchFilterOptions options) : options_(std::move(options)) {
  for (std::string& term : options_.terms) {
    if (term.empty()) continue;
    if (!options_.case_sensitive) term = base::ToLower(term);
    terms_.push_back({term, Characters(term)});
  }
}

std::optional<double> SearchFilter::ScoreOf(const Term& term, std::string_view value,
                                            const std::u32string& characters) const {
  if (!options_.jaro_winkler) {
    if (value.starts_with(term.text)) return 1;
    const double score = SubsequenceScore(term.characters, characters);
    if (score > 0 && score >= options_.threshold) return score;
    return std::nullopt;
  }
  if (const auto score = SubstringScore(term.characters, characters)) return score;
  if (options_.threshold == 0) return std::nullopt;
  const double score = JaroWinklerScore(term.characters, characters);
  if (score >= options_.threshold) return score;
  return std::nullopt;
}

std::optional<double> SearchFilter::Score(std::string_view value) const {
  if (terms_.empty()) return 1;
  std::string lowered;
  if (!options_.case_sensitive) value = lowered = base::ToLower(value);
  const std::u32string characters = Characters(value);
  std::optional<double> best;
  for (const Term& term : terms_) {
    const auto score = ScoreOf(term, value, characters);
    if (score && (!best || *score > *best)) best = score;
  }
  return best;
}

}  // namespace tributary::web
