// Forgetting: old chunks, series without samples, and the log of both.
#include <algorithm>
#include <chrono>

#include <absl/container/flat_hash_set.h>

#include "base/log.h"
#include "tsdb/head/head.h"
#include "tsdb/head/let_others_in.h"
#include "tsdb/head/snapshot_file.h"
#include "tsdb/wal/checkpoint.h"
#include "tsdb/wal/segment.h"

namespace tributary::tsdb {
namespace {

// A shard's lock is held for this many slots at a time.
constexpr uint32_t kSlotsPerLock = 512;

// Calls visit(shard, slot, series) for every series of the shard, under its lock.
template <class F>
void EachSeries(HeadState& state, uint32_t shard_index, F&& visit) {
  HeadState::Shard& shard = state.series.shard(shard_index);
  for (uint32_t from = 1;; from += kSlotsPerLock) {
    LetOthersIn();
    base::MutexLock lock(shard.mutex);
    if (from >= shard.next_slot) return;
    for (uint32_t slot = from; slot < std::min(from + kSlotsPerLock, shard.next_slot); ++slot) {
      MemSeries& series = shard.slots[slot];
      if (series.labels != 0) visit(shard, slot, &series);
    }
  }
}

}  // namespace

void Head::Truncate(model::Timestamp min_time) {
  if (min_time <= state_.min_valid_time.load()) return;
  const auto begin = std::chrono::steady_clock::now();
  state_.metrics.truncations.Add();
  state_.min_valid_time.store(min_time);
  // Older queriers still read what goes now; older appenders may still bring older samples.
  state_.readers.WaitForEarlier();
  state_.appenders.WaitForEarlier();
  DropOldChunks(min_time);
  state_.chunk_files.RemoveBefore(min_time);
  // Who got hold of a series before it was marked has committed once these are gone, and a commit
  // takes the mark away.
  state_.appenders.WaitForEarlier();
  std::vector<uint32_t> dead = UnlinkDying();
  std::ranges::sort(dead);
  absl::flat_hash_set<uint64_t> dead_refs;
  if (!dead.empty()) {
    state_.index.Remove(
        [&](const IndexedSeries& s) { return std::ranges::binary_search(dead, s.place); });
    // Who found one of them in the index before is gone after this.
    state_.readers.WaitForEarlier();
    for (const uint32_t place : dead) {
      HeadState::Shard& shard = state_.series.shard(place & (kSeriesShards - 1));
      base::MutexLock lock(shard.mutex);
      const uint16_t generation = shard.slots[place >> 4].generation;
      dead_refs.insert(MakeSeriesRef(place & (kSeriesShards - 1), place >> 4, generation).value());
      state_.series.Free(shard, place >> 4);
    }
    {
      base::MutexLock lock(state_.foreign_mutex);
      absl::erase_if(state_.foreign_refs,
                     [&](const auto& entry) { return dead_refs.contains(entry.second); });
      for (const uint64_t ref : dead_refs) state_.logged_refs.erase(ref);
    }
    {
      base::MutexLock lock(state_.metadata_mutex);
      for (const uint64_t ref : dead_refs) state_.metadata.erase(ref);
    }
    const std::vector<LabelId> unused = state_.labels.TakeUnused();
    // Who found one of them before is gone after this.
    state_.readers.WaitForEarlier();
    state_.labels.FreeLabels(unused);
  }
  state_.tombstones.Forget(min_time, [&](uint64_t ref) { return dead_refs.contains(ref); });
  state_.num_series.fetch_sub(dead.size());
  state_.metrics.series_removed.Add(static_cast<double>(dead.size()));
  int64_t old_min = state_.min_time.load();
  while (old_min < min_time && !state_.min_time.compare_exchange_weak(old_min, min_time)) {
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  state_.metrics.gc_seconds.Observe(took.count());
  LOG_INFO("head truncated", kv("min_time", min_time), kv("series_removed", dead.size()),
           kv("series", num_series()), kv("seconds", took.count()));
}

void Head::DropOldChunks(int64_t min_time) {
  for (uint32_t s = 0; s < kSeriesShards; ++s) {
    EachSeries(state_, s, [&](HeadState::Shard&, uint32_t, MemSeries* series) {
      if (!DropChunksBefore(&state_.chunks[s], series, min_time)) return;
      if (series->Has(MemSeries::kOutOfOrder)) return;
      // One that never had a sample may just have been made for one that is on its way.
      if (series->Has(MemSeries::kHasSample) || series->Has(MemSeries::kEmpty)) {
        series->flags |= MemSeries::kDying;
      } else {
        series->flags |= MemSeries::kEmpty;
      }
    });
  }
}

std::vector<uint32_t> Head::UnlinkDying() {
  std::vector<uint32_t> dead;
  std::vector<model::Label> labels;
  for (uint32_t s = 0; s < kSeriesShards; ++s) {
    EachSeries(state_, s,
               [&](HeadState::Shard& shard, uint32_t slot, MemSeries* series)
                   TB_REQUIRES(shard.mutex) {
                     if (!series->Has(MemSeries::kDying)) return;
                     state_.labels.ToSpan(LabelRun(series->labels), &labels);
                     state_.series.Unlink(shard, slot, model::HashLabels(labels));
                     series->flags |= MemSeries::kDead;
                     dead.push_back(slot << 4 | s);
                   });
  }
  return dead;
}

// A snapshot that has a series which is gone by now would bring it back at the next start as one
// that the log knows, and it would go on without a record.
base::Status Head::RenewSnapshot(base::FileSystem& fs) {
  if (snapshots_dir_.empty()) return {};
  // Also one that this start could not use: a later one may.
  ASSIGN_OR_RETURN(const std::vector<uint32_t> older, ListSnapshots(fs, snapshots_dir_));
  if (older.empty()) return {};
  const base::Status taken = TakeSnapshot(fs);
  if (taken) return {};
  LOG_ERROR("a start would read more of the log", kv("err", taken.error()));
  for (const uint32_t segment : older) {
    // The new one may have been put in their place before the failure.
    const base::Status removed = fs.Remove(SnapshotPath(snapshots_dir_, segment));
    if (!removed && removed.error().code() != base::ErrorCode::kNotFound) return removed;
  }
  snapshot_bytes_ = 0;
  return {};
}

base::Status Head::TruncateLog(base::FileSystem& fs, model::Timestamp min_time,
                               uint32_t needed_from, WalCompression compression) {
  if (state_.wal == nullptr) return {};
  const std::string& dir = state_.wal->dir();
  ASSIGN_OR_RETURN(const uint32_t current, state_.wal->CutSegment());
  ASSIGN_OR_RETURN(const std::vector<SegmentInfo> segments, ListSegments(fs, dir));
  const uint32_t first = segments.front().index;
  // The newest finished segment stays, as in Prometheus.
  if (current < first + 2) return {};
  uint32_t through = first + (current - 2 - first) * 2 / 3;
  if (through <= first) return {};
  if (needed_from <= first) return {};
  through = std::min(through, needed_from - 1);

  RETURN_IF_ERROR(RenewSnapshot(fs));
  CheckpointOptions options;
  options.through = through;
  options.min_time = min_time;
  options.compression = compression;
  options.keep = [&](model::SeriesRef ref) { return state_.Has(state_.Resolve(ref)); };
  state_.metrics.checkpoint_creations.Add();
  const auto stats = WriteCheckpoint(fs, dir, options);
  if (!stats) {
    state_.metrics.checkpoint_creations_failed.Add();
    return stats.error();
  }
  state_.metrics.checkpoint_deletions.Add();
  if (base::Status removed = RemoveCheckpointed(fs, dir, through); !removed) {
    state_.metrics.checkpoint_deletions_failed.Add();
    return removed;
  }
  LOG_INFO("wal truncated", kv("through", SegmentName(through)),
           kv("series_kept", stats->series_kept), kv("series_dropped", stats->series_dropped),
           kv("samples_kept", stats->samples_kept));
  return {};
}

}  // namespace tributary::tsdb
