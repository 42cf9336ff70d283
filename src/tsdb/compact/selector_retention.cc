#include "tsdb/compact/selector_retention.h"

#include <algorithm>

#include <absl/container/flat_hash_set.h>

#include "tsdb/index/select_postings.h"

namespace tributary::tsdb {

int64_t LongestRetention(const std::vector<SelectorRetention>& rules, int64_t default_ms) {
  if (default_ms == 0) return 0;
  int64_t longest = default_ms;
  for (const SelectorRetention& rule : rules) longest = std::max(longest, rule.keep_ms);
  return longest;
}

int64_t PassedRetention(const std::vector<SelectorRetention>& rules, int64_t default_ms,
                        int64_t age_ms) {
  int64_t passed = default_ms <= age_ms ? default_ms : 0;
  for (const SelectorRetention& rule : rules) {
    if (rule.keep_ms <= age_ms) passed = std::max(passed, rule.keep_ms);
  }
  return passed;
}

base::Result<std::vector<uint32_t>> ExpiredSeries(const Block& block,
                                                  const std::vector<SelectorRetention>& rules,
                                                  int64_t default_ms, int64_t age_ms) {
  std::vector<uint32_t> expired;
  absl::flat_hash_set<uint32_t> claimed;
  for (const SelectorRetention& rule : rules) {
    ASSIGN_OR_RETURN(const std::vector<uint32_t> refs,
                     SelectPostings(block.index(), rule.matchers));
    for (const uint32_t ref : refs) {
      if (claimed.insert(ref).second && rule.keep_ms <= age_ms) expired.push_back(ref);
    }
  }
  if (default_ms > 0 && default_ms <= age_ms) {
    ASSIGN_OR_RETURN(const std::vector<uint32_t> all, SelectPostings(block.index(), {}));
    std::ranges::copy_if(all, std::back_inserter(expired),
                         [&](uint32_t ref) { return !claimed.contains(ref); });
  }
  std::ranges::sort(expired);
  return expired;
}

}  // namespace tributary::tsdb
