#include "tsdb/block/block_writer.h"

#include <utility>

#include "base/log.h"
#include "chunk/histogram_reader.h"
#include "chunk/xor_chunk.h"
#include "tsdb/block/block.h"
#include "tsdb/block/tombstones.h"

namespace tributary::tsdb {

size_t NumSamples(const chunk::ChunkView& chunk) {
  return chunk::IsHistogramEncoding(chunk.encoding)
             ? chunk::HistogramReader(chunk.encoding, chunk.data).num_samples()
             : chunk::ChunkNumSamples(chunk.data);
}

base::Result<std::unique_ptr<BlockWriter>> BlockWriter::Create(base::FileSystem& fs,
                                                               const std::string& parent,
                                                               BlockMeta meta,
                                                               std::vector<std::string> symbols,
                                                               uint64_t max_chunk_file_bytes) {
  const std::string dir = base::JoinPath(parent, meta.ulid + std::string(kCreationSuffix));
  RETURN_IF_ERROR(fs.RemoveAll(dir));
  RETURN_IF_ERROR(fs.CreateDirs(dir));
  return std::unique_ptr<BlockWriter>(
      new BlockWriter(fs, parent, std::move(meta), std::move(symbols), max_chunk_file_bytes));
}

BlockWriter::BlockWriter(base::FileSystem& fs, const std::string& parent, BlockMeta meta,
                         std::vector<std::string> symbols, uint64_t max_chunk_file_bytes)
    : fs_(fs),
      parent_(parent),
      dir_(base::JoinPath(parent, meta.ulid + std::string(kCreationSuffix))),
      meta_(std::move(meta)),
      chunks_(fs, base::JoinPath(dir_, kChunksDir), max_chunk_file_bytes),
      index_(fs, base::JoinPath(dir_, kIndexFile), std::move(symbols)) {
  meta_.stats = {};
}

BlockWriter::~BlockWriter() {
  if (finished_) return;
  if (const base::Status status = fs_.RemoveAll(dir_); !status) {
    LOG_WARN("could not remove an unfinished block", kv("err", status.error()));
  }
}

base::Status BlockWriter::Add(model::LabelSpan labels, std::span<const chunk::ChunkView> chunks) {
  chunk_metas_.clear();
  for (const chunk::ChunkView& chunk : chunks) {
    ASSIGN_OR_RETURN(const uint64_t ref, chunks_.Add(chunk));
    chunk_metas_.push_back({ref, chunk.min_time, chunk.max_time});
    const size_t samples = NumSamples(chunk);
    meta_.stats.num_samples += samples;
    (chunk::IsHistogramEncoding(chunk.encoding) ? meta_.stats.num_histogram_samples
                                                : meta_.stats.num_float_samples) += samples;
  }
  meta_.stats.num_chunks += chunks.size();
  ++meta_.stats.num_series;
  return index_.AddSeries(labels, chunk_metas_);
}

base::Result<BlockMeta> BlockWriter::Finish() {
  RETURN_IF_ERROR(chunks_.Finish());
  RETURN_IF_ERROR(index_.Finish());
  RETURN_IF_ERROR(
      base::WriteFileAtomically(fs_, base::JoinPath(dir_, kTombstonesFile), FormatTombstones({})));
  RETURN_IF_ERROR(
      base::WriteFileAtomically(fs_, base::JoinPath(dir_, kMetaFile), FormatBlockMeta(meta_)));
  RETURN_IF_ERROR(fs_.SyncDir(dir_));
  RETURN_IF_ERROR(fs_.Rename(dir_, base::JoinPath(parent_, meta_.ulid)));
  finished_ = true;
  RETURN_IF_ERROR(fs_.SyncDir(parent_));
  return meta_;
}

}  // namespace tributary::tsdb
