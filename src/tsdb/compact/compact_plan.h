// Which blocks to make one of, by Prometheus's rules (tsdb/compact.go: plan, tsdb/db.go).
#pragma once

#include <cstdint>
#include <vector>

#include "tsdb/block/block_meta.h"

namespace tributary::tsdb {

// Lengths that blocks grow to: `min_ms`, three times that, and so on, none above `max_ms` but the
// first.
std::vector<int64_t> CompactionRanges(int64_t min_ms, int64_t max_ms);

// Positions in `blocks` of those to be merged next, by time; empty when there is nothing to do.
// Overlapping blocks come first; else the blocks that fill an aligned range, or lie before the
// newest block and cannot get more neighbours. The newest block is never taken, nor is one that
// failed before. Blocks with a partial view of the head (their hints) are merged among themselves.
std::vector<size_t> PlanCompaction(const std::vector<BlockMeta>& blocks,
                                   const std::vector<int64_t>& ranges);

// What the merged block is called and says of its origin; stats are empty.
BlockMeta MergedMeta(std::string ulid, const std::vector<BlockMeta>& parents);

// The end of the aligned range of `width` that `t` is in; exact for negative times, too.
int64_t AlignedEnd(int64_t t, int64_t width);

}  // namespace tributary::tsdb
