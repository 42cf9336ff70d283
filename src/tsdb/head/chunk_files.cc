#include "tsdb/head/chunk_files.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "base/strings.h"

namespace tributary::tsdb {
namespace {

constexpr std::string_view kUnfinished = ".tmp";

// Prometheus gives file numbers six digits, and takes others.
std::optional<uint32_t> NumberOf(const std::string& name) {
  const auto number = base::ParseUint(name);
  if (!number || *number == 0 || *number > UINT32_MAX) return std::nullopt;
  return static_cast<uint32_t>(*number);
}

}  // namespace

ChunkFiles::ChunkFiles(base::MetricsRegistry& registry)
    : written_(registry.GetCounter("prometheus_tsdb_mmap_chunks_total",
                                   "Total number of chunks that were memory-mapped.")),
      corruptions_(registry.GetCounter("prometheus_tsdb_mmap_chunk_corruptions_total",
                                       "Total number of memory-mapped chunk corruptions.")),
      size_(registry.AddGaugeCallback("prometheus_tsdb_head_chunks_storage_size_bytes",
                                      "Size of the chunks_head directory.", {},
                                      [this] { return static_cast<double>(bytes_.load()); })) {}

std::string ChunkFiles::PathOf(uint32_t number) const {
  return base::JoinPath(dir_, fmt::format("{:06}", number));
}

base::Result<std::vector<std::vector<FileChunk>>> ChunkFiles::Load(base::FileSystem& fs,
                                                                   const std::string& dir,
                                                                   base::ThreadPool& pool) {
  RETURN_IF_ERROR(fs.CreateDirs(dir));
  ASSIGN_OR_RETURN(const std::vector<base::DirEntry> entries, fs.List(dir));
  dir_ = dir;
  std::vector<std::pair<uint32_t, const base::DirEntry*>> found;
  for (const base::DirEntry& entry : entries) {
    if (entry.is_directory) continue;
    if (const auto number = NumberOf(entry.name)) {
      found.emplace_back(*number, &entry);
    } else if (entry.name.ends_with(kUnfinished)) {
      RETURN_IF_ERROR(fs.Remove(base::JoinPath(dir, entry.name)));
    }
  }
  std::ranges::sort(found);
  files_.resize(found.size());
  std::vector<std::vector<FileChunk>> chunks(found.size());
  pool.ParallelFor(found.size(), [&](size_t i) {
    const auto& [number, entry] = found[i];
    File& file = files_[i];
    file.number = number;
    file.max_time = model::kMinTime;
    const std::string path = base::JoinPath(dir, entry->name);
    const base::Status read = [&]() -> base::Status {
      // Read, not mapped, to be checked: pages of a mapping would count as memory of the process.
      ASSIGN_OR_RETURN(const std::string bytes, fs.ReadFile(path));
      ASSIGN_OR_RETURN(file.mapped, fs.Map(path));
      const base::Bytes stays = file.mapped->data();
      if (stays.size() != bytes.size()) return base::Internal(path + " changed while it was read");
      ParsedChunkFile parsed = ParseChunkFile(base::AsBytes(bytes));
      for (FileChunk& chunk : parsed.chunks) {
        const uint8_t* begin = reinterpret_cast<const uint8_t*>(bytes.data());
        chunk.chunk.data = stays.subspan(static_cast<size_t>(chunk.chunk.data.data() - begin),
                                         chunk.chunk.data.size());
      }
      chunks[i] = std::move(parsed.chunks);
      if (parsed.damage) return *parsed.damage;
      return {};
    }();
    for (const FileChunk& chunk : chunks[i]) {
      file.max_time = std::max(file.max_time, chunk.chunk.max_time);
    }
    if (read) return;
    file.damaged = true;
    corruptions_.Add();
    LOG_WARN("chunks_head: a file is damaged: the log is read for what it does not hold",
             kv("file", path), kv("chunks", chunks[i].size()), kv("err", read.error()));
  });
  uint64_t bytes = 0;
  for (const auto& [number, entry] : found) bytes += entry->size;
  bytes_.store(bytes);
  if (!found.empty()) next_number_ = found.back().first + 1;
  fs_ = &fs;
  return chunks;
}

base::Result<base::Bytes> ChunkFiles::Add(std::string_view content, int64_t max_time,
                                          size_t chunks) {
  const std::string path = PathOf(next_number_);
  const std::string unfinished = path + std::string(kUnfinished);
  const auto write = [&]() -> base::Result<std::unique_ptr<base::MappedFile>> {
    ASSIGN_OR_RETURN(const auto file, fs_->Create(unfinished));
    RETURN_IF_ERROR(file->Append(base::AsBytes(content)));
    RETURN_IF_ERROR(file->Sync());
    RETURN_IF_ERROR(file->Close());
    ASSIGN_OR_RETURN(auto mapped, fs_->Map(unfinished));
    if (mapped->data().size() != content.size()) {
      return base::Internal(unfinished + " is not as long as what was written");
    }
    RETURN_IF_ERROR(fs_->Rename(unfinished, path));
    return mapped;
  };
  auto mapped = write();
  if (!mapped) {
    (void)fs_->Remove(unfinished);
    return mapped.error();
  }
  // Should the name be lost in a power cut, the log still has the samples.
  (void)fs_->SyncDir(dir_);
  files_.push_back({.number = next_number_,
                    .max_time = max_time,
                    .mapped = std::move(*mapped),
                    .damaged = false});
  ++next_number_;
  bytes_.fetch_add(content.size());
  written_.Add(static_cast<double>(chunks));
  return files_.back().mapped->data();
}

std::vector<SnapshotOrigin::File> ChunkFiles::Files() const {
  std::vector<SnapshotOrigin::File> files;
  for (const File& file : files_) {
    if (file.damaged) continue;
    files.push_back(
        {.number = file.number, .bytes = file.mapped->data().size(), .max_time = file.max_time});
  }
  return files;
}

bool ChunkFiles::IsWhole(uint32_t number, uint64_t size) const {
  return std::ranges::any_of(files_, [&](const File& file) {
    return file.number == number && !file.damaged && file.mapped->data().size() == size;
  });
}

void ChunkFiles::ReleasePages() const {
  for (const File& file : files_) {
    if (file.mapped != nullptr) file.mapped->ReleasePages();
  }
}

void ChunkFiles::RemoveBefore(int64_t min_time) {
  // In order: Prometheus wants file numbers without a gap.
  while (!files_.empty() && files_.front().max_time < min_time) {
    const std::string path = PathOf(files_.front().number);
    const uint64_t size =
        files_.front().mapped != nullptr ? files_.front().mapped->data().size() : 0;
    if (const base::Status removed = fs_->Remove(path);
        !removed && removed.error().code() != base::ErrorCode::kNotFound) {
      LOG_WARN("chunks_head: a file that is not needed any more cannot be removed",
               kv("file", path), kv("err", removed.error()));
      return;
    }
    bytes_.fetch_sub(std::min(size, bytes_.load()));
    files_.pop_front();
  }
}

}  // namespace tributary::tsdb
