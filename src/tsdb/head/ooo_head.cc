#include "tsdb/head/ooo_head.h"

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "base/log.h"
#include "tsdb/head/head_querier.h"
#include "tsdb/wal/checkpoint.h"
#include "tsdb/wal/replay_segments.h"

namespace tributary::tsdb {
namespace {

// A shard's lock is held for this many series at a time.
constexpr size_t kSeriesPerLock = 256;

// A log is only bytes; with times beyond this one could not reckon.
constexpr int64_t kFarthest = int64_t{1} << 62;

bool IsFarOff(model::Timestamp t) { return t < -kFarthest || t > kFarthest; }

// Calls visit(shard, slot, series) for each series that has samples out of order, under its lock.
template <class F>
void EachOutOfOrderSeries(HeadState& head, F&& visit) {
  for (uint32_t s = 0; s < kSeriesShards; ++s) {
    HeadState::Shard& shard = head.series.shard(s);
    std::vector<uint32_t> slots;
    {
      base::MutexLock lock(shard.mutex);
      slots = head.out_of_order[s].slots();
    }
    for (size_t from = 0; from < slots.size(); from += kSeriesPerLock) {
      const auto part =
          std::span(slots).subspan(from, std::min(kSeriesPerLock, slots.size() - from));
      base::MutexLock lock(shard.mutex);
      for (const uint32_t slot : part) visit(s, slot, &shard.slots[slot]);
    }
  }
}

// The begins of the ranges that the samples of a chunk are in.
class RangeBegins {
 public:
  explicit RangeBegins(int64_t width) : width_(width) {}

  void Add(const chunk::ChunkView& chunk) {
    const model::Timestamp first = BeginOf(chunk.min_time);
    const model::Timestamp last = BeginOf(chunk.max_time);
    begins_.insert(first);
    begins_.insert(last);
    if (last - first <= width_) return;  // none lies between
    decoded_.clear();
    // Written by this process a moment ago, so that it decodes.
    (void)DecodeSamples(chunk, {chunk.min_time, chunk.max_time}, &decoded_);
    for (const StoredSample& sample : decoded_) begins_.insert(BeginOf(sample.t));
  }
  std::vector<model::Timestamp> Take() { return {begins_.begin(), begins_.end()}; }

 private:
  model::Timestamp BeginOf(model::Timestamp t) const {
    const int64_t rest = t % width_;
    return t - (rest < 0 ? rest + width_ : rest);
  }

  const int64_t width_;
  std::set<model::Timestamp> begins_;
  std::vector<StoredSample> decoded_;
};

// Reads records of the log back into the head.
class LogReplay {
 public:
  explicit LogReplay(HeadState& head) : head_(head) {}

  base::Status OnRecord(base::Bytes record) {
    switch (TypeOfRecord(record)) {
      case RecordType::kSamples:
      case RecordType::kSamplesV2: {
        samples_.clear();
        base::Status status = DecodeSamples(record, &samples_);
        for (storage::RefSample& sample : samples_) {
          if (IsFarOff(sample.t)) {
            if (status) status = base::Corruption("a sample beyond all time in the log");
            continue;
          }
          sample.ref = head_.Resolve(sample.ref);
          Count(sample.ref, &unknown_samples_, InsertOutOfOrder(head_, sample, nullptr));
        }
        return status;
      }
      case RecordType::kHistograms:
      case RecordType::kFloatHistograms:
      case RecordType::kCustomHistograms:
      case RecordType::kCustomFloatHistograms:
      case RecordType::kHistogramsV2:
      case RecordType::kFloatHistogramsV2: {
        histograms_.clear();
        base::Status status = DecodeHistograms(record, &histograms_);
        for (storage::RefHistogram& h : histograms_) {
          if (!(h.is_float ? IsUsable(h.float_histogram) : IsUsable(h.histogram)) ||
              IsFarOff(h.t)) {
            if (status) status = base::Corruption("an invalid histogram in the log");
            continue;
          }
          h.ref = head_.Resolve(h.ref);
          Count(h.ref, &unknown_histograms_, InsertOutOfOrder(head_, h, nullptr));
        }
        return status;
      }
      case RecordType::kMmapMarkers: {
        // Says which samples before it are in a head chunk file of Prometheus's, too. As the log
        // has them all, it is only checked for damage.
        markers_.clear();
        return DecodeMmapMarkers(record, &markers_);
      }
      case RecordType::kUnknown:
        head_.metrics.replay_unknown_records.Add();
        return {};
      default:
        return {};  // of the other log
    }
  }

  void Finish() {
    if (unknown_samples_ != 0) {
      head_.metrics.wbl_unknown_samples.Add(static_cast<double>(unknown_samples_));
    }
    if (unknown_histograms_ != 0) {
      head_.metrics.wbl_unknown_histograms.Add(static_cast<double>(unknown_histograms_));
    }
    if (unknown_samples_ + unknown_histograms_ != 0) {
      LOG_WARN("wbl: samples of series that are not in the wal were dropped",
               kv("samples", unknown_samples_), kv("histograms", unknown_histograms_));
    }
  }
  uint64_t inserted() const { return inserted_; }

 private:
  void Count(model::SeriesRef ref, uint64_t* unknown, bool inserted) {
    if (inserted) {
      ++inserted_;
    } else if (!head_.Has(ref)) {
      ++*unknown;
    }
  }

  HeadState& head_;
  uint64_t inserted_ = 0;
  uint64_t unknown_samples_ = 0;
  uint64_t unknown_histograms_ = 0;
  std::vector<storage::RefSample> samples_;
  std::vector<storage::RefHistogram> histograms_;
  std::vector<RefMmapMarker> markers_;
};

bool Insert(HeadState& head, model::SeriesRef ref, StoredSample sample,
            const Isolation::Commit* commit) {
  HeadState::Shard& shard = head.series.shard_of(ref);
  base::MutexLock lock(shard.mutex);
  MemSeries* series = SeriesTable<MemSeries>::Find(shard, ref);
  if (series == nullptr || series->Has(MemSeries::kDead)) return false;
  if (!series->Has(MemSeries::kOutOfOrder)) head.out_of_order_series.fetch_add(1);
  series->flags =
      static_cast<uint8_t>((series->flags | MemSeries::kOutOfOrder) & ~MemSeries::kDying);
  return head.out_of_order[ShardOf(ref)].Insert(SlotOf(ref), std::move(sample),
                                                head.options.out_of_order_capacity, commit);
}

}  // namespace

StoredSample ToStored(const storage::RefSample& sample) { return {sample.t, 0, sample.v}; }

StoredSample ToStored(const storage::RefHistogram& histogram) {
  StoredSample sample{.t = histogram.t, .start = 0, .value = {}};
  if (histogram.is_float) {
    sample.value = std::make_unique<model::FloatHistogram>(histogram.float_histogram);
  } else {
    sample.value = std::make_unique<model::Histogram>(histogram.histogram);
  }
  return sample;
}

bool InsertOutOfOrder(HeadState& head, const storage::RefSample& sample,
                      const Isolation::Commit* commit) {
  return Insert(head, sample.ref, ToStored(sample), commit);
}
bool InsertOutOfOrder(HeadState& head, const storage::RefHistogram& histogram,
                      const Isolation::Commit* commit) {
  return Insert(head, histogram.ref, ToStored(histogram), commit);
}

OutOfOrderChunks::Found FindSample(HeadState& head, model::SeriesRef ref, const MemSeries& series,
                                   const StoredSample& sample) {
  using Found = OutOfOrderChunks::Found;
  const uint32_t shard = ShardOf(ref);
  if (series.Has(MemSeries::kOutOfOrder)) {
    const Found found = head.out_of_order[shard].Find(SlotOf(ref), sample);
    if (found != Found::kNothing) return found;
  }
  std::vector<chunk::ChunkView> chunks;
  ClosedChunksOf(&head.chunks[shard], series, sample.t, sample.t, &chunks);
  if (const chunk::ChunkView open = OpenChunkOf(&head.chunks[shard], series);
      !open.data.empty() && open.min_time <= sample.t && open.max_time >= sample.t) {
    chunks.push_back(open);
  }
  std::vector<StoredSample> decoded;
  for (const chunk::ChunkView& chunk : chunks) {
    if (!DecodeSamples(chunk, {sample.t, sample.t}, &decoded) || decoded.empty()) continue;
    return SameValue(decoded.front(), sample) ? Found::kSameValue : Found::kOtherValue;
  }
  return Found::kNothing;
}

base::Status OutOfOrderHead::Replay(base::FileSystem& fs, const std::string& dir) {
  LogReplay replay(head_);
  ASSIGN_OR_RETURN(
      const ReplayedSegments read,
      ReplaySegments(fs, dir, "wbl", 0,
                     {.on_segment = {},
                      .on_record = [&](base::Bytes record) { return replay.OnRecord(record); },
                      .on_damage =
                          [&](const base::Error& error) {
                            if (head_.wal_metrics != nullptr) {
                              head_.wal_metrics->corruptions.Add();
                            }
                            LOG_ERROR("wbl: a damaged place was passed over", kv("err", error));
                          }}));
  replay.Finish();
  if (read.segments == 0) return {};
  LOG_INFO("wbl replayed", kv("series", head_.out_of_order_series.load()),
           kv("samples", replay.inserted()), kv("segments", read.segments),
           kv("damaged_places", read.damaged_places));
  return {};
}

uint64_t OutOfOrderHead::NumChunks() const {
  if (empty()) return 0;
  uint64_t count = 0;
  for (uint32_t s = 0; s < kSeriesShards; ++s) {
    base::MutexLock lock(head_.series.shard(s).mutex);
    count += head_.out_of_order[s].num_chunks();
  }
  return count;
}

base::Result<std::vector<model::Timestamp>> OutOfOrderHead::Seal(int64_t width_ms) {
  if (WalWriter* log = head_.out_of_order_wal.load(); log != nullptr) {
    ASSIGN_OR_RETURN(first_needed_segment_, log->CutSegment());
  }
  // They may have written into a lower segment, and must be seen here then.
  head_.appenders.WaitForEarlier();
  head_.out_of_order_compaction.fetch_add(1);
  RangeBegins begins(width_ms);
  EachOutOfOrderSeries(head_, [&](uint32_t shard, uint32_t slot, MemSeries*) {
    head_.out_of_order[shard].SealAndMark(
        slot, [&](const chunk::ChunkView& chunk) { begins.Add(chunk); });
  });
  return begins.Take();
}

std::unique_ptr<storage::SeriesSelection> OutOfOrderHead::SelectMarked(model::Timestamp min_time,
                                                                       model::Timestamp max_time) {
  return MakeMarkedSelection(head_, min_time, max_time);
}

base::Status OutOfOrderHead::Truncate(base::FileSystem& fs) {
  // Older queriers may still read what goes now; newer ones have it in blocks.
  head_.out_of_order_hidden.store(head_.out_of_order_compaction.load());
  head_.readers.WaitForEarlier();
  EachOutOfOrderSeries(head_, [&](uint32_t shard, uint32_t slot, MemSeries* series) {
    if (!head_.out_of_order[shard].DropMarked(slot)) return;
    series->flags &= static_cast<uint8_t>(~MemSeries::kOutOfOrder);
    head_.out_of_order_series.fetch_sub(1);
  });
  for (uint32_t s = 0; s < kSeriesShards; ++s) {
    base::MutexLock lock(head_.series.shard(s).mutex);
    head_.out_of_order[s].RecomputeRange();
  }
  const WalWriter* log = head_.out_of_order_wal.load();
  if (log == nullptr || first_needed_segment_ == 0) return {};
  return RemoveCheckpointed(fs, log->dir(), first_needed_segment_ - 1);
}

}  // namespace tributary::tsdb
