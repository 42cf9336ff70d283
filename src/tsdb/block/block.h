// Block: an immutable piece of the store, a directory named by a ULID: meta.json, index, chunks/
// and tombstones. Files are mapped; what is read of them is bounds-checked and verified.
//
// Held by shared_ptr: queriers and selections keep their block, so that its directory can be
// removed while they read. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/fs.h"
#include "base/result.h"
#include "storage/querier.h"
#include "tsdb/block/block_meta.h"
#include "tsdb/block/chunk_files.h"
#include "tsdb/block/tombstones.h"
#include "tsdb/index/index_reader.h"

namespace tributary::tsdb {

inline constexpr std::string_view kIndexFile = "index";

class Block final : public storage::Queryable, public std::enable_shared_from_this<Block> {
 public:
  // Fails, naming the file, when a part is missing or damaged.
  static base::Result<std::shared_ptr<Block>> Open(base::FileSystem& fs, const std::string& dir);

  const BlockMeta& meta() const { return meta_; }
  const std::string& dir() const { return dir_; }
  uint64_t size_bytes() const { return size_bytes_; }
  // What is kept in memory beside the mappings.
  uint64_t memory_bytes() const { return index_->memory_bytes(); }
  bool Overlaps(model::Timestamp min_time, model::Timestamp max_time) const {
    return meta_.min_time <= max_time && min_time < meta_.max_time;
  }

  base::Result<std::unique_ptr<storage::Querier>> NewQuerier(model::Timestamp min_time,
                                                             model::Timestamp max_time) override;
  // All series, sorted by labels: what compaction reads. Keeps the block alive.
  base::Result<std::unique_ptr<storage::SeriesSelection>> SelectAll();

  // Gives back the memory of the mappings, unless somebody has come to read since the last call.
  void ReleaseIdlePages();

  const IndexReader& index() const { return *index_; }
  const Tombstones& tombstones() const { return tombstones_; }
  // Whether nothing is left of the chunks of a series that overlap.
  base::Result<bool> AllDeleted(uint32_t ref, model::Timestamp min_time,
                                model::Timestamp max_time) const;
  // The chunks of a series that overlap, without what was deleted.
  base::Status Chunks(uint32_t ref, model::Timestamp min_time, model::Timestamp max_time,
                      storage::ChunkBuffer* buffer, std::vector<chunk::ChunkView>* out) const;

 private:
  Block() = default;

  std::string dir_;
  BlockMeta meta_;
  std::unique_ptr<IndexReader> index_;
  std::unique_ptr<ChunkFileReader> chunks_;
  Tombstones tombstones_;
  uint64_t size_bytes_ = 0;
  std::atomic<bool> was_read_{false};
};

}  // namespace tributary::tsdb
