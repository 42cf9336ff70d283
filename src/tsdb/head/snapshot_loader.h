// Brings the head back from a snapshot (snapshot_file.h), before the log is read on from there.
//
// A snapshot that is damaged, or whose log or chunk files are not those it was taken beside any
// more, is logged and passed over: the log has everything. All of it is checked before any of it
// reaches the head, so that only a file that changes between two looks at it can fail a start.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "base/threads.h"
#include "tsdb/head/head_state.h"
#include "tsdb/head/replay_shards.h"
#include "tsdb/head/snapshot_file.h"
#include "tsdb/wal/log_batches.h"

namespace tributary::tsdb {

struct LoadedSnapshot {
  uint32_t segment = 0;  // the log goes on here
  uint64_t bytes = 0;
  std::vector<IndexedSeries> made;                     // in the index after LoadChunks()
  std::vector<std::pair<uint64_t, uint64_t>> foreign;  // logged ref, own ref; the last one counts
  PackedRecords records;                               // as from the log
};

class SnapshotLoader {
 public:
  // `min_time`: older samples are in blocks. All must outlive the loader.
  SnapshotLoader(HeadState& head, ReplayShards& shards, base::FileSystem& fs,
                 base::ThreadPool& pool, model::Timestamp min_time)
      : head_(head), shards_(shards), fs_(fs), pool_(pool), min_time_(min_time) {}

  // After ReplayShards::TakeFileChunks(). Nothing when there is no usable snapshot.
  base::Result<std::optional<LoadedSnapshot>> Load(const std::string& dir,
                                                   const std::string& wal_dir);
  // Gives the series their chunks, once the foreign refs have claimed theirs, and puts `made` into
  // the index, which takes one thread about as long.
  base::Status LoadChunks(std::span<const IndexedSeries> made);

 private:
  using PartList = std::vector<SnapshotReader::Part>;

  base::Status Check(const std::string& path, const std::string& wal_dir);
  base::Status CheckOrigin(const std::string& wal_dir);
  base::Status CheckShard(uint32_t shard);
  base::Status ReadLabels();
  base::Status ReadForeign();
  base::Status ReadRecords();
  // Calls visit(content) for the parts of this type; stops at the first error.
  template <class F>
  base::Status EachPart(SnapshotPart type, F&& visit) const;
  // Calls visit(series) for each series of the shard, in the order of the file; stops at the first
  // error.
  template <class F>
  base::Status EachSeries(uint32_t shard, F&& visit) const;
  base::Status MakeSeries(uint32_t shard, std::vector<IndexedSeries>* made);
  // Calls body(shard) for all shards, and beside() once, on all threads; returns the first error.
  template <class F, class G>
  base::Status EachShard(F&& body, G&& beside);
  template <class F>
  base::Status EachShard(F&& body) {
    return EachShard(body, [] {});
  }

  HeadState& head_;
  ReplayShards& shards_;
  base::FileSystem& fs_;
  base::ThreadPool& pool_;
  const model::Timestamp min_time_;

  std::optional<SnapshotReader> reader_;
  SnapshotOrigin origin_;
  std::array<PartList, kSeriesShards> series_;
  std::vector<std::pair<std::string, std::string>> labels_;  // name and value by number
  std::vector<LabelId> ids_;                                 // in the head, by number
  std::array<std::vector<uint64_t>, kSeriesShards> hashes_;  // of labels, in the order of the file
  LoadedSnapshot loaded_;
};

}  // namespace tributary::tsdb
