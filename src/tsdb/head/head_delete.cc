// Deleting samples of the head: they are hidden now, and left out when the head becomes blocks.
#include <algorithm>

#include "tsdb/head/head.h"
#include "tsdb/head/head_querier.h"
#include "tsdb/head/head_view.h"

namespace tributary::tsdb {

base::Status Head::Delete(TimeInterval time, storage::Matchers matchers) {
  std::vector<RefTombstone> tombstones;
  RecordBatch records;
  {
    const Gate::Pin pin(state_.readers);
    const Isolation::View complete(state_.isolation);
    const HeadView view(state_, complete, HeadView::Samples::kAll, time);
    storage::ChunkBuffer buffer;
    std::vector<chunk::ChunkView> chunks;
    std::vector<model::Label> labels;
    for (const IndexedSeries& found : SelectSeries(state_.labels, state_.index, matchers)) {
      const uint32_t shard_index = found.place & (kSeriesShards - 1);
      const uint32_t slot = found.place >> 4;
      HeadState::Shard& shard = state_.series.shard(shard_index);
      chunks.clear();
      buffer.Clear();
      model::SeriesRef ref;
      bool logged = false;
      {
        base::MutexLock lock(shard.mutex);
        const MemSeries& series = shard.slots[slot];
        if (series.labels != found.labels.value()) continue;
        RETURN_IF_ERROR(view.Chunks(shard_index, slot, series, &buffer, &chunks));
        ref = MakeSeriesRef(shard_index, slot, series.generation);
        logged = series.Has(MemSeries::kLogged);
      }
      if (chunks.empty()) continue;
      // Only up to what is there: what comes later is not deleted.
      RefTombstone tombstone{ref, model::kMaxTime, model::kMinTime};
      for (const chunk::ChunkView& chunk : chunks) {
        tombstone.min_time = std::min(tombstone.min_time, chunk.min_time);
        tombstone.max_time = std::max(tombstone.max_time, chunk.max_time);
      }
      tombstone.min_time = std::max(tombstone.min_time, time.min);
      tombstone.max_time = std::min(tombstone.max_time, time.max);
      if (tombstone.min_time > tombstone.max_time) continue;
      if (!logged) {
        // A ref that is in no series record means nothing at the next start.
        state_.labels.ToSpan(found.labels, &labels);
        BeginSeriesRecord(records.buffer());
        AppendSeriesEntry(ref, labels, records.buffer());
        records.EndRecord();
      }
      tombstones.push_back(tombstone);
    }
  }
  if (tombstones.empty()) return {};
  std::vector<RefTombstone> translated;
  records.AddTombstones(state_.UnderLoggedRefs(tombstones, &translated));
  if (state_.wal != nullptr) RETURN_IF_ERROR(state_.wal->Log(records));
  state_.tombstones.Add(tombstones);
  return {};
}

}  // namespace tributary::tsdb
