// ReplayShards: puts what replay has decoded into the series of the head, shard by shard, and lets
// head chunk files stand for the samples that they prove to hold.
//
// A file chunk becomes a chunk of its series when the log comes to a sample at or after its begin.
// From then on the series takes only what is newer than the chunk, as it does after an append: so
// samples that the chunk holds are passed over, and whatever no chunk holds, between two of them or
// in the place of a missing file, is taken from the log.
//
// Calls for different shards may run side by side.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <limits>
#include <span>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "storage/wal_source.h"
#include "tsdb/head/chunk_file.h"
#include "tsdb/head/head_state.h"
#include "tsdb/head/snapshot_file.h"

namespace tributary::tsdb {

class ReplayShards {
 public:
  explicit ReplayShards(HeadState& head) : head_(head) {}

  // What the chunk files say, oldest file first; before any other call. Chunks that end before
  // `min_time` are left out.
  void TakeFileChunks(const std::vector<std::vector<FileChunk>>& files, int64_t min_time,
                      base::ThreadPool& pool);
  // The series record of `logged` was read; here it is `series`, on which its file chunks wait
  // from now on. Under no lock; not beside other calls.
  void Claim(model::SeriesRef logged, model::SeriesRef series);

  void Apply(uint32_t shard, std::span<const storage::RefSample> samples);
  void Apply(uint32_t shard, const storage::RefHistogram& h);
  // Gives the series of a snapshot its chunks. Before any sample of the series; those that end
  // before `min_time` are left out.
  base::Status Restore(uint32_t shard, const SnapshotSeries& taken, int64_t min_time);
  // At the end of the log: file chunks that still wait become chunks of their series.
  void Finish(uint32_t shard);

  // After all shards are finished.
  uint64_t appended() const;
  uint64_t unknown() const;      // samples without a series
  uint64_t file_chunks() const;  // that were taken over
  // Of file chunks that nobody claimed: no new series may get such a ref. INT64_MIN: none.
  int64_t highest_unclaimed_generation() const;

 private:
  // The chunks that wait on a series, by time; in some by_ref, or in `merged`.
  using Waiting = std::span<const FileChunk>;
  struct alignas(64) Shard {
    std::vector<FileChunk> by_ref;  // of refs with this shard's number; ascending, oldest first
    std::vector<bool> claimed;
    size_t last_found = 0;
    // Of series of this shard.
    absl::flat_hash_map<uint32_t, Waiting> waiting;  // by slot
    std::deque<std::vector<FileChunk>> merged;       // of those that have several refs
    uint64_t appended = 0;
    uint64_t unknown = 0;
    uint64_t file_chunks = 0;
    int64_t lowest = std::numeric_limits<int64_t>::max();
    int64_t highest = std::numeric_limits<int64_t>::min();
  };

  std::span<const FileChunk> Unclaimed(Shard* shard, model::SeriesRef logged);
  // Gives the series the chunks that begin at or before `t`. REQUIRES: the lock of its shard.
  void Reach(uint32_t shard, uint32_t slot, MemSeries* series, int64_t t);
  // Appends what the chunk has behind the newest sample.
  base::Status AppendNewer(HeadShard* chunks, MemSeries* series, const chunk::ChunkView& view);
  static void Cover(Shard* shard, int64_t min, int64_t max) {
    shard->lowest = std::min(shard->lowest, min);
    shard->highest = std::max(shard->highest, max);
  }

  HeadState& head_;
  std::array<Shard, kSeriesShards> shards_;
};

}  // namespace tributary::tsdb
