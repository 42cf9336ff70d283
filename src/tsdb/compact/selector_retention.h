// Which series of a block have outlived their retention, where series have one of their own.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "tsdb/block/block.h"
#include "tsdb/tsdb.h"

namespace tributary::tsdb {

// The longest that anything is kept; 0: for ever.
int64_t LongestRetention(const std::vector<SelectorRetention>& rules, int64_t default_ms);

// The longest of all retentions that `age_ms` is not below; 0: there is none. As long as this does
// not change, neither does what has expired.
int64_t PassedRetention(const std::vector<SelectorRetention>& rules, int64_t default_ms,
                        int64_t age_ms);

// Refs, ascending, of the series whose retention is at most `age_ms`. The first rule that selects a
// series counts, `default_ms` (0: for ever) where none does.
base::Result<std::vector<uint32_t>> ExpiredSeries(const Block& block,
                                                  const std::vector<SelectorRetention>& rules,
                                                  int64_t default_ms, int64_t age_ms);

}  // namespace tributary::tsdb
