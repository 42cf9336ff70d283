#include "tsdb/head/head_replay.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/threads.h"
#include "tsdb/wal/replay_segments.h"
#include "tsdb/wal/segment.h"
#include "tsdb/wal/wal_reader.h"

namespace tributary::tsdb {
namespace {

constexpr size_t kSamplesPerBatch = 8192;
constexpr size_t kHistogramsPerBatch = 512;
constexpr size_t kBatchesWaiting = 8;

// Prometheus never logs anything else, but a log is only bytes.
bool IsWellFormed(model::LabelSpan labels) {
  if (labels.empty() || labels.size() > LabelTable::kMaxLabels) return false;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].value.empty()) return false;
    if (i > 0 && labels[i - 1].name >= labels[i].name) return false;
  }
  return true;
}

}  // namespace

// Appends samples to the series of its shards, in the order they come.
class HeadReplay::Worker {
 public:
  Worker(HeadState& head, size_t index) : head_(head) {
    thread_ = std::jthread([this, index] {
      base::SetThreadName("replay-" + std::to_string(index));
      Loop();
    });
  }
  ~Worker() { Finish(); }

  void Add(const storage::RefSample& sample) {
    // Within a batch samples come before histograms.
    if (!filling_.histograms.empty()) Hand();
    filling_.samples.push_back(sample);
    if (filling_.samples.size() == kSamplesPerBatch) Hand();
  }
  void Add(storage::RefHistogram histogram) {
    filling_.histograms.push_back(std::move(histogram));
    if (filling_.histograms.size() == kHistogramsPerBatch) Hand();
  }
  void Finish() {
    if (!thread_.joinable()) return;
    Hand();
    {
      base::MutexLock lock(mutex_);
      finished_ = true;
    }
    changed_.NotifyAll();
    thread_.join();
    if (appended_ != 0) head_.CoverTime(lowest_, highest_);
  }
  uint64_t unknown() const { return unknown_; }
  uint64_t appended() const { return appended_; }

 private:
  struct Batch {
    std::vector<storage::RefSample> samples;
    std::vector<storage::RefHistogram> histograms;
    bool empty() const { return samples.empty() && histograms.empty(); }
  };

  void Hand() {
    if (filling_.empty()) return;
    Batch batch;
    std::swap(batch, filling_);
    {
      base::MutexLock lock(mutex_);
      while (waiting_.size() >= kBatchesWaiting) changed_.Wait(mutex_);
      waiting_.push_back(std::move(batch));
      if (!spare_.empty()) {
        filling_ = std::move(spare_.back());
        spare_.pop_back();
      }
    }
    filling_.samples.clear();
    filling_.histograms.clear();
    filling_.samples.reserve(kSamplesPerBatch);
    changed_.NotifyAll();
  }

  void Loop() {
    while (true) {
      Batch batch;
      {
        base::MutexLock lock(mutex_);
        while (waiting_.empty() && !finished_) changed_.Wait(mutex_);
        if (waiting_.empty()) return;
        batch = std::move(waiting_.front());
        waiting_.pop_front();
      }
      changed_.NotifyAll();
      for (size_t i = 0; i < batch.samples.size();) i = ApplyRun(batch.samples, i);
      for (const storage::RefHistogram& h : batch.histograms) Apply(h);
      base::MutexLock lock(mutex_);
      spare_.push_back(std::move(batch));
    }
  }

  // Samples of one shard that stand side by side share one lock.
  size_t ApplyRun(const std::vector<storage::RefSample>& batch, size_t i) {
    constexpr size_t kAhead = 10;
    const uint32_t shard_index = ShardOf(batch[i].ref);
    HeadState::Shard& shard = head_.series.shard(shard_index);
    base::MutexLock lock(shard.mutex);
    for (; i < batch.size() && ShardOf(batch[i].ref) == shard_index; ++i) {
      if (i + kAhead < batch.size() && ShardOf(batch[i + kAhead].ref) == shard_index) {
        SeriesTable<MemSeries>::Prefetch(shard, batch[i + kAhead].ref);
      }
      const storage::RefSample& sample = batch[i];
      MemSeries* series = SeriesTable<MemSeries>::Find(shard, sample.ref);
      if (series == nullptr) {
        ++unknown_;
        continue;
      }
      if (!AppendFloat(&head_.chunks[shard_index], series, head_.options.chunks, sample.t,
                       sample.v)) {
        continue;
      }
      Appended(sample.t);
    }
    return i;
  }

  void Apply(const storage::RefHistogram& h) {
    HeadState::Shard& shard = head_.series.shard_of(h.ref);
    HeadShard& chunks = head_.chunks[ShardOf(h.ref)];
    base::MutexLock lock(shard.mutex);
    MemSeries* series = SeriesTable<MemSeries>::Find(shard, h.ref);
    if (series == nullptr) {
      ++unknown_;
      return;
    }
    const ChunkOptions& options = head_.options.chunks;
    if (h.is_float ? AppendHistogram(&chunks, series, options, h.t, h.float_histogram)
                   : AppendHistogram(&chunks, series, options, h.t, h.histogram)) {
      Appended(h.t);
    }
  }

  void Appended(int64_t t) {
    ++appended_;
    lowest_ = std::min(lowest_, t);
    highest_ = std::max(highest_, t);
  }

  HeadState& head_;
  Batch filling_;
  base::Mutex mutex_;
  base::CondVar changed_;
  std::deque<Batch> waiting_ TB_GUARDED_BY(mutex_);
  std::vector<Batch> spare_ TB_GUARDED_BY(mutex_);
  bool finished_ TB_GUARDED_BY(mutex_) = false;
  // The thread's own until Finish().
  uint64_t unknown_ = 0;
  uint64_t appended_ = 0;
  int64_t lowest_ = std::numeric_limits<int64_t>::max();
  int64_t highest_ = std::numeric_limits<int64_t>::min();
  std::jthread thread_;
};

HeadReplay::HeadReplay(HeadState& head, base::FileSystem& fs, std::string dir,
                       model::Timestamp min_time, size_t workers)
    : head_(head), fs_(fs), dir_(std::move(dir)), min_time_(min_time) {
  workers = std::clamp<size_t>(workers, 1, kSeriesShards);
  for (size_t i = 0; i < workers; ++i) workers_.push_back(std::make_unique<Worker>(head, i));
}

HeadReplay::~HeadReplay() = default;

base::Status HeadReplay::Run(const std::function<void(uint32_t)>& on_segment) {
  RETURN_IF_ERROR(ReadCheckpoint());
  ASSIGN_OR_RETURN(const auto checkpoint, LastCheckpoint(fs_, dir_));
  ASSIGN_OR_RETURN(
      const ReplayedSegments read,
      ReplaySegments(fs_, dir_, "wal", checkpoint ? checkpoint->index + 1 : 0,
                     {.on_segment = on_segment,
                      .on_record = [this](base::Bytes record) { return Decode(record); },
                      .on_damage = [this](const base::Error& error) { Damaged(error); }}));
  uint64_t unknown = 0;
  uint64_t appended = 0;
  for (const std::unique_ptr<Worker>& worker : workers_) {
    worker->Finish();
    unknown += worker->unknown();
    appended += worker->appended();
  }
  for (uint32_t s = 0; s < kSeriesShards; ++s) {
    HeadState::Shard& shard = head_.series.shard(s);
    base::MutexLock lock(shard.mutex);
    head_.series.FreeGaps(shard);
  }
  if (unknown != 0) {
    head_.metrics.replay_unknown_refs.Add(static_cast<double>(unknown));
    LOG_WARN("wal: samples without a series record were dropped", kv("samples", unknown));
  }
  LOG_INFO("wal replayed", kv("series", head_.num_series.load()), kv("samples", appended),
           kv("segments", read.segments), kv("damaged_places", damaged_places_));
  return {};
}

base::Status HeadReplay::ReadCheckpoint() {
  ASSIGN_OR_RETURN(const auto checkpoint, LastCheckpoint(fs_, dir_));
  if (!checkpoint) return {};
  ASSIGN_OR_RETURN(WalReader reader, WalReader::Open(fs_, checkpoint->path));
  while (true) {
    switch (reader.Next()) {
      case SegmentReader::State::kEnd:
        return {};
      case SegmentReader::State::kIoError:
        return reader.error();
      case SegmentReader::State::kRecord:
        if (const base::Status status = Decode(reader.record()); !status) {
          Damaged(status.error().Context(checkpoint->path));
        }
        break;
      case SegmentReader::State::kCorrupt:
        Damaged(reader.error().Context(checkpoint->path));
        reader.SkipDamage();
        break;
    }
  }
}

void HeadReplay::Damaged(const base::Error& error) {
  ++damaged_places_;
  if (head_.wal_metrics != nullptr) head_.wal_metrics->corruptions.Add();
  LOG_ERROR("wal: a damaged place was passed over", kv("err", error));
}

base::Status HeadReplay::Decode(base::Bytes record) {
  switch (TypeOfRecord(record)) {
    case RecordType::kSeries:
      return DecodeSeries(record, [this](model::SeriesRef ref, model::LabelSpan labels) {
        AddSeries(ref, labels);
      });
    case RecordType::kSamples:
    case RecordType::kSamplesV2: {
      samples_.clear();
      base::Status status = DecodeSamples(record, &samples_);
      Dispatch();
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
      DispatchHistograms();
      return status;
    }
    case RecordType::kExemplars: {
      if (!head_.exemplars.enabled()) return {};
      exemplars_.clear();
      base::Status status = DecodeExemplars(record, &exemplars_);
      AddExemplars();
      return status;
    }
    case RecordType::kMetadata: {
      metadata_.clear();
      base::Status status = DecodeMetadata(record, &metadata_);
      base::MutexLock lock(head_.metadata_mutex);
      for (RefMetadata& m : metadata_) {
        head_.metadata[head_.Resolve(m.ref).value()] = std::move(m.metadata);
      }
      return status;
    }
    default:
      return {};
  }
}

void HeadReplay::Dispatch() {
  const bool foreign = head_.has_foreign_refs.load(std::memory_order_relaxed);
  for (storage::RefSample& sample : samples_) {
    if (sample.t < min_time_) continue;
    if (foreign) sample.ref = head_.Resolve(sample.ref);
    workers_[ShardOf(sample.ref) % workers_.size()]->Add(sample);
  }
}

void HeadReplay::DispatchHistograms() {
  for (storage::RefHistogram& h : histograms_) {
    if (h.t < min_time_) continue;
    const bool usable = h.is_float ? IsUsable(h.float_histogram) : IsUsable(h.histogram);
    if (!usable) {
      Damaged(base::Corruption("an invalid histogram in the log"));
      continue;
    }
    h.ref = head_.Resolve(h.ref);
    workers_[ShardOf(h.ref) % workers_.size()]->Add(std::move(h));
  }
}

void HeadReplay::AddExemplars() {
  std::vector<model::Label> labels;
  for (storage::RefExemplar& e : exemplars_) {
    if (e.exemplar.t < min_time_) continue;
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

void HeadReplay::AddSeries(model::SeriesRef ref, model::LabelSpan labels) {
  if (IsWellFormed(labels)) {
    MakeSeries(ref, labels);
    return;
  }
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const model::Label& l : labels) pairs.emplace_back(l.name, l.value);
  const model::Labels sorted = model::Labels::FromPairs(std::move(pairs));
  std::vector<model::Label> span;
  sorted.ToSpan(&span);
  if (IsWellFormed(span)) {
    MakeSeries(ref, span);
  } else {
    Damaged(base::Corruption("series record with unusable labels"));
  }
}

void HeadReplay::MakeSeries(model::SeriesRef ref, model::LabelSpan labels) {
  const uint64_t hash = model::HashLabels(labels);
  const uint32_t shard_index = ShardOfHash(hash);
  HeadState::Shard& shard = head_.series.shard(shard_index);
  {
    base::MutexLock lock(shard.mutex);
    const uint32_t slot = head_.series.FindByLabels(shard, labels, hash);
    if (slot != IdTable::kNone) {
      MemSeries& series = shard.slots[slot];
      const model::SeriesRef known = MakeSeriesRef(shard_index, slot, series.generation);
      if (known == ref) series.flags |= MemSeries::kLogged;
      MapForeign(ref, known);
      return;
    }
  }
  const LabelRun run = head_.labels.Intern(labels);
  base::MutexLock lock(shard.mutex);
  auto made = head_.series.InsertAt(shard, shard_index, ref, run, hash);
  if (made.series != nullptr) {
    made.series->flags |= MemSeries::kLogged;
  } else {
    // New refs must differ from all that this log gave a meaning.
    const uint64_t beyond = std::min<uint64_t>(GenerationOf(ref) + 1, kMaxGeneration);
    if (head_.min_generation.load() < beyond) {
      head_.min_generation.store(static_cast<uint16_t>(beyond));
    }
    made = head_.series.Insert(shard, shard_index, run, hash, head_.min_generation.load());
  }
  if (made.series == nullptr) {
    head_.labels.Release(run);
    Damaged(base::ResourceExhausted("more series in the log than the head can hold"));
    return;
  }
  head_.index.Add({static_cast<uint32_t>(made.ref.value()) & ((1u << 28) - 1), run});
  head_.num_series.fetch_add(1);
  MapForeign(ref, made.ref);
}

void HeadReplay::MapForeign(model::SeriesRef from, model::SeriesRef to) {
  if (from == to && !head_.has_foreign_refs.load(std::memory_order_relaxed)) return;
  base::MutexLock lock(head_.foreign_mutex);
  if (from == to) {
    head_.foreign_refs.erase(from.value());
    return;
  }
  head_.foreign_refs[from.value()] = to.value();
  head_.has_foreign_refs.store(true, std::memory_order_release);
}

}  // namespace tributary::tsdb
