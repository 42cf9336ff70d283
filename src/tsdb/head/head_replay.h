// HeadReplay: a log, and the chunk files beside it, become the head again. One thread reads the
// log; then, batch by batch, all threads decode records, series are made in the order of the log,
// and all threads append samples, each to a shard at a time.
//
// Refs: a series keeps the ref the log gave it when that ref says where such a series would be
// (ours do). All others (Prometheus's, and those of a series that has two) are remembered in
// HeadState::foreign_refs, and the series go on in the log under these. A later series record for a
// ref replaces an earlier one.
#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "base/threads.h"
#include "tsdb/head/decoded_records.h"
#include "tsdb/head/head_state.h"
#include "tsdb/head/replay_shards.h"

namespace tributary::tsdb {

struct ReplayOptions {
  std::string wal_dir;
  std::string chunks_dir = {};  // of head chunk files; empty: there are none, and none are written
  std::string snapshots_dir = {};  // of head snapshots; empty: as above
  size_t threads = 1;
  // Samples before this are in blocks already, and left out.
  model::Timestamp min_time = model::kMinTime;
  std::function<void(uint32_t)> on_segment = {};  // is told of each segment begun; may be empty
};

class HeadReplay {
 public:
  HeadReplay(HeadState& head, base::FileSystem& fs, ReplayOptions options);

  base::Status Run();

  // After Run(): what the next snapshot is compared with.
  uint64_t log_bytes() const { return log_bytes_; }  // read, as they are in the files
  uint64_t snapshot_bytes() const { return snapshot_bytes_; }

 private:
  // Where a step of the batch is.
  struct Place {
    size_t part = 0;
    size_t step = 0;
    friend auto operator<=>(const Place&, const Place&) = default;
  };

  // Returns the segment from which the log is to be read; 0: all of it.
  base::Result<uint32_t> LoadSnapshot();
  void ReplayBatch(const PackedRecords& batch);
  void MakeSeriesOf(Place place);
  // Appends what the steps from the last call's end up to `end` hold.
  void ApplyUpTo(Place end);
  // What `logged` means so far: a ref of today, or 0.
  uint64_t MeaningOf(model::SeriesRef logged) const;
  // 0: there is none with these labels.
  model::SeriesRef FindSeries(const DecodedRecords::Series& logged, model::LabelSpan labels);
  // 0: the head is full.
  model::SeriesRef MakeSeries(const DecodedRecords::Series& logged, model::LabelSpan labels);
  void MapForeign(model::SeriesRef from, model::SeriesRef to);
  void AddExemplars(std::span<storage::RefExemplar> exemplars);
  void AddTombstones(std::span<RefTombstone> tombstones);
  void AddMetadata(std::span<RefMetadata> metadata);
  void Damaged(const base::Error& error);
  void CloseGaps();

  HeadState& head_;
  base::FileSystem& fs_;
  const ReplayOptions options_;
  base::ThreadPool pool_;
  ReplayShards shards_;
  std::atomic<uint64_t> damaged_places_{0};
  std::vector<DecodedRecords> parts_;  // of the batch, in the order of the log
  size_t num_parts_ = 0;
  std::vector<IndexedSeries> made_;  // not in the index yet
  uint64_t log_bytes_ = 0;
  uint64_t snapshot_bytes_ = 0;
  Place applied_;
};

}  // namespace tributary::tsdb
