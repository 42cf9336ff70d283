#include "storage/memory_store.h"

#include <algorithm>
#include <bit>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "chunk/histogram_appender.h"
#include "chunk/xor_chunk.h"
#include "model/float_histogram.h"

namespace tributary::storage {

namespace {

using model::Labels;
using model::Timestamp;

constexpr size_t kMaxSamplesPerChunk = 0xffff;

struct StoredChunk {
  chunk::Encoding encoding = chunk::Encoding::kNone;
  Timestamp min_time = 0;
  Timestamp max_time = 0;
  std::shared_ptr<const std::vector<uint8_t>> bytes;
};

// A float, or a histogram when there is one.
struct Point {
  Timestamp t = 0;
  double v = 0;
  std::shared_ptr<const model::FloatHistogram> histogram;

  bool SameValue(const Point& other) const {
    if (histogram == nullptr || other.histogram == nullptr) {
      return histogram == other.histogram &&
             std::bit_cast<uint64_t>(v) == std::bit_cast<uint64_t>(other.v);
    }
    return model::Equals(*histogram, *other.histogram);
  }
};

// Immutable once a reader can see it; a commit replaces the series it changes.
struct Series {
  Labels labels;
  std::vector<StoredChunk> chunks;
  std::optional<Point> newest;

  void Append(std::span<const Point> points, size_t samples_per_chunk) {
    while (!points.empty()) {
      const size_t n = points[0].histogram == nullptr ? AppendFloats(points, samples_per_chunk)
                                                      : AppendHistograms(points, samples_per_chunk);
      newest = points[n - 1];
      points = points.subspan(n);
    }
  }

 private:
  using HistogramAppender = chunk::FloatHistogramAppender;

  // These extend the last chunk, or begin one, and return the number of points taken, at least 1.
  size_t AppendFloats(std::span<const Point> points, size_t samples_per_chunk) {
    const bool extend = !chunks.empty() && chunks.back().encoding == chunk::Encoding::kXor &&
                        open_.num_samples < samples_per_chunk;
    std::vector<uint8_t> bytes(chunk::kXorHeaderBytes);
    if (extend) {
      bytes = *chunks.back().bytes;
    } else {
      chunk::XorBegin(&open_, bytes);
      chunks.push_back({chunk::Encoding::kXor, points[0].t, points[0].t, nullptr});
    }
    const size_t room = std::min(points.size(), samples_per_chunk - open_.num_samples);
    bytes.resize(bytes.size() + room * chunk::kMaxXorSampleBytes);
    size_t n = 0;
    for (; n < room && points[n].histogram == nullptr; ++n) {
      chunk::XorAppend(&open_, bytes, points[n].t, points[n].v);
    }
    bytes.resize(chunk::XorBytes(open_));
    FinishChunk(points[n - 1].t, std::move(bytes));
    return n;
  }

  size_t AppendHistograms(std::span<const Point> points, size_t samples_per_chunk) {
    HistogramAppender appender;
    const Point& first = points[0];
    chunk::CounterResetHeader header = HistogramAppender::HeaderFor(*first.histogram);
    bool extend = false;
    if (!chunks.empty() && chunks.back().encoding == chunk::Encoding::kFloatHistogram &&
        appender.Resume(*chunks.back().bytes)) {
      header = appender.HeaderAfter(*first.histogram);
      extend =
          appender.num_samples() < samples_per_chunk && appender.Append(first.t, *first.histogram);
    }
    if (!extend) {
      appender.Start(first.t, *first.histogram, header);
      chunks.push_back({chunk::Encoding::kFloatHistogram, first.t, first.t, nullptr});
    }
    size_t n = 1;
    while (n < points.size() && points[n].histogram != nullptr &&
           appender.num_samples() < samples_per_chunk &&
           appender.Append(points[n].t, *points[n].histogram)) {
      ++n;
    }
    FinishChunk(points[n - 1].t, {appender.bytes().begin(), appender.bytes().end()});
    return n;
  }

  void FinishChunk(Timestamp max_time, std::vector<uint8_t> bytes) {
    chunks.back().max_time = max_time;
    chunks.back().bytes = std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
  }

  chunk::XorState open_;  // of the last chunk, when that holds floats
};

using SeriesPtr = std::shared_ptr<const Series>;

bool MatchesAll(const Labels& labels, Matchers matchers) {
  return std::all_of(matchers.begin(), matchers.end(), [&](const model::Matcher& matcher) {
    return matcher.Matches(labels.Get(matcher.name()));
  });
}

class MemorySelection final : public SeriesSelection {
 public:
  MemorySelection(std::vector<SeriesPtr> series, Timestamp mint, Timestamp maxt)
      : series_(std::move(series)), mint_(mint), maxt_(maxt) {}

  size_t size() const override { return series_.size(); }
  bool sorted() const override { return true; }
  Labels LabelsOf(size_t i) const override { return series_[i]->labels; }

  LabelColumn Column(std::string_view label_name) const override {
    LabelColumn column;
    std::map<std::string_view, uint32_t> ids;
    for (const SeriesPtr& series : series_) {
      const std::string_view value = series->labels.Get(label_name);
      const auto [it, added] = ids.try_emplace(value, static_cast<uint32_t>(column.values.size()));
      if (added) column.values.push_back(value);
      column.ids.push_back(it->second);
    }
    return column;
  }

  base::Status Chunks(size_t i, ChunkBuffer* /*buffer*/,
                      std::vector<chunk::ChunkView>* out) const override {
    for (const StoredChunk& c : series_[i]->chunks) {
      if (c.max_time < mint_ || c.min_time > maxt_) continue;
      out->push_back({c.encoding, c.min_time, c.max_time, *c.bytes});
    }
    return base::OkStatus();
  }

 private:
  std::vector<SeriesPtr> series_;
  Timestamp mint_;
  Timestamp maxt_;
};

class MemoryQuerier final : public Querier {
 public:
  MemoryQuerier(std::vector<SeriesPtr> series, Timestamp mint, Timestamp maxt)
      : series_(std::move(series)), mint_(mint), maxt_(maxt) {}

  base::Result<std::unique_ptr<SeriesSelection>> Select(Matchers matchers,
                                                        const SelectHints& hints) override {
    std::vector<SeriesPtr> selected = Matching(matchers);
    if (hints.limit > 0 && selected.size() > hints.limit) selected.resize(hints.limit);
    return std::make_unique<MemorySelection>(std::move(selected), mint_, maxt_);
  }

  base::Result<std::vector<std::string>> LabelNames(Matchers matchers) override {
    std::set<std::string> names;
    for (const SeriesPtr& series : Matching(matchers)) {
      for (const model::Label& label : series->labels) names.emplace(label.name);
    }
    return std::vector<std::string>(names.begin(), names.end());
  }

  base::Result<std::vector<std::string>> LabelValues(std::string_view name,
                                                     Matchers matchers) override {
    std::set<std::string> values;
    for (const SeriesPtr& series : Matching(matchers)) {
      if (const auto value = series->labels.Get(name); !value.empty()) values.emplace(value);
    }
    return std::vector<std::string>(values.begin(), values.end());
  }

 private:
  // Those that match and have samples in the querier's range.
  std::vector<SeriesPtr> Matching(Matchers matchers) const {
    std::vector<SeriesPtr> matching;
    for (const SeriesPtr& series : series_) {
      const bool in_range = std::any_of(
          series->chunks.begin(), series->chunks.end(),
          [&](const StoredChunk& c) { return c.max_time >= mint_ && c.min_time <= maxt_; });
      if (in_range && MatchesAll(series->labels, matchers)) matching.push_back(series);
    }
    return matching;
  }

  std::vector<SeriesPtr> series_;  // sorted by labels
  Timestamp mint_;
  Timestamp maxt_;
};

}  // namespace

class MemoryStore::State {
 public:
  explicit State(size_t samples_per_chunk) : samples_per_chunk_(samples_per_chunk) {}

  std::vector<SeriesPtr> Snapshot() const {
    base::MutexLock lock(mutex_);
    std::vector<SeriesPtr> series;
    series.reserve(refs_.size());
    for (const auto& [labels, ref] : refs_) series.push_back(series_[ref - 1]);
    return series;
  }

  // The ref is a number from 1 on.
  uint64_t GetOrCreate(const Labels& labels, bool* created) {
    base::MutexLock lock(mutex_);
    const auto [it, added] = refs_.try_emplace(labels, series_.size() + 1);
    *created = added;
    if (added) {
      auto series = std::make_shared<Series>();
      series->labels = labels;
      series_.push_back(std::move(series));
    }
    return it->second;
  }

  // Null for an unknown ref.
  SeriesPtr Find(uint64_t ref) const {
    base::MutexLock lock(mutex_);
    return ref == 0 || ref > series_.size() ? nullptr : series_[ref - 1];
  }

  using Batch = std::map<uint64_t, std::vector<Point>>;
  void Commit(const Batch& batch) {
    base::MutexLock lock(mutex_);
    for (const auto& [ref, points] : batch) {
      auto series = std::make_shared<Series>(*series_[ref - 1]);
      series->Append(points, samples_per_chunk_);
      series_[ref - 1] = std::move(series);
    }
  }

  void AddChunk(uint64_t ref, const chunk::ChunkView& view) {
    base::MutexLock lock(mutex_);
    auto series = std::make_shared<Series>(*series_[ref - 1]);
    series->chunks.push_back(
        {view.encoding, view.min_time, view.max_time,
         std::make_shared<const std::vector<uint8_t>>(view.data.begin(), view.data.end())});
    series->newest = Point{view.max_time, 0, nullptr};
    series_[ref - 1] = std::move(series);
  }

 private:
  const size_t samples_per_chunk_;
  mutable base::Mutex mutex_;
  std::map<Labels, uint64_t> refs_ TB_GUARDED_BY(mutex_);
  std::vector<SeriesPtr> series_ TB_GUARDED_BY(mutex_);  // by ref - 1
};

namespace {

template <class State>
class MemoryAppender final : public Appender {
 public:
  explicit MemoryAppender(std::shared_ptr<State> state) : state_(std::move(state)) {}

  base::Result<model::SeriesRef> GetOrCreate(model::LabelSpan labels, uint64_t /*hash*/) override {
    bool created = false;
    const uint64_t ref = state_->GetOrCreate(Labels::FromSpan(labels), &created);
    if (created) ++stats_.series_created;
    return model::SeriesRef(ref);
  }

  void Append(std::span<const RefSample> samples, std::span<AppendOutcome> outcomes) override {
    for (size_t i = 0; i < samples.size(); ++i) {
      outcomes[i] = AppendPoint(samples[i].ref, {samples[i].t, samples[i].v, nullptr});
    }
  }

  AppendOutcome AppendHistogram(model::SeriesRef ref, Timestamp t,
                                const model::Histogram& h) override {
    if (!model::IsStaleNaN(h.sum) && !model::Validate(h)) return AppendOutcome::kInvalid;
    return AppendHistogram(ref, t, model::ToFloat(h));
  }
  AppendOutcome AppendHistogram(model::SeriesRef ref, Timestamp t,
                                const model::FloatHistogram& h) override {
    if (!model::IsStaleNaN(h.sum) && !model::Validate(h)) return AppendOutcome::kInvalid;
    return AppendPoint(ref, {t, 0, std::make_shared<const model::FloatHistogram>(h)});
  }
  void AppendExemplar(model::SeriesRef, const model::Exemplar&) override {}
  void UpdateMetadata(model::SeriesRef, const model::Metadata&) override {}

  base::Status Commit() override {
    state_->Commit(batch_);
    batch_.clear();
    return base::OkStatus();
  }
  void Rollback() override { batch_.clear(); }
  const AppenderStats& stats() const override { return stats_; }

 private:
  AppendOutcome AppendPoint(model::SeriesRef ref, Point point) {
    const auto series = state_->Find(ref.value());
    if (series == nullptr) return AppendOutcome::kUnknownSeries;
    std::vector<Point>& pending = batch_[ref.value()];
    const Point* newest = !pending.empty() ? &pending.back()
                          : series->newest ? &*series->newest
                                           : nullptr;
    if (newest != nullptr && point.t < newest->t) return AppendOutcome::kOutOfOrder;
    if (newest != nullptr && point.t == newest->t) {
      return point.SameValue(*newest) ? AppendOutcome::kDuplicate
                                      : AppendOutcome::kDuplicateTimestamp;
    }
    pending.push_back(std::move(point));
    return AppendOutcome::kAppended;
  }

  std::shared_ptr<State> state_;
  typename State::Batch batch_;
  AppenderStats stats_;
};

}  // namespace

MemoryStore::MemoryStore(size_t samples_per_chunk)
    : state_(
          std::make_shared<State>(std::clamp(samples_per_chunk, size_t{1}, kMaxSamplesPerChunk))) {}

MemoryStore::~MemoryStore() = default;

base::Result<std::unique_ptr<Querier>> MemoryStore::NewQuerier(Timestamp mint, Timestamp maxt) {
  return std::make_unique<MemoryQuerier>(state_->Snapshot(), mint, maxt);
}

std::unique_ptr<Appender> MemoryStore::NewAppender() {
  return std::make_unique<MemoryAppender<State>>(state_);
}

namespace {

base::Status Verdict(const Labels& labels, Timestamp t, AppendOutcome outcome) {
  if (!IsRejected(outcome)) return base::OkStatus();
  return base::InvalidArgument(labels.ToString() + " at " + std::to_string(t) + ": " +
                               std::string(AppendOutcomeText(outcome)));
}

base::Result<model::SeriesRef> RefOf(const Labels& labels, Appender* appender) {
  std::vector<model::Label> span;
  labels.ToSpan(&span);
  return appender->GetOrCreate(span, labels.Hash());
}

}  // namespace

base::Status MemoryStore::Add(const Labels& labels, std::span<const model::Sample> samples) {
  const auto appender = NewAppender();
  ASSIGN_OR_RETURN(const model::SeriesRef ref, RefOf(labels, appender.get()));
  std::vector<RefSample> batch;
  for (const model::Sample& sample : samples) batch.push_back({ref, sample.t, sample.v});
  std::vector<AppendOutcome> outcomes(batch.size());
  appender->Append(batch, outcomes);
  RETURN_IF_ERROR(appender->Commit());
  for (size_t i = 0; i < batch.size(); ++i) {
    RETURN_IF_ERROR(Verdict(labels, batch[i].t, outcomes[i]));
  }
  return base::OkStatus();
}

base::Status MemoryStore::Add(const Labels& labels, Timestamp t, const model::FloatHistogram& h) {
  const auto appender = NewAppender();
  ASSIGN_OR_RETURN(const model::SeriesRef ref, RefOf(labels, appender.get()));
  const AppendOutcome outcome = appender->AppendHistogram(ref, t, h);
  RETURN_IF_ERROR(appender->Commit());
  return Verdict(labels, t, outcome);
}

void MemoryStore::AddChunk(const Labels& labels, const chunk::ChunkView& chunk) {
  bool created = false;
  state_->AddChunk(state_->GetOrCreate(labels, &created), chunk);
}

}  // namespace tributary::storage
