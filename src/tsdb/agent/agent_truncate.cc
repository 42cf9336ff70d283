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

}  // namespace

base::Result<bool> AgentWalIsTooLarge(AgentStore& store, storage::WalPosition delivered) {
  if (store.options.max_wal_bytes == 0) {
    return false;
  }
  ASSIGN_OR_RETURN(const std::vector<SegmentInfo> segments, ListSegments(store.fs, store.WalDir()));
  uint64_t bytes = 0;
  for (const SegmentInfo& segment : segments) {
    bytes += segment.size;
  }
  return bytes > store.options.max_wal_bytes && segments.front().index < delivered.segment;
}

base::Status TruncateAgentWal(AgentStore& store, std::optional<storage::WalPosition> delivered) {
  const int64_t began = store.clock.MonotonicNs();
  ASSIGN_OR_RETURN(const uint32_t current, store.writer->CutSegment());
  const uint32_t bound = delivered ? std::min(delivered->segment, current) : current;
  const std::string dir = store.WalDir();
  ASSIGN_OR_RETURN(const std::vector<SegmentInfo> segments, ListSegments(store.fs, dir));
  if (segments.empty() || segments.front().index >= bound) {
    return {};  // no finished segment that everyone has passed
  }
  const uint32_t through = bound - 1;
  RemoveDeadSeries(store, through, store.clock.NowMs() - store.options.min_wal_time_ms);
  CheckpointOptions options;
  options.through = through;
  options.min_time = model::kMaxTime;  // all of it is delivered: only labels are still needed
  options.compression = store.options.wal_compression;
  options.keep = [&store](model::SeriesRef ref) { return IsLive(store, store.Resolve(ref)); };
  ASSIGN_OR_RETURN(const CheckpointStats stats, WriteCheckpoint(store.fs, dir, options));
  RETURN_IF_ERROR(RemoveCheckpointed(store.fs, dir, through));
  const double seconds = static_cast<double>(store.clock.MonotonicNs() - began) / 1e9;
  store.metrics.truncate_seconds.Observe(seconds);
  store.metrics.wal.truncations.Add();
  LOG_INFO("log truncated", kv("through_segment", through), kv("series_kept", stats.series_kept),
           kv("series_dropped", stats.series_dropped), kv("seconds", seconds));
  return {};
}

}  // namespace tributary::tsdb
