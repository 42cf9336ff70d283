// Deleting series from a block: their times become tombstones, which readers hide and the next
// compaction leaves out.
#pragma once

#include <cstdint>
#include <span>

#include "base/fs.h"
#include "base/result.h"
#include "storage/querier.h"
#include "tsdb/block/block.h"

namespace tributary::tsdb {

// Writes tombstones for the samples in `time` of the series that all matchers select, and the new
// meta.json. False: there are none, and nothing was written. Otherwise the block is to be opened
// again. Tombstones are whole or as before after a crash at any place.
base::Result<bool> DeleteFromBlock(base::FileSystem& fs, const Block& block, TimeInterval time,
                                   storage::Matchers matchers);

// The same for series by their refs.
base::Result<bool> DeleteFromBlock(base::FileSystem& fs, const Block& block, TimeInterval time,
                                   std::span<const uint32_t> refs);

}  // namespace tributary::tsdb
