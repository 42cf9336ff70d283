#include <algorithm>
#include <vector>

#include "base/log.h"
#include "tsdb/agent/agent_store.h"
#include "tsdb/wal/checkpoint.h"
#include "tsdb/wal/segment.h"

namespace tributary::tsdb {
namespace {

// Series that have not been written to since `oldest`, with everything they ever had in segments up
// to `through`, are removed, unless an appender asks for one meanwhile.
void RemoveDeadSeries(AgentStore& store, uint32_t through, model::Timestamp oldest) {
  const auto is_dead = [&](const AgentSeries& series) {
    return series.labels != 0 && series.newest_segment <= through &&
           (!series.Has(AgentSeries::kHasSample) || series.newest < oldest);
  };
  for (uint32_t i = 0; i < kSeriesShards; ++i) {
    AgentSeriesTable::Shard& shard = store.series.shard(i);
    base::MutexLock lock(shard.mutex);
    for (uint32_t slot = 1; slot < shard.next_slot; ++slot) {
      if (is_dead(shard.slots[slot])) {
        shard.slots[slot].flags |= AgentSeries::kDying;
      }
    }
  }
  // Whoever found one of them before it was marked has written by then.
  store.appenders.WaitForEarlier();
  std::vector<LabelRun> removed;
  std::vector<model::Label> labels;
  for (uint32_t i = 0; i < kSeriesShards; ++i) {
    AgentSeriesTable::Shard& shard = store.series.shard(i);
    base::MutexLock lock(shard.mutex);
    for (uint32_t slot = 1; slot < shard.next_slot; ++slot) {
      const AgentSeries& series = shard.slots[slot];
      if (series.Has(AgentSeries::kDying) && is_dead(series)) {
        labels.clear();
        store.labels.ToSpan(LabelRun(series.labels), &labels);
        removed.push_back(store.series.Erase(shard, slot, model::HashLabels(labels)));
      }
    }
  }
  if (!removed.empty()) {
    store.text_readers.WaitForEarlier();
    for (const LabelRun run : removed) {
      store.labels.Release(run);
    }
    const std::vector<LabelId> unused = store.labels.TakeUnused();
    store.labels.FreeLabels(unused);
  }
  store.active_series.fetch_sub(removed.size(), std::memory_order_relaxed);
  store.metrics.deleted_series.Add(static_cast<double>(removed.size()));
  store.metrics.active_series.Set(static_cast<double>(store.active_series.load()));
}

bool IsLive(AgentStore& store, model::SeriesRef ref) {
  AgentSeriesTable::Shard& shard = store.series.shard_of(ref);
  base::MutexLock lock(shard.mutex);
  return AgentSeriesTable::Find(shard, ref) != nullptr;
}

CheckpointOptions LabelsOnly(AgentStore& store, uint32_t through) {
  CheckpointOptions options;
  options.through = through;
  options.min_time = model::kMaxTime;  // nobody needs the samples
  options.compression = store.options.wal_compression;
  options.keep = [&store](model::SeriesRef ref) { return IsLive(store, store.Resolve(ref)); };
  return options;
}

// The segments before it can go.
uint32_t Bound(const AgentStore& store, uint32_t current) {
  const auto delivered = store.followers->LeastDelivered();
  return delivered ? std::min(delivered->segment, current) : current;
}

// Finished segments from `bound` on that hold samples, but none that a follower needs.
std::vector<uint32_t> Reducible(const AgentStore& store, const std::vector<SegmentInfo>& segments,
                                uint32_t bound, uint32_t current) {
  std::vector<uint32_t> found;
  for (const SegmentInfo& segment : segments) {
    if (segment.index >= bound && segment.index < current &&
        !store.reduced.contains(segment.index) && !store.followers->IsNeeded(segment.index)) {
      found.push_back(segment.index);
    }
  }
  return found;
}

base::Status RemoveBefore(AgentStore& store, uint32_t bound) {
  const int64_t began = store.clock.MonotonicNs();
  const std::string dir = store.WalDir();
  const uint32_t through = bound - 1;
  RemoveDeadSeries(store, through, store.clock.NowMs() - store.options.min_wal_time_ms);
  ASSIGN_OR_RETURN(const CheckpointStats stats,
                   WriteCheckpoint(store.fs, dir, LabelsOnly(store, through)));
  RETURN_IF_ERROR(RemoveCheckpointed(store.fs, dir, through));
  absl::erase_if(store.reduced, [bound](uint32_t index) { return index < bound; });
  const double seconds = static_cast<double>(store.clock.MonotonicNs() - began) / 1e9;
  store.metrics.truncate_seconds.Observe(seconds);
  store.metrics.wal.truncations.Add();
  LOG_INFO("log truncated", kv("through_segment", through), kv("series_kept", stats.series_kept),
           kv("series_dropped", stats.series_dropped), kv("seconds", seconds));
  return {};
}

}  // namespace

base::Result<bool> AgentWalIsTooLarge(AgentStore& store) {
  ASSIGN_OR_RETURN(const std::vector<SegmentInfo> segments, ListSegments(store.fs, store.WalDir()));
  if (segments.empty()) {
    return false;
  }
  const uint32_t current = segments.back().index;
  const uint32_t bound = Bound(store, current);
  uint64_t bytes = 0;
  uint64_t delivered = 0;
  for (const SegmentInfo& segment : segments) {
    bytes += segment.size;
    delivered += segment.index < bound ? segment.size : 0;
  }
  if (delivered > store.options.most_delivered_bytes) {
    return true;
  }
  return store.options.max_wal_bytes != 0 && bytes > store.options.max_wal_bytes &&
         (delivered > 0 || !Reducible(store, segments, bound, current).empty());
}

base::Status TruncateAgentWal(AgentStore& store) {
  ASSIGN_OR_RETURN(const uint32_t current, store.writer->CutSegment());
  const uint32_t bound = Bound(store, current);
  ASSIGN_OR_RETURN(const std::vector<SegmentInfo> segments, ListSegments(store.fs, store.WalDir()));
  if (!segments.empty() && segments.front().index < bound) {
    RETURN_IF_ERROR(RemoveBefore(store, bound));
  }
  for (const uint32_t index : Reducible(store, segments, bound, current)) {
    RETURN_IF_ERROR(ReduceSegment(store.fs, store.WalDir(), LabelsOnly(store, index)));
    store.reduced.insert(index);
    LOG_INFO("a segment of the log that nobody needs keeps its labels only", kv("segment", index));
  }
  return {};
}

}  // namespace tributary::tsdb
