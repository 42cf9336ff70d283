#include "tsdb/compact/delete_series.h"

#include <algorithm>

#include "tsdb/index/select_postings.h"

namespace tributary::tsdb {

base::Result<bool> DeleteFromBlock(base::FileSystem& fs, const Block& block, TimeInterval time,
                                   storage::Matchers matchers) {
  ASSIGN_OR_RETURN(const std::vector<uint32_t> refs, SelectPostings(block.index(), matchers));
  return DeleteFromBlock(fs, block, time, std::span(refs));
}

base::Result<bool> DeleteFromBlock(base::FileSystem& fs, const Block& block, TimeInterval time,
                                   std::span<const uint32_t> refs) {
  Tombstones tombstones = block.tombstones();
  bool any = false;
  std::vector<ChunkMeta> chunks;
  for (const uint32_t ref : refs) {
    chunks.clear();
    RETURN_IF_ERROR(block.index().ChunksOf(ref, model::kMinTime, model::kMaxTime, &chunks));
    if (std::ranges::none_of(chunks, [&](const ChunkMeta& chunk) {
          return chunk.min_time <= time.max && time.min <= chunk.max_time;
        })) {
      continue;
    }
    AddInterval(
        {std::max(time.min, chunks.front().min_time), std::min(time.max, chunks.back().max_time)},
        &tombstones[ref]);
    any = true;
  }
  if (!any) return false;
  BlockMeta meta = block.meta();
  meta.stats.num_tombstones = CountIntervals(tombstones);
  RETURN_IF_ERROR(base::WriteFileAtomically(fs, base::JoinPath(block.dir(), kTombstonesFile),
                                            FormatTombstones(tombstones)));
  RETURN_IF_ERROR(
      base::WriteFileAtomically(fs, base::JoinPath(block.dir(), kMetaFile), FormatBlockMeta(meta)));
  return true;
}

}  // namespace tributary::tsdb
