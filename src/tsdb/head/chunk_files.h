// ChunkFiles: the directory chunks_head/. A file is written at once, under another name, and given
// its own when it is whole; it is never changed, and goes when all in it is older than the head.
// The log has every sample that is in a file, so a file may be missing or damaged.
//
// Load() and Add() are for one thread at a time; the rest is thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/threads.h"
#include "tsdb/head/chunk_file.h"
#include "tsdb/head/snapshot_file.h"

namespace tributary::tsdb {

class ChunkFiles {
 public:
  explicit ChunkFiles(base::MetricsRegistry& registry);

  // What the files of `dir` prove to hold, by file, oldest first; the chunks stay until
  // RemoveBefore(). Damage is logged and counted. Removes what an earlier process left unfinished.
  // Fails only when the directory cannot be used.
  base::Result<std::vector<std::vector<FileChunk>>> Load(base::FileSystem& fs,
                                                         const std::string& dir,
                                                         base::ThreadPool& pool);
  // False before Load(): then nothing is written.
  bool enabled() const { return fs_ != nullptr; }

  // Those that were read whole, or written.
  std::vector<SnapshotOrigin::File> Files() const;
  // Whether the file is there, with this size and without damage.
  bool IsWhole(uint32_t number, uint64_t size) const;

  // Of all files.
  uint64_t bytes() const { return bytes_.load(); }

  // Makes `content` the newest file. `max_time` is that of the newest sample in it. Returns its
  // bytes, which stay until RemoveBefore().
  base::Result<base::Bytes> Add(std::string_view content, int64_t max_time, size_t chunks);

  // As base::MappedFile, of all files.
  void ReleasePages() const;

  // Removes the oldest files, as long as all in them is before `min_time`. Nobody may be looking
  // at their chunks. What cannot be removed now is left to the next call.
  void RemoveBefore(int64_t min_time);

 private:
  struct File {
    uint32_t number = 0;
    int64_t max_time = 0;
    std::unique_ptr<base::MappedFile> mapped;  // null: it could not be read
    bool damaged = false;
  };
  std::string PathOf(uint32_t number) const;

  base::FileSystem* fs_ = nullptr;
  std::string dir_;
  std::deque<File> files_;
  uint32_t next_number_ = 1;
  std::atomic<uint64_t> bytes_{0};
  base::Counter& written_;
  base::Counter& corruptions_;
  std::unique_ptr<base::MetricsRegistry::CallbackHandle> size_;
};

}  // namespace tributary::tsdb
