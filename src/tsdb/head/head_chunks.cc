// Writing head chunk files: full chunks leave memory.
#include <algorithm>

#include "base/log.h"
#include "tsdb/head/head.h"

namespace tributary::tsdb {
namespace {

// A shard's lock is held for this many slots at a time.
constexpr uint32_t kSlotsPerLock = 512;
// A file is read by one thread at the start, so that several smaller ones are better than a large
// one.
constexpr size_t kFullFileBytes = 4 << 20;

// One chunk on its way into a file.
struct Leaving {
  uint32_t shard = 0;
  uint32_t slot = 0;
  uint32_t chunk = 0;      // in ClosedChunks
  size_t data_offset = 0;  // in the file
};

// Calls visit(chunk) for the closed chunks of a series that are newer than all of its mapped ones,
// oldest first. Others stay in memory: in the files, chunks of a series stand in order.
template <class F>
void EachUnmapped(ClosedChunks& closed, const MemSeries& series, std::vector<uint32_t>* scratch,
                  F&& visit) {
  scratch->clear();
  for (uint32_t c = series.closed; c != 0 && !closed.is_mapped(c); c = closed.header(c).previous) {
    scratch->push_back(c);
  }
  for (auto c = scratch->rbegin(); c != scratch->rend(); ++c) visit(*c);
}

class ChunkWriter {
 public:
  explicit ChunkWriter(HeadState& head) : head_(head) {}

  base::Status Run() {
    base::Status status;
    for (uint32_t s = 0; s < kSeriesShards && status; ++s) status = Collect(s);
    if (status) status = Flush();
    // Older queriers may still read what was written.
    head_.readers.WaitForEarlier();
    for (const Leaving& left : left_) {
      base::MutexLock lock(head_.series.shard(left.shard).mutex);
      head_.chunks[left.shard].closed.Drop(left.chunk);
    }
    return status;
  }

 private:
  base::Status Collect(uint32_t shard_index) {
    HeadState::Shard& shard = head_.series.shard(shard_index);
    ClosedChunks& closed = head_.chunks[shard_index].closed;
    for (uint32_t from = 1;; from += kSlotsPerLock) {
      {
        base::MutexLock lock(shard.mutex);
        if (from >= shard.next_slot) return {};
        for (uint32_t slot = from; slot < std::min(from + kSlotsPerLock, shard.next_slot); ++slot) {
          const MemSeries& series = shard.slots[slot];
          // Under a ref that is in no series record the chunk would be nobody's at the next start.
          if (series.labels == 0 || !series.Has(MemSeries::kLogged)) continue;
          const model::SeriesRef ref =
              head_.LoggedRef(MakeSeriesRef(shard_index, slot, series.generation));
          EachUnmapped(closed, series, &scratch_, [&](uint32_t chunk) {
            const ClosedChunks::Header& header = closed.header(chunk);
            if (content_.empty()) BeginChunkFile(&content_);
            max_time_ = std::max(max_time_, header.max_time);
            const size_t at = AppendFileChunk({.ref = ref,
                                               .chunk = {.encoding = header.encoding,
                                                         .min_time = header.min_time,
                                                         .max_time = header.max_time,
                                                         .data = closed.Data(chunk)}},
                                              &content_);
            leaving_.push_back({shard_index, slot, chunk, at});
          });
        }
      }
      if (content_.size() >= kFullFileBytes) RETURN_IF_ERROR(Flush());
    }
  }

  // Makes what was collected a file, and the chunks mapped ones.
  base::Status Flush() {
    if (leaving_.empty()) return {};
    ASSIGN_OR_RETURN(const base::Bytes file,
                     head_.chunk_files.Add(content_, max_time_, leaving_.size()));
    for (size_t i = 0; i < leaving_.size();) {
      const uint32_t shard_index = leaving_[i].shard;
      base::MutexLock lock(head_.series.shard(shard_index).mutex);
      const size_t end = std::min(leaving_.size(), i + kSlotsPerLock);
      for (; i < end && leaving_[i].shard == shard_index; ++i) Map(leaving_[i], file);
    }
    left_.insert(left_.end(), leaving_.begin(), leaving_.end());
    leaving_.clear();
    content_.clear();
    max_time_ = model::kMinTime;
    return {};
  }

  // Puts a mapped chunk in the place of one with its bytes in memory. REQUIRES: the shard's lock.
  void Map(const Leaving& leaving, base::Bytes file) {
    HeadState::Shard& shard = head_.series.shard(leaving.shard);
    ClosedChunks& closed = head_.chunks[leaving.shard].closed;
    // Copies: what is behind a reference may move when a chunk is added.
    const ClosedChunks::Header header = closed.header(leaving.chunk);
    const uint32_t mapped =
        closed.AddMapped(header, file.subspan(leaving.data_offset, header.size));
    uint32_t newer = 0;
    for (uint32_t c = shard.slots[leaving.slot].closed; c != leaving.chunk;
         c = closed.header(c).previous) {
      newer = c;
    }
    if (newer == 0) {
      shard.slots[leaving.slot].closed = mapped;
    } else {
      closed.header(newer).previous = mapped;
    }
  }

  HeadState& head_;
  std::vector<Leaving> leaving_;  // in the file that is being made
  std::vector<Leaving> left_;     // written, but perhaps still read
  std::string content_;
  int64_t max_time_ = model::kMinTime;
  std::vector<uint32_t> scratch_;
};

}  // namespace

size_t Head::UnmappedBytes() {
  size_t bytes = 0;
  for (uint32_t s = 0; s < kSeriesShards; ++s) {
    base::MutexLock lock(state_.series.shard(s).mutex);
    bytes += state_.chunks[s].closed.unmapped_bytes();
  }
  return bytes;
}

base::Status Head::WriteChunks() {
  if (!state_.chunk_files.enabled()) return {};
  if (UnmappedBytes() < unmapped_before_ + state_.options.min_chunk_file_bytes) return {};
  base::Status status = ChunkWriter(state_).Run();
  // Some may have to stay, and are no reason to walk over all series again.
  unmapped_before_ = UnmappedBytes();
  if (!status) return status.error().Context("writing a head chunk file");
  return {};
}

}  // namespace tributary::tsdb
