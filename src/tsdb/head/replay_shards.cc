#include "tsdb/head/replay_shards.h"

#include <algorithm>

#include "tsdb/block/stored_sample.h"

namespace tributary::tsdb {
namespace {

// How far ahead series and chunk ends are fetched into the cache.
constexpr size_t kAheadSeries = 12;
constexpr size_t kAheadChunk = 5;

// Whether the head can keep the chunk as it is. What it cannot, it makes of the log.
bool IsUsableChunk(const FileChunk& c) {
  const chunk::Encoding encoding = c.chunk.encoding;
  return !c.out_of_order && c.ref.value() != 0 && c.chunk.min_time <= c.chunk.max_time &&
         c.chunk.data.size() <= ClosedChunks::kMaxBytes && c.num_samples != 0 &&
         (encoding == chunk::Encoding::kXor || encoding == chunk::Encoding::kHistogram ||
          encoding == chunk::Encoding::kFloatHistogram);
}

}  // namespace

void ReplayShards::TakeFileChunks(const std::vector<std::vector<FileChunk>>& files,
                                  int64_t min_time, base::ThreadPool& pool) {
  pool.ParallelFor(kSeriesShards, [&](size_t s) {
    std::vector<FileChunk>& list = shards_[s].by_ref;
    for (const std::vector<FileChunk>& file : files) {
      for (const FileChunk& c : file) {
        if (ShardOf(c.ref) == s && c.chunk.max_time >= min_time && IsUsableChunk(c)) {
          list.push_back(c);
        }
      }
    }
    std::ranges::stable_sort(list, {}, [](const FileChunk& c) { return c.ref.value(); });
    list.shrink_to_fit();
    shards_[s].claimed.resize(list.size());
  });
}

std::span<const FileChunk> ReplayShards::Unclaimed(Shard* shard, model::SeriesRef logged) {
  const std::vector<FileChunk>& list = shard->by_ref;
  // Series were logged and their chunks were written in much the same order.
  size_t begin = shard->last_found;
  if (begin >= list.size() || list[begin].ref != logged) {
    const auto at = std::ranges::lower_bound(list, logged.value(), {},
                                             [](const FileChunk& c) { return c.ref.value(); });
    begin = static_cast<size_t>(at - list.begin());
  }
  if (begin == list.size() || list[begin].ref != logged || shard->claimed[begin]) return {};
  size_t end = begin;
  for (; end < list.size() && list[end].ref == logged; ++end) shard->claimed[end] = true;
  shard->last_found = end;
  return std::span(list).subspan(begin, end - begin);
}

void ReplayShards::Claim(model::SeriesRef logged, model::SeriesRef series) {
  const std::span<const FileChunk> found = Unclaimed(&shards_[ShardOf(logged)], logged);
  if (found.empty()) return;
  Shard& shard = shards_[ShardOf(series)];
  Waiting& waiting = shard.waiting[SlotOf(series)];
  if (waiting.empty()) {
    waiting = found;
  } else {
    // One that was logged under another ref as well.
    std::vector<FileChunk>& all = shard.merged.emplace_back(found.begin(), found.end());
    all.insert(all.end(), waiting.begin(), waiting.end());
    std::ranges::stable_sort(all, {}, [](const FileChunk& c) { return c.chunk.min_time; });
    waiting = all;
  }
  HeadState::Shard& table = head_.series.shard_of(series);
  base::MutexLock lock(table.mutex);
  table.slots[SlotOf(series)].flags |= MemSeries::kChunksWait;
}

void ReplayShards::Reach(uint32_t shard_index, uint32_t slot, MemSeries* series, int64_t t) {
  Shard& shard = shards_[shard_index];
  HeadShard& chunks = head_.chunks[shard_index];
  Waiting& waiting = shard.waiting[slot];
  for (; !waiting.empty(); waiting = waiting.subspan(1)) {
    const chunk::ChunkView& c = waiting.front().chunk;
    if (c.min_time > t) return;
    if (series->Has(MemSeries::kHasSample) && c.min_time <= series->state.t) {
      // What is there was cut otherwise. A snapshot may rely on this chunk for what is newer; all
      // that the series has in the chunk's time is in it.
      if (const int64_t newest = series->state.t; c.max_time > newest) {
        (void)AppendNewer(&chunks, series, c);  // what does not decode is left to the log
        Cover(&shard, newest + 1, series->state.t);
      }
      continue;
    }
    CloseChunk(&chunks, series);
    AddMappedChunk(&chunks, series, c);
    Cover(&shard, c.min_time, c.max_time);
    ++shard.file_chunks;
  }
  series->flags &= static_cast<uint8_t>(~MemSeries::kChunksWait);
}

void ReplayShards::Apply(uint32_t shard_index, std::span<const storage::RefSample> samples) {
  Shard& to = shards_[shard_index];
  HeadState::Shard& shard = head_.series.shard(shard_index);
  HeadShard& chunks = head_.chunks[shard_index];
  base::MutexLock lock(shard.mutex);
  for (size_t i = 0; i < samples.size() + kAheadSeries; ++i) {
    // Three waves: the series' line, then the end of its open chunk, then the append itself.
    if (i < samples.size()) SeriesTable<MemSeries>::Prefetch(shard, samples[i].ref);
    if (i >= kAheadSeries - kAheadChunk && i - (kAheadSeries - kAheadChunk) < samples.size()) {
      const storage::RefSample& sample = samples[i - (kAheadSeries - kAheadChunk)];
      const MemSeries* ahead = SeriesTable<MemSeries>::Find(shard, sample.ref);
      if (ahead != nullptr && ahead->buffer != 0) {
        const std::span<uint8_t> data = chunks.open.Data(ahead->buffer, ahead->small);
        __builtin_prefetch(data.data() + ahead->state.bit_size / 8, 1);
        __builtin_prefetch(data.data(), 1);
      }
    }
    if (i < kAheadSeries) continue;
    const storage::RefSample& sample = samples[i - kAheadSeries];
    MemSeries* series = SeriesTable<MemSeries>::Find(shard, sample.ref);
    if (series == nullptr) {
      ++to.unknown;
      continue;
    }
    if (series->Has(MemSeries::kHasSample) && sample.t <= series->state.t) continue;
    if (series->Has(MemSeries::kChunksWait)) {
      Reach(shard_index, SlotOf(sample.ref), series, sample.t);
    }
    if (AppendFloat(&chunks, series, head_.options.chunks, sample.t, sample.v)) {
      ++to.appended;
      Cover(&to, sample.t, sample.t);
    }
  }
}

void ReplayShards::Apply(uint32_t shard_index, const storage::RefHistogram& h) {
  Shard& to = shards_[shard_index];
  HeadState::Shard& shard = head_.series.shard(shard_index);
  HeadShard& chunks = head_.chunks[shard_index];
  base::MutexLock lock(shard.mutex);
  MemSeries* series = SeriesTable<MemSeries>::Find(shard, h.ref);
  if (series == nullptr) {
    ++to.unknown;
    return;
  }
  if (series->Has(MemSeries::kChunksWait)) Reach(shard_index, SlotOf(h.ref), series, h.t);
  const ChunkOptions& options = head_.options.chunks;
  if (h.is_float ? AppendHistogram(&chunks, series, options, h.t, h.float_histogram)
                 : AppendHistogram(&chunks, series, options, h.t, h.histogram)) {
    ++to.appended;
    Cover(&to, h.t, h.t);
  }
}

base::Status ReplayShards::Restore(uint32_t shard_index, const SnapshotSeries& taken,
                                   int64_t min_time) {
  if (taken.labels.empty()) return {};
  Shard& to = shards_[shard_index];
  HeadState::Shard& shard = head_.series.shard(shard_index);
  HeadShard& chunks = head_.chunks[shard_index];
  base::MutexLock lock(shard.mutex);
  MemSeries* const series = &shard.slots[taken.slot];
  for (const SnapshotChunk& c : taken.chunks) {
    if (c.view.max_time < min_time) continue;
    if (series->Has(MemSeries::kChunksWait)) {
      Reach(shard_index, taken.slot, series, c.view.min_time);
    }
    Cover(&to, c.view.min_time, c.view.max_time);
    if (series->Has(MemSeries::kHasSample) && c.view.min_time <= series->state.t) {
      // A file made later has it, mostly as it is.
      RETURN_IF_ERROR(AppendNewer(&chunks, series, c.view));
    } else if (c.open) {
      RestoreOpenChunk(&chunks, series, c.view.data, c.state, c.next_at);
    } else {
      RestoreClosedChunk(&chunks, series, c.view);
    }
  }
  return {};
}

base::Status ReplayShards::AppendNewer(HeadShard* chunks, MemSeries* series,
                                       const chunk::ChunkView& view) {
  const ChunkOptions& options = head_.options.chunks;
  std::vector<StoredSample> samples;
  RETURN_IF_ERROR(DecodeSamples(view, {series->state.t + 1, model::kMaxTime}, &samples));
  for (const StoredSample& s : samples) {
    if (const double* v = std::get_if<double>(&s.value)) {
      AppendFloat(chunks, series, options, s.t, *v);
    } else if (const auto* h = std::get_if<std::unique_ptr<model::Histogram>>(&s.value)) {
      if (IsUsable(**h)) AppendHistogram(chunks, series, options, s.t, **h);
    } else {
      const auto& f = *std::get<std::unique_ptr<model::FloatHistogram>>(s.value);
      if (IsUsable(f)) AppendHistogram(chunks, series, options, s.t, f);
    }
  }
  return {};
}

void ReplayShards::Finish(uint32_t shard_index) {
  Shard& to = shards_[shard_index];
  HeadState::Shard& shard = head_.series.shard(shard_index);
  base::MutexLock lock(shard.mutex);
  for (const auto& [slot, waiting] : to.waiting) {
    MemSeries& series = shard.slots[slot];
    if (series.Has(MemSeries::kChunksWait)) Reach(shard_index, slot, &series, INT64_MAX);
  }
  to.waiting.clear();
  // The value of the newest sample decides what is a duplicate.
  ClosedChunks& closed = head_.chunks[shard_index].closed;
  for (uint32_t slot = 1; slot < shard.next_slot; ++slot) {
    MemSeries& series = shard.slots[slot];
    if (series.buffer != 0 || series.histogram != 0 || series.closed == 0) continue;
    if (closed.header(series.closed).encoding != chunk::Encoding::kXor) continue;
    if (const auto state = chunk::XorResume(closed.Data(series.closed))) series.state.v = state->v;
  }
  if (to.lowest <= to.highest) head_.CoverTime(to.lowest, to.highest);
}

uint64_t ReplayShards::appended() const {
  uint64_t sum = 0;
  for (const Shard& shard : shards_) sum += shard.appended;
  return sum;
}
uint64_t ReplayShards::unknown() const {
  uint64_t sum = 0;
  for (const Shard& shard : shards_) sum += shard.unknown;
  return sum;
}
uint64_t ReplayShards::file_chunks() const {
  uint64_t sum = 0;
  for (const Shard& shard : shards_) sum += shard.file_chunks;
  return sum;
}

int64_t ReplayShards::highest_unclaimed_generation() const {
  int64_t highest = INT64_MIN;
  for (const Shard& shard : shards_) {
    for (size_t i = 0; i < shard.by_ref.size(); ++i) {
      if (shard.claimed[i]) continue;
      highest = std::max(highest, static_cast<int64_t>(GenerationOf(shard.by_ref[i].ref)));
    }
  }
  return highest;
}

}  // namespace tributary::tsdb
