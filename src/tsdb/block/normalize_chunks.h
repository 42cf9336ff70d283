// NormalizeChunks: the chunks of one series, put in the form a block needs: by time, not
// overlapping, nothing outside of a range and nothing that was deleted. Chunks that are so already
// stay as they are; the others are decoded and written anew.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "chunk/encoding.h"
#include "storage/querier.h"
#include "tsdb/block/time_interval.h"

namespace tributary::tsdb {

// Of samples with equal timestamps that of the later chunk stays (of chunks with equal min_time,
// the one further back in `chunks`). New bytes are made in `buffer`. Start times of histograms that
// are written anew get lost. Fails on a chunk that cannot be decoded. `xor2`: no XOR chunk stays.
base::Status NormalizeChunks(TimeInterval range, std::span<const TimeInterval> deleted,
                             storage::ChunkBuffer* buffer, std::vector<chunk::ChunkView>* chunks,
                             bool xor2 = false);

// Takes what was deleted out of the chunks from number `first` on, which are of one series.
base::Status EraseDeleted(std::span<const TimeInterval> deleted, storage::ChunkBuffer* buffer,
                          size_t first, std::vector<chunk::ChunkView>* chunks);

}  // namespace tributary::tsdb
