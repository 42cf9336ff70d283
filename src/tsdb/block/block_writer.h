// BlockWriter: writes a block into `<ULID>.tmp-for-creation`, syncs all of it and renames it, so
// that a block with its final name is whole. Thread-compatible.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "chunk/encoding.h"
#include "model/labels.h"
#include "tsdb/block/block_meta.h"
#include "tsdb/block/chunk_files.h"
#include "tsdb/index/index_writer.h"

namespace tributary::tsdb {

inline constexpr std::string_view kCreationSuffix = ".tmp-for-creation";
inline constexpr std::string_view kDeletionSuffix = ".tmp-for-deletion";

// Samples in a chunk of any encoding, from its header.
size_t NumSamples(const chunk::ChunkView& chunk);

class BlockWriter {
 public:
  // `parent` is the directory of the store; stats of `meta` are filled in here. `symbols`: all
  // label names and values that will come, ascending, each once.
  static base::Result<std::unique_ptr<BlockWriter>> Create(
      base::FileSystem& fs, const std::string& parent, BlockMeta meta,
      std::vector<std::string> symbols, uint64_t max_chunk_file_bytes = kMaxChunkFileBytes);
  // Removes what was written, unless Finish() succeeded.
  ~BlockWriter();

  // Series come in the order of their labels; chunks by time, not overlapping, within the times of
  // the block.
  base::Status Add(model::LabelSpan labels, std::span<const chunk::ChunkView> chunks);
  // The block is there, durably, when this succeeds. Last call.
  base::Result<BlockMeta> Finish();

 private:
  BlockWriter(base::FileSystem& fs, const std::string& parent, BlockMeta meta,
              std::vector<std::string> symbols, uint64_t max_chunk_file_bytes);

  base::FileSystem& fs_;
  const std::string parent_;
  const std::string dir_;  // the temporary one
  BlockMeta meta_;
  ChunkFileWriter chunks_;
  IndexWriter index_;
  std::vector<ChunkMeta> chunk_metas_;
  bool finished_ = false;
};

}  // namespace tributary::tsdb
