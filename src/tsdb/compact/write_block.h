// WriteBlock: the samples of some selections as one block.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "storage/querier.h"
#include "tsdb/block/block_writer.h"

namespace tributary::tsdb {

struct WriteBlockOptions {
  std::string parent;  // the directory of the store
  BlockMeta meta;      // its times bound what is taken; stats are filled in
  uint64_t max_chunk_file_bytes = kMaxChunkFileBytes;
  bool xor2 = false;  // floats are written as XOR2, whatever they were
  // Told of each chunk that is written. May be empty.
  std::function<void(const chunk::ChunkView&)> on_chunk = {};
  // Gives up with kCancelled soon after it became true. May be null.
  const std::atomic<bool>* stop = nullptr;
};

// Merges `inputs`, which must all be sorted, series by series; of equal timestamps the sample of
// the later input stays. Nothing is written, and nothing returned, when there is no sample.
// Keeps label texts and postings in memory, not samples.
base::Result<std::optional<BlockMeta>> WriteBlock(
    base::FileSystem& fs, WriteBlockOptions options,
    const std::vector<const storage::SeriesSelection*>& inputs);

}  // namespace tributary::tsdb
