#include "tsdb/head/head_appender.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <utility>

#include "base/check.h"
#include "tsdb/head/mixed_samples.h"
#include "tsdb/head/ooo_head.h"

namespace tributary::tsdb {
namespace {

using storage::AppendOutcome;
using storage::RefSample;

// A shard's lock is held for at most this many samples at a time: tens of microseconds.
constexpr size_t kSamplesPerLock = 512;
// How far ahead series and chunk ends are fetched into the cache.
constexpr size_t kAheadSeries = 12;
constexpr size_t kAheadChunk = 5;

// Appends to `order` the positions of `samples` shard by shard, keeping the order within a shard;
// [begin[s], begin[s + 1]) are those of shard s.
std::array<uint32_t, kSeriesShards + 1> GroupByShard(std::span<const RefSample> samples,
                                                     std::vector<uint32_t>* order) {
  std::array<uint32_t, kSeriesShards + 1> begin{};
  for (const RefSample& s : samples) ++begin[ShardOf(s.ref) + 1];
  for (size_t i = 1; i < begin.size(); ++i) begin[i] += begin[i - 1];
  std::array<uint32_t, kSeriesShards + 1> next = begin;
  order->resize(samples.size());
  for (uint32_t i = 0; i < samples.size(); ++i) (*order)[next[ShardOf(samples[i].ref)]++] = i;
  return begin;
}

class HeadAppender final : public storage::Appender {
 public:
  explicit HeadAppender(HeadState& head)
      : head_(head), pin_(head.appenders), scratch_(head.TakeScratch()) {
    head_.active_appenders.fetch_add(1, std::memory_order_relaxed);
    ReadBounds();
  }
  ~HeadAppender() override {
    head_.GiveBack(std::move(scratch_));
    head_.active_appenders.fetch_sub(1, std::memory_order_relaxed);
  }

  base::Result<model::SeriesRef> GetOrCreate(model::LabelSpan labels, uint64_t hash) override {
    bool created = false;
    auto ref = head_.GetOrCreate(labels, hash, &created);
    if (created) ++stats_.series_created;
    return ref;
  }

  void Append(std::span<const RefSample> samples, std::span<AppendOutcome> outcomes) override {
    AppendWithStarts(samples, {}, outcomes);
  }
  void AppendWithStarts(std::span<const RefSample> samples, const storage::Starts& starts,
                        std::span<AppendOutcome> outcomes) override;
  AppendOutcome AppendHistogram(model::SeriesRef ref, model::Timestamp t,
                                const model::Histogram& h) override {
    return AppendHistogramWithStart(ref, t, 0, h);
  }
  AppendOutcome AppendHistogram(model::SeriesRef ref, model::Timestamp t,
                                const model::FloatHistogram& h) override {
    return AppendHistogramWithStart(ref, t, 0, h);
  }
  AppendOutcome AppendHistogramWithStart(model::SeriesRef ref, model::Timestamp t,
                                         model::Timestamp start,
                                         const model::Histogram& h) override;
  AppendOutcome AppendHistogramWithStart(model::SeriesRef ref, model::Timestamp t,
                                         model::Timestamp start,
                                         const model::FloatHistogram& h) override;
  void AppendExemplar(model::SeriesRef ref, const model::Exemplar& exemplar) override;
  void UpdateMetadata(model::SeriesRef ref, const model::Metadata& metadata) override;
  void RejectLateStaleMarkers() override { reject_late_markers_ = true; }

  base::Status Commit() override;
  void Rollback() override {
    scratch_->Clear();
    done_ = true;
  }
  const storage::AppenderStats& stats() const override { return stats_; }

 private:
  using Shard = HeadState::Shard;

  void ReadBounds();
  // Stages the sample when the outcome is kAppended.
  AppendOutcome CheckOne(Shard& shard, const RefSample& sample, model::Timestamp start)
      TB_REQUIRES(shard.mutex);
  // Stages a zero where the counter began, provided that this is newer than all of its series.
  void StageStart(Shard& shard, const MemSeries& series, const RefSample& sample,
                  model::Timestamp start) TB_REQUIRES(shard.mutex);
  void StageStart(Shard& shard, const MemSeries& series, const storage::RefHistogram& h)
      TB_REQUIRES(shard.mutex);
  AppendOutcome CheckStale(Shard& shard, const MemSeries& series, const RefSample& sample)
      TB_REQUIRES(shard.mutex);
  AppendOutcome CheckAndStage(Shard& shard, const MemSeries& series, storage::RefHistogram h)
      TB_REQUIRES(shard.mutex);
  // The same for one that cannot be taken in order; `outcome` is what its time says. Whatever that
  // is, a sample that is there already is a duplicate: senders that were interrupted send again.
  template <class AnySample>
  AppendOutcome CheckOutOfOrder(Shard& shard, const MemSeries& series, const AnySample& sample,
                                AppendOutcome outcome, std::vector<AnySample>* staged)
      TB_REQUIRES(shard.mutex);
  // Counts it, and makes it kOutOfOrder when it is a marker that is not wanted late.
  AppendOutcome NoteOutOfOrder(AppendOutcome outcome, int64_t t, bool is_stale);
  // Notes the series when its labels have to go into the log. Null when there is no such series.
  MemSeries* Touch(Shard& shard, model::SeriesRef ref) TB_REQUIRES(shard.mutex);
  base::Status Log(std::span<const MixedSample> mixed);
  base::Status LogOutOfOrder();
  void ApplyOutOfOrder(const Isolation::Commit& commit);
  // Puts aside what others have overtaken since Append().
  base::Status ApplyLate(const Isolation::Commit& commit);
  void ApplyTo(uint32_t shard_index, std::span<const RefSample> samples,
               const Isolation::Commit& commit);
  // The first sample of an empty head says where it begins.
  void BeginHead(int64_t t);
  AppendOutcome StageHistogram(storage::RefHistogram h);
  void ApplyHistograms(std::span<const storage::RefHistogram> histograms,
                       const Isolation::Commit& commit);
  void ApplyMixed(std::span<const MixedSample> mixed, const Isolation::Commit& commit);
  void CountRejected(std::span<const AppendOutcome> outcomes);
  void CountRejectedHistogram(AppendOutcome outcome);

  HeadState& head_;
  const Gate::Pin pin_;
  std::unique_ptr<AppendScratch> scratch_;
  AppendBounds bounds_;
  bool reject_late_markers_ = false;
  bool done_ = false;
  int64_t lowest_ = std::numeric_limits<int64_t>::max();
  int64_t highest_ = std::numeric_limits<int64_t>::min();
  uint64_t applied_ = 0;
  storage::AppenderStats stats_;
};

void HeadAppender::ReadBounds() {
  bounds_.head_max = head_.max_time.load(std::memory_order_relaxed);
  bounds_.min_valid = head_.min_valid_time.load(std::memory_order_relaxed);
  // An hour behind the newest sample the head may have been cut into blocks at any moment.
  if (bounds_.head_max != std::numeric_limits<int64_t>::min()) {
    bounds_.min_valid =
        std::max(bounds_.min_valid, bounds_.head_max - head_.options.chunks.chunk_range_ms / 2);
  }
  bounds_.out_of_order_window_ms = head_.out_of_order_window_ms.load();
}

MemSeries* HeadAppender::Touch(Shard& shard, model::SeriesRef ref) {
  MemSeries* series = SeriesTable<MemSeries>::Find(shard, ref);
  if (series == nullptr) return nullptr;
  // Truncation has chosen it and waits for older appenders only: to use it again, ask by labels.
  if (series->Has(MemSeries::kDying)) return nullptr;
  if (!series->Has(MemSeries::kLogged) &&
      (scratch_->unlogged.empty() || scratch_->unlogged.back().first != ref)) {
    scratch_->unlogged.emplace_back(ref, LabelRun(series->labels));
  }
  return series;
}

void HeadAppender::StageStart(Shard& /*shard*/, const MemSeries& series, const RefSample& sample,
                              model::Timestamp start) {
  const std::vector<RefSample>& staged = scratch_->staged;
  const bool is_known = !staged.empty() && staged.back().ref == sample.ref &&
                        start <= staged.back().t;  // a sample of the same message is newer
  const AppendVerdict verdict = CheckFloat(series, start, 0, bounds_);
  if (!is_known && verdict.in_order && verdict.outcome == AppendOutcome::kAppended) {
    scratch_->staged.push_back({sample.ref, start, 0});
  }
}

void HeadAppender::StageStart(Shard& /*shard*/, const MemSeries& series,
                              const storage::RefHistogram& h) {
  const std::vector<storage::RefHistogram>& staged = scratch_->histograms;
  if (!staged.empty() && staged.back().ref == h.ref && h.start <= staged.back().t) return;
  storage::RefHistogram zero;
  zero.ref = h.ref;
  zero.t = h.start;
  zero.is_float = h.is_float;
  if (h.is_float) {
    zero.float_histogram = model::BeginningOf(h.float_histogram);
  } else {
    zero.histogram = model::BeginningOf(h.histogram);
  }
  const AppendVerdict verdict = CheckHistogram(head_.chunks[ShardOf(h.ref)], series, zero, bounds_);
  if (verdict.in_order && verdict.outcome == AppendOutcome::kAppended) {
    scratch_->histograms.push_back(std::move(zero));
  }
}

AppendOutcome HeadAppender::CheckOne(Shard& shard, const RefSample& sample,
                                     model::Timestamp start) {
  const MemSeries* series = Touch(shard, sample.ref);
  if (series == nullptr) return AppendOutcome::kUnknownSeries;
  if (start != 0 && start < sample.t && head_.options.start_zeros) {
    StageStart(shard, *series, sample, start);
  }
  if (model::IsStaleNaN(sample.v) && series->histogram != 0) {
    // A series of histograms goes stale as a histogram does.
    return CheckStale(shard, *series, sample);
  }
  AppendVerdict verdict = CheckFloat(*series, sample.t, sample.v, bounds_);
  // Senders put the samples of one series side by side: they are checked against each other too.
  if (verdict.in_order && verdict.outcome == AppendOutcome::kAppended &&
      !scratch_->staged.empty()) {
    const RefSample& before = scratch_->staged.back();
    if (before.ref == sample.ref && sample.t == before.t) {
      return std::bit_cast<uint64_t>(before.v) == std::bit_cast<uint64_t>(sample.v)
                 ? AppendOutcome::kDuplicate
                 : AppendOutcome::kDuplicateTimestamp;
    }
    if (before.ref == sample.ref && sample.t < before.t) {
      verdict = {bounds_.OutOfOrder(sample.t), false};
    }
  }
  if (!verdict.in_order) {
    verdict.outcome = NoteOutOfOrder(verdict.outcome, sample.t, model::IsStaleNaN(sample.v));
    return CheckOutOfOrder(shard, *series, sample, verdict.outcome, &scratch_->out_of_order);
  }
  if (verdict.outcome == AppendOutcome::kAppended) scratch_->staged.push_back(sample);
  return verdict.outcome;
}

template <class AnySample>
AppendOutcome HeadAppender::CheckOutOfOrder(Shard& /*shard*/, const MemSeries& series,
                                            const AnySample& sample, AppendOutcome outcome,
                                            std::vector<AnySample>* staged) {
  switch (FindSample(head_, sample.ref, series, ToStored(sample))) {
    case OutOfOrderChunks::Found::kSameValue:
      return AppendOutcome::kDuplicate;
    case OutOfOrderChunks::Found::kOtherValue:
      if (outcome == AppendOutcome::kAppended) return AppendOutcome::kDuplicateTimestamp;
      break;
    case OutOfOrderChunks::Found::kNothing:
      break;
  }
  if (outcome == AppendOutcome::kAppended) staged->push_back(sample);
  return outcome;
}

AppendOutcome HeadAppender::NoteOutOfOrder(AppendOutcome outcome, int64_t t, bool is_stale) {
  if (outcome != AppendOutcome::kOutOfBounds && bounds_.head_max > t) {
    head_.metrics.out_of_order_delta_seconds.Observe(
        (static_cast<double>(bounds_.head_max) - static_cast<double>(t)) / 1000);
  }
  if (outcome == AppendOutcome::kAppended && is_stale && reject_late_markers_) {
    return AppendOutcome::kOutOfOrder;
  }
  return outcome;
}

// Stages the marker as a histogram; the caller need not stage the float.
AppendOutcome HeadAppender::CheckStale(Shard& shard, const MemSeries& series,
                                       const RefSample& sample) {
  storage::RefHistogram stale;
  stale.ref = sample.ref;
  stale.t = sample.t;
  stale.is_float = head_.chunks[ShardOf(sample.ref)].histograms[series.histogram - 1]->is_float();
  stale.histogram.sum = sample.v;
  stale.float_histogram.sum = sample.v;
  return CheckAndStage(shard, series, std::move(stale));
}

AppendOutcome HeadAppender::CheckAndStage(Shard& shard, const MemSeries& series,
                                          storage::RefHistogram h) {
  const AppendVerdict verdict = CheckHistogram(head_.chunks[ShardOf(h.ref)], series, h, bounds_);
  if (!verdict.in_order) {
    const bool is_stale = model::IsStaleNaN(h.is_float ? h.float_histogram.sum : h.histogram.sum);
    const AppendOutcome outcome = NoteOutOfOrder(verdict.outcome, h.t, is_stale);
    return CheckOutOfOrder(shard, series, h, outcome, &scratch_->out_of_order_histograms);
  }
  if (verdict.outcome == AppendOutcome::kAppended) scratch_->histograms.push_back(std::move(h));
  return verdict.outcome;
}

void HeadAppender::BeginHead(int64_t t) {
  if (bounds_.head_max != std::numeric_limits<int64_t>::min()) return;
  int64_t none = std::numeric_limits<int64_t>::min();
  head_.max_time.compare_exchange_strong(none, t);
  ReadBounds();
}

void HeadAppender::AppendWithStarts(std::span<const RefSample> samples,
                                    const storage::Starts& starts,
                                    std::span<AppendOutcome> outcomes) {
  CHECK(outcomes.size() == samples.size(), "one outcome a sample");
  if (samples.empty() || done_) return;
  BeginHead(samples.front().t);
  const auto begin = GroupByShard(samples, &scratch_->order);
  for (uint32_t s = 0; s < kSeriesShards; ++s) {
    Shard& shard = head_.series.shard(s);
    for (uint32_t from = begin[s]; from < begin[s + 1];) {
      const uint32_t to = std::min<uint32_t>(begin[s + 1], from + kSamplesPerLock);
      base::MutexLock lock(shard.mutex);
      for (uint32_t i = from; i < std::min<uint32_t>(to, from + kAheadSeries); ++i) {
        SeriesTable<MemSeries>::Prefetch(shard, samples[scratch_->order[i]].ref);
      }
      for (uint32_t i = from; i < to; ++i) {
        if (i + kAheadSeries < to) {
          SeriesTable<MemSeries>::Prefetch(shard, samples[scratch_->order[i + kAheadSeries]].ref);
        }
        const uint32_t position = scratch_->order[i];
        outcomes[position] = CheckOne(shard, samples[position], starts[position]);
      }
      from = to;
    }
  }
  CountRejected(outcomes);
}

void HeadAppender::CountRejected(std::span<const AppendOutcome> outcomes) {
  uint64_t out_of_order = 0;
  uint64_t out_of_bounds = 0;
  uint64_t too_old = 0;
  for (const AppendOutcome outcome : outcomes) {
    out_of_order += outcome == AppendOutcome::kOutOfOrder;
    out_of_bounds += outcome == AppendOutcome::kOutOfBounds;
    too_old += outcome == AppendOutcome::kTooOld;
  }
  if (out_of_order != 0) head_.metrics.out_of_order_floats.Add(static_cast<double>(out_of_order));
  if (out_of_bounds != 0) head_.metrics.out_of_bound_floats.Add(static_cast<double>(out_of_bounds));
  if (too_old != 0) head_.metrics.too_old_floats.Add(static_cast<double>(too_old));
}

void HeadAppender::AppendExemplar(model::SeriesRef ref, const model::Exemplar& exemplar) {
  if (!head_.exemplars.enabled() || done_) return;
  Shard& shard = head_.series.shard_of(ref);
  LabelRun run;
  {
    base::MutexLock lock(shard.mutex);
    const MemSeries* series = Touch(shard, ref);
    if (series == nullptr) return;
    run = LabelRun(series->labels);
  }
  // The series cannot go while this appender is there, so its labels can be read.
  head_.labels.ToSpan(run, &scratch_->labels);
  model::Labels labels = model::Labels::FromSpan(scratch_->labels);
  if (head_.exemplars.Check(labels, exemplar) != ExemplarStore::Outcome::kAdded) return;
  scratch_->exemplars.push_back({ref, exemplar});
  scratch_->exemplar_series.push_back(std::move(labels));
}

void HeadAppender::UpdateMetadata(model::SeriesRef ref, const model::Metadata& metadata) {
  if (done_) return;
  {
    base::MutexLock lock(head_.metadata_mutex);
    const auto it = head_.metadata.find(ref.value());
    if (it != head_.metadata.end() && it->second == metadata) return;
  }
  Shard& shard = head_.series.shard_of(ref);
  {
    base::MutexLock lock(shard.mutex);
    if (Touch(shard, ref) == nullptr) return;
  }
  scratch_->metadata.push_back({ref, metadata});
}

base::Status HeadAppender::Commit() {
  if (done_) return base::Internal("commit after commit or rollback");
  done_ = true;
  if (scratch_->staged.empty() && scratch_->histograms.empty() && scratch_->out_of_order.empty() &&
      scratch_->out_of_order_histograms.empty() && scratch_->exemplars.empty() &&
      scratch_->metadata.empty()) {
    return {};
  }
  const std::vector<MixedSample> mixed = TakeMixed(&scratch_->staged, &scratch_->histograms);
  // Several Append() calls leave several runs of shards; one run a shard makes fewer locks.
  const auto begin = GroupByShard(scratch_->staged, &scratch_->order);
  scratch_->sorted.clear();
  scratch_->sorted.reserve(scratch_->staged.size());
  for (const uint32_t i : scratch_->order) scratch_->sorted.push_back(scratch_->staged[i]);

  RETURN_IF_ERROR(Log(mixed));

  for (const auto& [ref, run] : scratch_->unlogged) {
    Shard& shard = head_.series.shard_of(ref);
    base::MutexLock lock(shard.mutex);
    if (MemSeries* series = SeriesTable<MemSeries>::Find(shard, ref)) {
      series->flags |= MemSeries::kLogged;
    }
  }
  const Isolation::Commit commit(head_.isolation);
  for (uint32_t s = 0; s < kSeriesShards; ++s) {
    ApplyTo(s, std::span(scratch_->sorted).subspan(begin[s], begin[s + 1] - begin[s]), commit);
  }
  ApplyHistograms(scratch_->histograms, commit);
  ApplyMixed(mixed, commit);
  if (applied_ != 0) {
    head_.CoverTime(lowest_, highest_);
    head_.metrics.float_samples.Add(static_cast<double>(applied_));
  }
  ApplyOutOfOrder(commit);
  RETURN_IF_ERROR(ApplyLate(commit));
  if (stats_.series_created != 0) {
    head_.metrics.series_created.Add(static_cast<double>(stats_.series_created));
  }
  for (size_t i = 0; i < scratch_->exemplars.size(); ++i) {
    head_.exemplars.Add(scratch_->exemplar_series[i], std::move(scratch_->exemplars[i].exemplar));
  }
  if (!scratch_->metadata.empty()) {
    base::MutexLock lock(head_.metadata_mutex);
    for (RefMetadata& m : scratch_->metadata) {
      head_.metadata[m.ref.value()] = std::move(m.metadata);
    }
  }
  return {};
}

base::Status HeadAppender::Log(std::span<const MixedSample> mixed) {
  if (head_.wal == nullptr) return {};
  RecordBatch& records = scratch_->records;
  records.Clear();
  if (!scratch_->unlogged.empty()) {
    BeginSeriesRecord(records.buffer());
    for (const auto& [ref, run] : scratch_->unlogged) {
      head_.labels.ToSpan(run, &scratch_->labels);
      AppendSeriesEntry(ref, scratch_->labels, records.buffer());
    }
    records.EndRecord();
  }
  std::vector<RefSample> samples;
  std::vector<storage::RefHistogram> histograms;
  std::vector<storage::RefExemplar> exemplars;
  std::vector<RefMetadata> metadata;
  records.AddMetadata(head_.UnderLoggedRefs(scratch_->metadata, &metadata));
  records.AddSamples(head_.UnderLoggedRefs(scratch_->sorted, &samples));
  records.AddHistograms(head_.UnderLoggedRefs(scratch_->histograms, &histograms));
  for (const MixedSample& sample : mixed) {
    if (const auto* one = std::get_if<RefSample>(&sample)) {
      records.AddSamples(head_.UnderLoggedRefs(std::vector<RefSample>{*one}, &samples));
    } else {
      const std::vector<storage::RefHistogram> h{std::get<storage::RefHistogram>(sample)};
      records.AddHistograms(head_.UnderLoggedRefs(h, &histograms));
    }
  }
  // As in Prometheus, what is out of order goes into both logs: followers read this one, and
  // replay passes over it here.
  records.AddSamples(head_.UnderLoggedRefs(scratch_->out_of_order, &samples));
  records.AddHistograms(head_.UnderLoggedRefs(scratch_->out_of_order_histograms, &histograms));
  records.AddExemplars(head_.UnderLoggedRefs(scratch_->exemplars, &exemplars));
  RETURN_IF_ERROR(head_.wal->Log(records));
  return LogOutOfOrder();
}

base::Status HeadAppender::LogOutOfOrder() {
  WalWriter* log = head_.out_of_order_wal.load();
  if (log == nullptr) return {};
  if (scratch_->out_of_order.empty() && scratch_->out_of_order_histograms.empty()) return {};
  std::vector<RefSample> samples;
  std::vector<storage::RefHistogram> histograms;
  RecordBatch& records = scratch_->records;
  records.Clear();
  records.AddSamples(head_.UnderLoggedRefs(scratch_->out_of_order, &samples));
  records.AddHistograms(head_.UnderLoggedRefs(scratch_->out_of_order_histograms, &histograms));
  return log->Log(records);
}

void HeadAppender::ApplyOutOfOrder(const Isolation::Commit& commit) {
  uint64_t floats = 0;
  uint64_t histograms = 0;
  for (const RefSample& sample : scratch_->out_of_order)
    floats += InsertOutOfOrder(head_, sample, &commit);
  for (const storage::RefHistogram& h : scratch_->out_of_order_histograms) {
    histograms += InsertOutOfOrder(head_, h, &commit);
  }
  scratch_->out_of_order.clear();
  scratch_->out_of_order_histograms.clear();
  if (floats != 0) {
    head_.metrics.float_samples.Add(static_cast<double>(floats));
    head_.metrics.out_of_order_floats_appended.Add(static_cast<double>(floats));
  }
  if (histograms != 0) {
    head_.metrics.histogram_samples.Add(static_cast<double>(histograms));
    head_.metrics.out_of_order_histograms_appended.Add(static_cast<double>(histograms));
  }
}

// They are in the log by now, but replay would pass over them as well. Should their other log fail,
// the sender is told so and sends all again, which is harmless.
base::Status HeadAppender::ApplyLate(const Isolation::Commit& commit) {
  const auto stage = [&](const auto& sample, bool is_stale, auto* staged) {
    const AppendOutcome outcome = NoteOutOfOrder(bounds_.OutOfOrder(sample.t), sample.t, is_stale);
    Shard& shard = head_.series.shard_of(sample.ref);
    base::MutexLock lock(shard.mutex);
    const MemSeries* series = SeriesTable<MemSeries>::Find(shard, sample.ref);
    if (series == nullptr) return AppendOutcome::kUnknownSeries;
    return CheckOutOfOrder(shard, *series, sample, outcome, staged);
  };
  for (const RefSample& sample : scratch_->late) {
    const AppendOutcome outcome =
        stage(sample, model::IsStaleNaN(sample.v), &scratch_->out_of_order);
    CountRejected({&outcome, 1});
  }
  for (const storage::RefHistogram& h : scratch_->late_histograms) {
    CountRejectedHistogram(
        stage(h, model::IsStaleNaN(h.is_float ? h.float_histogram.sum : h.histogram.sum),
              &scratch_->out_of_order_histograms));
  }
  RETURN_IF_ERROR(LogOutOfOrder());
  ApplyOutOfOrder(commit);
  return {};
}

void HeadAppender::ApplyTo(uint32_t shard_index, std::span<const RefSample> samples,
                           const Isolation::Commit& commit) {
  Shard& shard = head_.series.shard(shard_index);
  HeadShard& chunks = head_.chunks[shard_index];
  for (size_t from = 0; from < samples.size();) {
    const std::span<const RefSample> part =
        samples.subspan(from, std::min(kSamplesPerLock, samples.size() - from));
    from += part.size();
    base::MutexLock lock(shard.mutex);
    for (size_t i = 0; i < part.size() + kAheadSeries; ++i) {
      // Three waves: the series' line, then the end of its open chunk, then the append itself.
      if (i < part.size()) SeriesTable<MemSeries>::Prefetch(shard, part[i].ref);
      if (i >= kAheadSeries - kAheadChunk && i - (kAheadSeries - kAheadChunk) < part.size()) {
        const MemSeries* ahead =
            SeriesTable<MemSeries>::Find(shard, part[i - (kAheadSeries - kAheadChunk)].ref);
        if (ahead != nullptr && ahead->buffer != 0) {
          const std::span<uint8_t> data = chunks.open.Data(ahead->buffer, ahead->small);
          __builtin_prefetch(data.data() + ahead->state.bit_size / 8, 1);
          __builtin_prefetch(data.data(), 1);
        }
      }
      if (i < kAheadSeries) continue;
      const RefSample& sample = part[i - kAheadSeries];
      MemSeries* series = SeriesTable<MemSeries>::Find(shard, sample.ref);
      if (series == nullptr) continue;
      if (AppendFloat(&chunks, series, head_.options.chunks, sample.t, sample.v)) {
        ++applied_;
        chunks.superseded.Note(SlotOf(sample.ref), commit, &series->commit);
        lowest_ = std::min(lowest_, sample.t);
        highest_ = std::max(highest_, sample.t);
      } else {
        scratch_->late.push_back(sample);
      }
    }
  }
}

AppendOutcome HeadAppender::AppendHistogramWithStart(model::SeriesRef ref, model::Timestamp t,
                                                     model::Timestamp start,
                                                     const model::Histogram& h) {
  if (!IsUsable(h)) return AppendOutcome::kInvalid;
  storage::RefHistogram staged;
  staged.start = start;
  staged.ref = ref;
  staged.t = t;
  staged.histogram = h;
  return StageHistogram(std::move(staged));
}

AppendOutcome HeadAppender::AppendHistogramWithStart(model::SeriesRef ref, model::Timestamp t,
                                                     model::Timestamp start,
                                                     const model::FloatHistogram& h) {
  if (!IsUsable(h)) return AppendOutcome::kInvalid;
  storage::RefHistogram staged;
  staged.start = start;
  staged.ref = ref;
  staged.t = t;
  staged.is_float = true;
  staged.float_histogram = h;
  return StageHistogram(std::move(staged));
}

AppendOutcome HeadAppender::StageHistogram(storage::RefHistogram h) {
  if (done_) return AppendOutcome::kInvalid;
  BeginHead(h.t);
  Shard& shard = head_.series.shard_of(h.ref);
  AppendOutcome outcome = AppendOutcome::kUnknownSeries;
  {
    base::MutexLock lock(shard.mutex);
    if (const MemSeries* series = Touch(shard, h.ref)) {
      if (h.start != 0 && h.start < h.t && head_.options.start_zeros) {
        StageStart(shard, *series, h);
      }
      h.start = 0;  // the head keeps none
      outcome = CheckAndStage(shard, *series, std::move(h));
    }
  }
  CountRejectedHistogram(outcome);
  return outcome;
}

void HeadAppender::CountRejectedHistogram(AppendOutcome outcome) {
  if (outcome == AppendOutcome::kOutOfOrder) head_.metrics.out_of_order_histograms.Add();
  if (outcome == AppendOutcome::kOutOfBounds) head_.metrics.out_of_bound_histograms.Add();
  if (outcome == AppendOutcome::kTooOld) head_.metrics.too_old_histograms.Add();
}

void HeadAppender::ApplyHistograms(std::span<const storage::RefHistogram> histograms,
                                   const Isolation::Commit& commit) {
  uint64_t applied = 0;
  for (const storage::RefHistogram& h : histograms) {
    Shard& shard = head_.series.shard_of(h.ref);
    HeadShard& chunks = head_.chunks[ShardOf(h.ref)];
    base::MutexLock lock(shard.mutex);
    MemSeries* series = SeriesTable<MemSeries>::Find(shard, h.ref);
    if (series == nullptr) continue;
    const bool stored =
        h.is_float
            ? tsdb::AppendHistogram(&chunks, series, head_.options.chunks, h.t, h.float_histogram)
            : tsdb::AppendHistogram(&chunks, series, head_.options.chunks, h.t, h.histogram);
    if (!stored) {
      scratch_->late_histograms.push_back(h);
      continue;
    }
    ++applied;
    chunks.superseded.Note(SlotOf(h.ref), commit, &series->commit);
    lowest_ = std::min(lowest_, h.t);
    highest_ = std::max(highest_, h.t);
  }
  if (applied != 0) {
    head_.CoverTime(lowest_, highest_);
    head_.metrics.histogram_samples.Add(static_cast<double>(applied));
  }
}

void HeadAppender::ApplyMixed(std::span<const MixedSample> mixed, const Isolation::Commit& commit) {
  for (const MixedSample& sample : mixed) {
    if (const auto* one = std::get_if<RefSample>(&sample)) {
      ApplyTo(ShardOf(one->ref), {one, 1}, commit);
    } else {
      ApplyHistograms({&std::get<storage::RefHistogram>(sample), 1}, commit);
    }
  }
}

}  // namespace

AppendVerdict CheckFloat(const MemSeries& series, int64_t t, double v, const AppendBounds& bounds) {
  if (t >= bounds.min_valid) {
    if (!series.Has(MemSeries::kHasSample) || t > series.state.t) return {};
    if (t == series.state.t) {
      const bool same = !series.Has(MemSeries::kHistogram) &&
                        std::bit_cast<uint64_t>(series.state.v) == std::bit_cast<uint64_t>(v);
      return {same ? AppendOutcome::kDuplicate : AppendOutcome::kDuplicateTimestamp};
    }
  }
  return {bounds.OutOfOrder(t), false};
}

AppendVerdict CheckHistogram(const HeadShard& shard, const MemSeries& series,
                             const storage::RefHistogram& h, const AppendBounds& bounds) {
  if (h.t >= bounds.min_valid) {
    if (!series.Has(MemSeries::kHasSample) || h.t > series.state.t) return {};
    if (h.t == series.state.t) {
      if (series.histogram == 0) return {AppendOutcome::kDuplicateTimestamp};
      const OpenHistogram& open = *shard.histograms[series.histogram - 1];
      if (open.is_float() != h.is_float) return {AppendOutcome::kDuplicateTimestamp};
      const bool same =
          h.is_float ? SameHistogram(std::get<model::FloatHistogram>(open.last), h.float_histogram)
                     : SameHistogram(std::get<model::Histogram>(open.last), h.histogram);
      return {same ? AppendOutcome::kDuplicate : AppendOutcome::kDuplicateTimestamp};
    }
  }
  return {bounds.OutOfOrder(h.t), false};
}

std::unique_ptr<storage::Appender> MakeHeadAppender(HeadState& head) {
  return std::make_unique<HeadAppender>(head);
}

}  // namespace tributary::tsdb
