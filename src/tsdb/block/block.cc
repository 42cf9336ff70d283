#include "tsdb/block/block.h"

#include <algorithm>
#include <utility>

#include "tsdb/block/block_querier.h"
#include "tsdb/block/normalize_chunks.h"

namespace tributary::tsdb {

base::Result<std::shared_ptr<Block>> Block::Open(base::FileSystem& fs, const std::string& dir) {
  std::shared_ptr<Block> block(new Block());
  block->dir_ = dir;
  ASSIGN_OR_RETURN(block->meta_, ReadBlockMeta(fs, dir));
  const std::string index_path = base::JoinPath(dir, kIndexFile);
  ASSIGN_OR_RETURN(std::unique_ptr<base::MappedFile> index, fs.Map(index_path));
  ASSIGN_OR_RETURN(block->index_, IndexReader::Open(std::move(index), index_path));
  ASSIGN_OR_RETURN(block->chunks_, ChunkFileReader::Open(fs, base::JoinPath(dir, kChunksDir)));
  ASSIGN_OR_RETURN(block->tombstones_, ReadTombstones(fs, dir));
  block->size_bytes_ = block->index_->size_bytes() + block->chunks_->size_bytes();
  for (const std::string_view name : {kMetaFile, kTombstonesFile}) {
    const auto size = fs.FileSize(base::JoinPath(dir, name));
    if (size) block->size_bytes_ += *size;
  }
  return block;
}

base::Result<std::unique_ptr<storage::Querier>> Block::NewQuerier(model::Timestamp min_time,
                                                                  model::Timestamp max_time) {
  was_read_.store(true);
  return MakeBlockQuerier(shared_from_this(), min_time, max_time);
}

base::Result<std::unique_ptr<storage::SeriesSelection>> Block::SelectAll() {
  was_read_.store(true);
  return MakeBlockQuerier(shared_from_this(), model::kMinTime, model::kMaxTime)->Select({}, {});
}

void Block::ReleaseIdlePages() {
  if (was_read_.exchange(false)) return;
  index_->ReleasePages();
  chunks_->ReleasePages();
}

base::Status Block::Chunks(uint32_t ref, model::Timestamp min_time, model::Timestamp max_time,
                           storage::ChunkBuffer* buffer, std::vector<chunk::ChunkView>* out) const {
  std::vector<ChunkMeta> metas;
  RETURN_IF_ERROR(index_->ChunksOf(ref, min_time, max_time, &metas));
  const size_t begin = out->size();
  for (const ChunkMeta& meta : metas) {
    auto view = chunks_->Get(meta);
    if (!view) return view.error().Context("block " + meta_.ulid);
    out->push_back(*view);
  }
  if (tombstones_.empty()) return {};
  const auto deleted = tombstones_.find(ref);
  if (deleted == tombstones_.end()) return {};
  return EraseDeleted(deleted->second, buffer, begin, out);
}

base::Result<bool> Block::AllDeleted(uint32_t ref, model::Timestamp min_time,
                                     model::Timestamp max_time) const {
  const auto deleted = tombstones_.find(ref);
  if (deleted == tombstones_.end()) return false;
  std::vector<ChunkMeta> metas;
  RETURN_IF_ERROR(index_->ChunksOf(ref, min_time, max_time, &metas));
  return std::ranges::all_of(metas, [&](const ChunkMeta& meta) {
    return Covers(deleted->second, {meta.min_time, meta.max_time});
  });
}

}  // namespace tributary::tsdb
