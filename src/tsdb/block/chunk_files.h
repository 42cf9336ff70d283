// The chunk files of a block, chunks/000001 and on. Source: Prometheus tsdb/chunks/chunks.go.
//   file   magic u32, version u8, 3 zero bytes, chunks; at most 512 MiB
//   chunk  length uvarint, encoding u8, data, CRC-32C u32 of encoding and data
// A ref is (number of the file from 0) << 32 | offset.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "chunk/encoding.h"
#include "tsdb/index/buffered_file.h"
#include "tsdb/index/index_format.h"

namespace tributary::tsdb {

inline constexpr std::string_view kChunksDir = "chunks";
inline constexpr uint64_t kMaxChunkFileBytes = 512ull << 20;

// Thread-compatible.
class ChunkFileWriter {
 public:
  // Makes `dir`. A file is not begun beyond `max_file_bytes`.
  ChunkFileWriter(base::FileSystem& fs, std::string dir, uint64_t max_file_bytes);

  base::Result<uint64_t> Add(const chunk::ChunkView& chunk);
  // Syncs files and directory.
  base::Status Finish();

 private:
  base::Status BeginFile();

  base::FileSystem& fs_;
  const std::string dir_;
  const uint64_t max_file_bytes_;
  std::unique_ptr<BufferedFile> file_;
  uint32_t num_files_ = 0;
};

// Thread-safe.
class ChunkFileReader {
 public:
  // Maps all files of `dir`.
  static base::Result<std::unique_ptr<ChunkFileReader>> Open(base::FileSystem& fs,
                                                             const std::string& dir);

  // The chunk at `meta.ref`, its checksum verified; times are those of `meta`. The bytes live as
  // long as the reader. Damage is kCorruption that names file and offset.
  base::Result<chunk::ChunkView> Get(const ChunkMeta& meta) const;
  // As base::MappedFile.
  void ReleasePages() const {
    for (const File& file : files_) file.mapped->ReleasePages();
  }
  uint64_t size_bytes() const { return size_bytes_; }

 private:
  struct File {
    std::string path;
    std::unique_ptr<base::MappedFile> mapped;
  };
  std::vector<File> files_;
  uint64_t size_bytes_ = 0;
};

}  // namespace tributary::tsdb
