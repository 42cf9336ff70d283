#include <algorithm>
#include <utility>
#include <vector>

#include "base/log.h"
#include "tsdb/agent/agent_store.h"
#include "tsdb/wal/checkpoint.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/segment.h"
#include "tsdb/wal/wal_reader.h"

namespace tributary::tsdb {
namespace {

class Replay {
 public:
  explicit Replay(AgentStore& store) : store_(store) {}

  base::Status Read(const std::string& dir, uint32_t first, std::atomic<uint32_t>* progress) {
    ASSIGN_OR_RETURN(WalReader reader, WalReader::Open(store_.fs, dir, first));
    while (true) {
      switch (reader.Next()) {
        case SegmentReader::State::kRecord:
          segment_ = reader.position().segment;
          if (progress != nullptr) {
            progress->store(segment_);
          }
          if (auto status = OnRecord(reader.record()); !status) {
            Damage(status.error());
          }
          break;
        case SegmentReader::State::kCorrupt:
          Damage(reader.error());
          reader.SkipDamage();
          break;
        case SegmentReader::State::kIoError:
          return reader.error();
        case SegmentReader::State::kEnd:
          return {};
      }
    }
  }

  // Slots between taken over refs become usable.
  void Finish() {
    for (uint32_t i = 0; i < kSeriesShards; ++i) {
      AgentSeriesTable::Shard& shard = store_.series.shard(i);
      base::MutexLock lock(shard.mutex);
      store_.series.FreeGaps(shard);
    }
  }

 private:
  void Damage(const base::Error& error) {
    store_.metrics.corruptions.Add();
    LOG_WARN("damaged place in the log passed over", kv("err", error));
  }

  base::Status OnRecord(base::Bytes record) {
    switch (TypeOfRecord(record)) {
      case RecordType::kSeries:
        return DecodeSeries(record, [this](model::SeriesRef ref, model::LabelSpan labels) {
          OnSeries(ref, labels);
        });
      case RecordType::kSamples:
      case RecordType::kSamplesV2:
        samples_.clear();
        RETURN_IF_ERROR(DecodeSamples(record, &samples_));
        for (const storage::RefSample& sample : samples_) {
          OnSample(sample.ref, sample.t);
        }
        return {};
      case RecordType::kHistograms:
      case RecordType::kFloatHistograms:
      case RecordType::kCustomHistograms:
      case RecordType::kCustomFloatHistograms:
      case RecordType::kHistogramsV2:
      case RecordType::kFloatHistogramsV2:
        histograms_.clear();
        RETURN_IF_ERROR(DecodeHistograms(record, &histograms_));
        for (const storage::RefHistogram& histogram : histograms_) {
          OnSample(histogram.ref, histogram.t);
        }
        return {};
      default:
        return {};  // nothing to remember from it
    }
  }

  void OnSeries(model::SeriesRef ref, model::LabelSpan labels) {
    const uint64_t hash = model::HashLabels(labels);
    const uint32_t shard_index = ShardOfHash(hash);
    AgentSeriesTable::Shard& shard = store_.series.shard(shard_index);
    base::MutexLock lock(shard.mutex);
    const uint32_t slot = store_.series.FindByLabels(shard, labels, hash);
    if (slot != IdTable::kNone) {
      const auto known = MakeSeriesRef(shard_index, slot, shard.slots[slot].generation);
      if (known != ref) {
        store_.aliases[ref.value()] = known;
      }
      return;
    }
    const LabelRun run = store_.labels.Intern(labels);
    auto made = store_.series.InsertAt(shard, shard_index, ref, run, hash);
    if (made.series != nullptr) {
      made.series->flags |= AgentSeries::kLogged;
    } else {
      // Numbered by someone else: it gets a number of ours, to be logged with its next sample.
      made = store_.series.Insert(shard, shard_index, run, hash, 0);
      if (made.series == nullptr) {
        store_.labels.Release(run);
        return;
      }
      store_.aliases[ref.value()] = made.ref;
    }
    made.series->newest_segment = segment_;
    store_.active_series.fetch_add(1, std::memory_order_relaxed);
  }

  void OnSample(model::SeriesRef ref, model::Timestamp t) {
    ref = store_.Resolve(ref);
    AgentSeriesTable::Shard& shard = store_.series.shard_of(ref);
    base::MutexLock lock(shard.mutex);
    AgentSeries* series = AgentSeriesTable::Find(shard, ref);
    if (series == nullptr) {
      return;
    }
    series->newest = series->Has(AgentSeries::kHasSample) ? std::max(series->newest, t) : t;
    series->flags |= AgentSeries::kHasSample;
    series->newest_segment = segment_;
  }

  AgentStore& store_;
  uint32_t segment_ = 0;
  std::vector<storage::RefSample> samples_;
  std::vector<storage::RefHistogram> histograms_;
};

}  // namespace

base::Status ReplayAgentWal(AgentStore& store, std::atomic<uint32_t>* progress_segment) {
  const std::string dir = store.WalDir();
  RETURN_IF_ERROR(store.fs.CreateDirs(dir));
  RETURN_IF_ERROR(RemoveTemporaryCheckpoints(store.fs, dir));
  Replay replay(store);
  uint32_t first = 0;
  ASSIGN_OR_RETURN(const auto checkpoint, LastCheckpoint(store.fs, dir));
  if (checkpoint) {
    RETURN_IF_ERROR(replay.Read(checkpoint->path, 0, nullptr));
    first = checkpoint->index + 1;
  }
  RETURN_IF_ERROR(replay.Read(dir, first, progress_segment));
  replay.Finish();
  WalWriterOptions options;
  options.dir = dir;
  options.segment_bytes = store.options.wal_segment_bytes;
  options.compression = store.options.wal_compression;
  ASSIGN_OR_RETURN(store.writer, WalWriter::Open(store.fs, options, &store.metrics.wal));
  store.metrics.active_series.Set(static_cast<double>(store.active_series.load()));
  return {};
}

}  // namespace tributary::tsdb
