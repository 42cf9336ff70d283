#include <algorithm>
#include <utility>
#include <vector>

#include "tsdb/agent/agent_store.h"
#include "tsdb/head/by_shard.h"

namespace tributary::tsdb {
namespace {

// Memory of finished appenders, for the next one on the same thread.
struct Buffers {
  std::vector<storage::RefSample> samples;
  storage::Starts starts;
  std::vector<uint8_t> zeros;  // by sample: one goes before it, at its start
  std::vector<storage::RefHistogram> histograms;
  std::vector<storage::RefExemplar> exemplars;
  ByShard by_shard;
  RecordBatch batch;
};

std::unique_ptr<Buffers>& SpareBuffers() {
  thread_local std::unique_ptr<Buffers> spare;
  return spare;
}

class AgentAppender final : public storage::Appender {
 public:
  explicit AgentAppender(AgentStore& store)
      : store_(store),
        pin_(store.appenders),
        buffers_(std::move(SpareBuffers())),
        segment_(store.writer->end().segment) {
    if (!buffers_) {
      buffers_ = std::make_unique<Buffers>();
    }
  }

  ~AgentAppender() override {
    Rollback();
    SpareBuffers() = std::move(buffers_);
  }

  base::Result<model::SeriesRef> GetOrCreate(model::LabelSpan labels, uint64_t hash) override {
    if (labels.size() > LabelTable::kMaxLabels) {
      return base::ResourceExhausted("series has " + std::to_string(labels.size()) +
                                     " labels, the limit is " +
                                     std::to_string(LabelTable::kMaxLabels));
    }
    const uint32_t shard_index = ShardOfHash(hash);
    AgentSeriesTable::Shard& shard = store_.series.shard(shard_index);
    base::MutexLock lock(shard.mutex);
    const uint32_t slot = store_.series.FindByLabels(shard, labels, hash);
    if (slot != IdTable::kNone) {
      AgentSeries& series = shard.slots[slot];
      series.Set(AgentSeries::kDying, false);
      return MakeSeriesRef(shard_index, slot, series.generation);
    }
    const LabelRun run = store_.labels.Intern(labels);
    const auto made = store_.series.Insert(shard, shard_index, run, hash, 0);
    if (made.series == nullptr) {
      store_.labels.Release(run);
      return base::ResourceExhausted("the store is full: no series can be added");
    }
    ++stats_.series_created;
    store_.active_series.fetch_add(1, std::memory_order_relaxed);
    return made.ref;
  }

  void Append(std::span<const storage::RefSample> samples,
              std::span<storage::AppendOutcome> outcomes) override {
    AppendWithStarts(samples, {}, outcomes);
  }

  void AppendWithStarts(std::span<const storage::RefSample> samples, const storage::Starts& starts,
                        std::span<storage::AppendOutcome> outcomes) override {
    uint64_t appended = 0;
    uint64_t out_of_order = 0;
    buffers_->zeros.assign(store_.options.start_zeros && !starts.empty() ? samples.size() : 0, 0);
    ForEachByShard(samples,
                   [&](AgentSeriesTable::Shard& shard, size_t i) TB_NO_THREAD_SAFETY_ANALYSIS {
                     const storage::RefSample& sample = samples[i];
                     if (!buffers_->zeros.empty() && IsNewest(shard, sample.ref, starts[i])) {
                       buffers_->zeros[i] = starts[i] < sample.t ? 1 : 0;
                     }
                     outcomes[i] = Check(shard, sample.ref, sample.t);
                     appended += outcomes[i] == storage::AppendOutcome::kAppended;
                     out_of_order += outcomes[i] == storage::AppendOutcome::kOutOfOrder;
                   });
    std::vector<storage::RefSample>& kept = buffers_->samples;
    if (appended == samples.size() && starts.empty()) {
      kept.insert(kept.end(), samples.begin(), samples.end());
    } else {
      for (size_t i = 0; i < samples.size(); ++i) {
        if (outcomes[i] != storage::AppendOutcome::kAppended) {
          continue;
        }
        if (!buffers_->zeros.empty() && buffers_->zeros[i] != 0) {
          kept.push_back({samples[i].ref, starts[i], 0});
        }
        buffers_->starts.Set(kept.size(), store_.options.keep_starts ? starts[i] : 0);
        kept.push_back(samples[i]);
      }
    }
    if (out_of_order > 0) {
      store_.metrics.out_of_order.Add(static_cast<double>(out_of_order));
    }
  }

  storage::AppendOutcome AppendHistogram(model::SeriesRef ref, model::Timestamp t,
                                         const model::Histogram& h) override {
    return AppendHistogramWithStart(ref, t, 0, h);
  }
  storage::AppendOutcome AppendHistogram(model::SeriesRef ref, model::Timestamp t,
                                         const model::FloatHistogram& h) override {
    return AppendHistogramWithStart(ref, t, 0, h);
  }
  storage::AppendOutcome AppendHistogramWithStart(model::SeriesRef ref, model::Timestamp t,
                                                  model::Timestamp start,
                                                  const model::Histogram& h) override {
    return TakeHistogram(h, {.ref = ref,
                             .t = t,
                             .float_histogram = {},
                             .histogram = h,
                             .is_float = false,
                             .start = start});
  }
  storage::AppendOutcome AppendHistogramWithStart(model::SeriesRef ref, model::Timestamp t,
                                                  model::Timestamp start,
                                                  const model::FloatHistogram& h) override {
    return TakeHistogram(h, {.ref = ref,
                             .t = t,
                             .float_histogram = h,
                             .histogram = {},
                             .is_float = true,
                             .start = start});
  }

  void AppendExemplar(model::SeriesRef ref, const model::Exemplar& exemplar) override {
    buffers_->exemplars.push_back({ref, exemplar});
  }

  void UpdateMetadata(model::SeriesRef /*ref*/, const model::Metadata& /*metadata*/) override {
    // As Prometheus's agent: metadata is sent from what targets say, not kept per series.
  }

  void ExpectResends() override { expects_resends_ = true; }

  base::Status Commit() override {
    if (std::exchange(done_, true)) {
      return {};
    }
    Buffers& b = *buffers_;
    if (store_.followers != nullptr && store_.followers->AllDecline()) {
      store_.followers->LeaveOut({b.samples.size(), b.histograms.size(), b.exemplars.size()});
      EndPending();
      ClearBuffers();
      return {};
    }
    if (has_unlogged_) {
      AddSeriesRecord();
    }
    b.batch.AddSamples(b.samples, b.starts);
    b.batch.AddHistograms(b.histograms);
    b.batch.AddExemplars(b.exemplars);
    base::Status status;
    if (!b.batch.empty()) {
      status = store_.writer->Log(b.batch, store_.CompressionNow());
    }
    if (!status) {
      Forget();
    } else {
      const uint32_t segment = store_.writer->end().segment;
      if (has_unlogged_ || segment != segment_) {
        NoteWritten(segment);
      }
      EndPending();
      store_.metrics.float_samples.Add(static_cast<double>(b.samples.size()));
      store_.metrics.histogram_samples.Add(static_cast<double>(b.histograms.size()));
      store_.metrics.exemplars.Add(static_cast<double>(b.exemplars.size()));
      store_.metrics.active_series.Set(static_cast<double>(store_.active_series.load()));
    }
    ClearBuffers();
    return status;
  }

  void Rollback() override {
    done_ = true;
    Forget();
    ClearBuffers();
  }

  const storage::AppenderStats& stats() const override { return stats_; }

 private:
  template <class Entry, class F>
  void ForEachByShard(std::span<const Entry> entries, F&& visit) {
    buffers_->by_shard.ForEach(store_.series, entries, visit);
  }

  storage::AppendOutcome Check(AgentSeriesTable::Shard& shard, model::SeriesRef ref,
                               model::Timestamp t) TB_REQUIRES(shard.mutex) {
    AgentSeries* series = AgentSeriesTable::Find(shard, ref);
    if (series == nullptr) {
      return storage::AppendOutcome::kUnknownSeries;
    }
    series->Set(AgentSeries::kDying, false);
    has_unlogged_ |= !series->Has(AgentSeries::kLogged);
    if (series->Has(AgentSeries::kHasSample) && !series->Has(AgentSeries::kPending) &&
        t <= series->newest - store_.options.out_of_order_window_ms) {
      return storage::AppendOutcome::kOutOfOrder;
    }
    series->newest_segment = std::max(series->newest_segment, segment_);
    // As if it were written already: nearly every time it soon is, and the series is here now.
    if (!series->Has(AgentSeries::kHasSample) || t > series->newest) {
      series->newest = t;
      series->Set(AgentSeries::kHasSample, true);
      series->Set(AgentSeries::kPending, expects_resends_);
    }
    return storage::AppendOutcome::kAppended;
  }

  // Of a series that is there: its samples are all older.
  static bool IsNewest(AgentSeriesTable::Shard& shard, model::SeriesRef ref, model::Timestamp t)
      TB_REQUIRES(shard.mutex) {
    const AgentSeries* series = AgentSeriesTable::Find(shard, ref);
    return t != 0 && series != nullptr &&
           (!series->Has(AgentSeries::kHasSample) || t > series->newest);
  }

  template <class H>
  storage::AppendOutcome TakeHistogram(const H& h, storage::RefHistogram histogram) {
    if (!model::Validate(h)) {
      return storage::AppendOutcome::kInvalid;
    }
    bool begins = false;
    storage::AppendOutcome outcome = storage::AppendOutcome::kUnknownSeries;
    {
      AgentSeriesTable::Shard& shard = store_.series.shard_of(histogram.ref);
      base::MutexLock lock(shard.mutex);
      begins = store_.options.start_zeros && histogram.start < histogram.t &&
               IsNewest(shard, histogram.ref, histogram.start);
      outcome = Check(shard, histogram.ref, histogram.t);
    }
    if (begins && outcome == storage::AppendOutcome::kAppended) {
      storage::RefHistogram zero;
      zero.ref = histogram.ref;
      zero.t = histogram.start;
      zero.is_float = histogram.is_float;
      zero.histogram = model::BeginningOf(histogram.histogram);
      zero.float_histogram = model::BeginningOf(histogram.float_histogram);
      buffers_->histograms.push_back(std::move(zero));
    }
    histogram.start = store_.options.keep_starts ? histogram.start : 0;
    if (outcome == storage::AppendOutcome::kAppended) {
      buffers_->histograms.push_back(std::move(histogram));
    }
    return outcome;
  }

  // Every series of this batch whose labels are not yet known to be in the log is written ahead of
  // its samples: whoever made it may not have committed yet.
  void AddSeriesRecord() {
    std::string* out = buffers_->batch.buffer();
    bool begun = false;
    model::SeriesRef last;  // whose samples mostly come one after the other
    const auto add = [&](AgentSeriesTable::Shard& shard, model::SeriesRef ref)
                         TB_NO_THREAD_SAFETY_ANALYSIS {
                           if (std::exchange(last, ref) == ref) {
                             return;
                           }
                           const AgentSeries* series = AgentSeriesTable::Find(shard, ref);
                           if (series == nullptr || series->Has(AgentSeries::kLogged)) {
                             return;
                           }
                           if (!std::exchange(begun, true)) {
                             BeginSeriesRecord(out);
                           }
                           labels_.clear();
                           store_.labels.ToSpan(LabelRun(series->labels), &labels_);
                           AppendSeriesEntry(ref, labels_, out);
                         };
    ForEachByShard(
        std::span<const storage::RefSample>(buffers_->samples),
        [&](AgentSeriesTable::Shard& shard, size_t i) { add(shard, buffers_->samples[i].ref); });
    ForEachByShard(
        std::span<const storage::RefHistogram>(buffers_->histograms),
        [&](AgentSeriesTable::Shard& shard, size_t i) { add(shard, buffers_->histograms[i].ref); });
    if (begun) {
      buffers_->batch.EndRecord();
    }
  }

  // visit(series, t) for each sample and histogram.
  template <class F>
  void ForEachSample(F&& visit) {
    const auto find = [&](AgentSeriesTable::Shard& shard, const auto& sample)
                          TB_NO_THREAD_SAFETY_ANALYSIS {
                            if (AgentSeries* series = AgentSeriesTable::Find(shard, sample.ref)) {
                              visit(*series, sample.t);
                            }
                          };
    ForEachByShard(
        std::span<const storage::RefSample>(buffers_->samples),
        [&](AgentSeriesTable::Shard& shard, size_t i) { find(shard, buffers_->samples[i]); });
    ForEachByShard(
        std::span<const storage::RefHistogram>(buffers_->histograms),
        [&](AgentSeriesTable::Shard& shard, size_t i) { find(shard, buffers_->histograms[i]); });
  }

  // What Check() could not know: that the labels are in the log, and that the segment is another.
  void NoteWritten(uint32_t segment) {
    ForEachSample([segment](AgentSeries& series, model::Timestamp /*t*/) {
      series.Set(AgentSeries::kLogged, true);
      series.newest_segment = std::max(series.newest_segment, segment);
    });
  }

  // What this batch has added is certain from now on, and so is the newest of its series unless
  // another batch has added its own.
  void EndPending() {
    if (!expects_resends_) {
      return;
    }
    ForEachSample([](AgentSeries& series, model::Timestamp t) {
      if (series.Has(AgentSeries::kHasSample) && series.newest > t) {
        return;
      }
      series.newest = t;
      series.Set(AgentSeries::kHasSample, true);
      series.Set(AgentSeries::kPending, false);
    });
  }

  // What Check() noted did not happen: what was the newest before is not known any more.
  void Forget() {
    ForEachSample([](AgentSeries& series, model::Timestamp /*t*/) {
      series.Set(AgentSeries::kHasSample, false);
      series.Set(AgentSeries::kPending, false);
    });
  }

  void ClearBuffers() {
    buffers_->samples.clear();
    buffers_->starts.clear();
    buffers_->histograms.clear();
    buffers_->exemplars.clear();
    buffers_->batch.Clear();
  }

  AgentStore& store_;
  const Gate::Pin pin_;
  std::unique_ptr<Buffers> buffers_;
  std::vector<model::Label> labels_;
  storage::AppenderStats stats_;
  bool done_ = false;
  bool expects_resends_ = false;
  bool has_unlogged_ = false;  // one of the series, when its sample was appended
  const uint32_t segment_;  // where samples will be written, unless the next one begins meanwhile
};

}  // namespace

std::unique_ptr<storage::Appender> NewAgentAppender(AgentStore& store) {
  return std::make_unique<AgentAppender>(store);
}

}  // namespace tributary::tsdb
