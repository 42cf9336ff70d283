#include "tsdb/head/head_replay.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "tsdb/head/snapshot_loader.h"
#include "tsdb/wal/log_batches.h"

namespace tributary::tsdb {
namespace {

// Packed bytes that one thread decodes at a time.
constexpr size_t kPartBytes = 32 << 10;

}  // namespace

HeadReplay::HeadReplay(HeadState& head, base::FileSystem& fs, ReplayOptions options)
    : head_(head),
      fs_(fs),
      options_(std::move(options)),
      pool_("replay", std::max<size_t>(2, options_.threads) - 1),  // the caller works, too
      shards_(head) {}

base::Status HeadReplay::Run() {
  if (!options_.chunks_dir.empty()) {
    ASSIGN_OR_RETURN(const auto files, head_.chunk_files.Load(fs_, options_.chunks_dir, pool_));
    shards_.TakeFileChunks(files, options_.min_time, pool_);
  }
  ASSIGN_OR_RETURN(const uint32_t from, LoadSnapshot());
  LogBatches log(fs_, {.dir = options_.wal_dir,
                       .first_segment = from,
                       .on_segment = options_.on_segment,
                       .on_damage = [this](const base::Error& error) { Damaged(error); }});
  PackedRecords batch;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, log.Next(&batch));
    if (!more) break;
    log_bytes_ += batch.bytes.size();
    ReplayBatch(batch);
  }
  for (const IndexedSeries& series : made_) head_.index.Add(series);
  parts_.clear();
  pool_.ParallelFor(kSeriesShards, [&](size_t s) { shards_.Finish(static_cast<uint32_t>(s)); });
  CloseGaps();
  if (shards_.unknown() != 0) {
    head_.metrics.replay_unknown_refs.Add(static_cast<double>(shards_.unknown()));
    LOG_WARN("wal: samples without a series record were dropped", kv("samples", shards_.unknown()));
  }
  LOG_INFO("wal replayed", kv("series", head_.num_series.load()), kv("samples", shards_.appended()),
           kv("file_chunks", shards_.file_chunks()), kv("segments", log.segments()),
           kv("damaged_places", damaged_places_.load()));
  return {};
}

base::Result<uint32_t> HeadReplay::LoadSnapshot() {
  if (options_.snapshots_dir.empty()) return 0u;
  SnapshotLoader loader(head_, shards_, fs_, pool_, options_.min_time);
  ASSIGN_OR_RETURN(auto loaded, loader.Load(options_.snapshots_dir, options_.wal_dir));
  if (!loaded) return 0u;
  for (const auto& [logged, own] : loaded->foreign) {
    const model::SeriesRef from(logged);
    const model::SeriesRef to(own);
    if (!head_.Has(to)) continue;
    MapForeign(from, to);
    shards_.Claim(from, to);
  }
  RETURN_IF_ERROR(loader.LoadChunks(loaded->made));
  snapshot_bytes_ = loaded->bytes;
  LOG_INFO("head snapshot loaded", kv("series", head_.num_series.load()),
           kv("bytes", loaded->bytes), kv("segment", loaded->segment));
  ReplayBatch(loaded->records);
  return loaded->segment;
}

// Slots that were passed over become free, for refs that nothing on disk has given a meaning.
void HeadReplay::CloseGaps() {
  if (const int64_t highest = shards_.highest_unclaimed_generation(); highest != INT64_MIN) {
    const auto beyond = static_cast<uint16_t>(std::min<int64_t>(highest + 1, kMaxGeneration));
    if (head_.min_generation.load() < beyond) head_.min_generation.store(beyond);
  }
  for (uint32_t s = 0; s < kSeriesShards; ++s) {
    HeadState::Shard& shard = head_.series.shard(s);
    base::MutexLock lock(shard.mutex);
    head_.series.FreeGaps(shard);
  }
}

void HeadReplay::Damaged(const base::Error& error) {
  damaged_places_.fetch_add(1);
  if (head_.wal_metrics != nullptr) head_.wal_metrics->corruptions.Add();
  LOG_ERROR("wal: a damaged place was passed over", kv("err", error));
}

void HeadReplay::ReplayBatch(const PackedRecords& batch) {
  std::vector<std::span<const PackedRecords::Record>> records;
  const std::span<const PackedRecords::Record> all(batch.records);
  for (size_t begin = 0, end = 0; begin < all.size(); begin = end) {
    size_t bytes = 0;
    while (end < all.size() && bytes < kPartBytes) bytes += all[end++].size;
    records.push_back(all.subspan(begin, end - begin));
  }
  num_parts_ = records.size();
  if (parts_.size() < num_parts_) parts_.resize(num_parts_);
  // The index takes long and is not asked before the end, so it is one batch behind.
  const std::vector<IndexedSeries> made = std::exchange(made_, {});
  pool_.ParallelFor(num_parts_ + 1, [&](size_t i) {
    if (i == 0) {
      for (const IndexedSeries& series : made) head_.index.Add(series);
      return;
    }
    parts_[i - 1].Decode(batch, records[i - 1], options_.min_time, head_.exemplars.enabled());
  });
  applied_ = {};
  for (size_t part = 0; part < num_parts_; ++part) {
    for (const base::Error& error : parts_[part].damage()) Damaged(error);
    head_.metrics.replay_unknown_records.Add(static_cast<double>(parts_[part].unknown_records()));
    for (size_t step = 0; step < parts_[part].steps().size(); ++step) {
      const DecodedRecords::Step& s = parts_[part].steps()[step];
      if (s.type == RecordType::kSeries) MakeSeriesOf({part, step});
      if (s.type == RecordType::kExemplars) AddExemplars(parts_[part].exemplars(s));
      if (s.type == RecordType::kMetadata) AddMetadata(parts_[part].metadata(s));
      if (s.type == RecordType::kTombstones) AddTombstones(parts_[part].tombstones(s));
    }
  }
  ApplyUpTo({num_parts_, 0});
}

void HeadReplay::ApplyUpTo(Place end) {
  const Place begin = applied_;
  if (begin >= end) return;
  applied_ = end;
  // The table of foreign refs does not change while this runs.
  const bool foreign = head_.has_foreign_refs.load(std::memory_order_acquire);
  pool_.ParallelFor(num_parts_, [&](size_t i) TB_NO_THREAD_SAFETY_ANALYSIS {
    if (i < begin.part || i > end.part) return;
    const size_t first = i == begin.part ? begin.step : 0;
    const size_t last = i == end.part ? end.step : parts_[i].steps().size();
    if (!foreign) {
      parts_[i].Partition(first, last, [](model::SeriesRef ref) { return ref; });
      return;
    }
    parts_[i].Partition(first, last, [&](model::SeriesRef ref) TB_NO_THREAD_SAFETY_ANALYSIS {
      const auto it = head_.foreign_refs.find(ref.value());
      return it == head_.foreign_refs.end() ? ref : model::SeriesRef(it->second);
    });
  });
  pool_.ParallelFor(kSeriesShards, [&](size_t s) {
    const auto shard = static_cast<uint32_t>(s);
    for (size_t part = begin.part; part < num_parts_; ++part) {
      const std::span<DecodedRecords::Step> steps = parts_[part].steps();
      for (size_t i = part == begin.part ? begin.step : 0; i < steps.size(); ++i) {
        if (Place{part, i} >= end) return;
        if (steps[i].type == RecordType::kSamples) {
          shards_.Apply(shard, parts_[part].samples(steps[i], shard));
        } else if (steps[i].type == RecordType::kHistograms) {
          for (const storage::RefHistogram& h : parts_[part].histograms(steps[i])) {
            if (ShardOf(h.ref) == shard) shards_.Apply(shard, h);
          }
        }
      }
    }
  });
}

void HeadReplay::AddExemplars(std::span<storage::RefExemplar> exemplars) {
  std::vector<model::Label> labels;
  for (storage::RefExemplar& e : exemplars) {
    const model::SeriesRef ref = head_.Resolve(e.ref);
    HeadState::Shard& shard = head_.series.shard_of(ref);
    {
      base::MutexLock lock(shard.mutex);
      const MemSeries* series = SeriesTable<MemSeries>::Find(shard, ref);
      if (series == nullptr) continue;
      head_.labels.ToSpan(LabelRun(series->labels), &labels);
    }
    head_.exemplars.Add(model::Labels::FromSpan(labels), std::move(e.exemplar));
  }
}

void HeadReplay::AddMetadata(std::span<RefMetadata> metadata) {
  for (RefMetadata& m : metadata) {
    const model::SeriesRef ref = head_.Resolve(m.ref);
    base::MutexLock lock(head_.metadata_mutex);
    head_.metadata[ref.value()] = std::move(m.metadata);
  }
}

void HeadReplay::AddTombstones(std::span<RefTombstone> tombstones) {
  for (RefTombstone& t : tombstones) t.ref = head_.Resolve(t.ref);
  head_.tombstones.Add(tombstones);
}

uint64_t HeadReplay::MeaningOf(model::SeriesRef logged) const {
  const model::SeriesRef ref = head_.Resolve(logged);
  return head_.Has(ref) ? ref.value() : 0;
}

void HeadReplay::MakeSeriesOf(Place place) {
  const DecodedRecords& part = parts_[place.part];
  for (const DecodedRecords::Series& s : part.series(parts_[place.part].steps()[place.step])) {
    if (s.size == 0) continue;
    const uint64_t before = MeaningOf(s.ref);
    const model::LabelSpan labels = part.LabelsOf(s);
    model::SeriesRef now = FindSeries(s, labels);
    // Samples up to here are those of the series that the ref stood for.
    if (before != 0 && before != now.value()) ApplyUpTo(place);
    if (now.value() == 0) now = MakeSeries(s, labels);
    if (now.value() == 0) continue;
    MapForeign(s.ref, now);
    shards_.Claim(s.ref, now);
  }
}

model::SeriesRef HeadReplay::FindSeries(const DecodedRecords::Series& logged,
                                        model::LabelSpan labels) {
  const uint32_t shard_index = ShardOfHash(logged.hash);
  HeadState::Shard& shard = head_.series.shard(shard_index);
  base::MutexLock lock(shard.mutex);
  const uint32_t slot = head_.series.FindByLabels(shard, labels, logged.hash);
  if (slot == IdTable::kNone) return {};
  MemSeries& series = shard.slots[slot];
  series.flags |= MemSeries::kLogged;
  return MakeSeriesRef(shard_index, slot, series.generation);
}

model::SeriesRef HeadReplay::MakeSeries(const DecodedRecords::Series& logged,
                                        model::LabelSpan labels) {
  const uint32_t shard_index = ShardOfHash(logged.hash);
  HeadState::Shard& shard = head_.series.shard(shard_index);
  const LabelRun run = head_.labels.Intern(labels);
  base::MutexLock lock(shard.mutex);
  auto made = head_.series.InsertAt(shard, shard_index, logged.ref, run, logged.hash);
  if (made.series == nullptr) {
    // New refs must differ from all that this log gave a meaning.
    const uint64_t beyond = std::min<uint64_t>(GenerationOf(logged.ref) + 1, kMaxGeneration);
    if (head_.min_generation.load() < beyond) {
      head_.min_generation.store(static_cast<uint16_t>(beyond));
    }
    made = head_.series.Insert(shard, shard_index, run, logged.hash, head_.min_generation.load());
  }
  if (made.series == nullptr) {
    head_.labels.Release(run);
    Damaged(base::ResourceExhausted("more series in the log than the head can hold"));
    return {};
  }
  made.series->flags |= MemSeries::kLogged;
  made_.push_back({static_cast<uint32_t>(made.ref.value()) & ((1u << 28) - 1), run});
  head_.num_series.fetch_add(1);
  return made.ref;
}

void HeadReplay::MapForeign(model::SeriesRef from, model::SeriesRef to) {
  if (from == to && !head_.has_foreign_refs.load(std::memory_order_relaxed)) return;
  base::MutexLock lock(head_.foreign_mutex);
  if (from == to) {
    head_.foreign_refs.erase(from.value());
    head_.logged_refs.erase(to.value());
    return;
  }
  head_.foreign_refs[from.value()] = to.value();
  head_.logged_refs[to.value()] = from.value();
  head_.has_foreign_refs.store(true, std::memory_order_release);
}

}  // namespace tributary::tsdb
