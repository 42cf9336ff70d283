#include "storage/memory_store.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/mutex.h"
#include "chunk/xor_chunk.h"

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

// Immutable once a reader can see it; a commit replaces the series it changes.
struct Series {
  Labels labels;
  std::vector<StoredChunk> chunks;
  std::optional<RefSample> newest;
  chunk::XorState open;  // of the last chunk, when that holds floats

  void Append(std::span<const RefSample> samples, size_t samples_per_chunk) {
    while (!samples.empty()) {
      const size_t n = AppendToOneChunk(samples, samples_per_chunk);
      newest = samples[n - 1];
      samples = samples.subspan(n);
    }
  }

 private:
  // Extends the last chunk, or begins one; returns the number of samples taken.
  size_t AppendToOneChunk(std::span<const RefSample> samples, size_t samples_per_chunk) {
    const bool extend = !chunks.empty() && chunks.back().encoding == chunk::Encoding::kXor &&
                        open.num_samples < samples_per_chunk;
    std::vector<uint8_t> bytes(chunk::kXorHeaderBytes);
    if (extend) {
      bytes = *chunks.back().bytes;
    } else {
      chunk::XorBegin(&open, bytes);
      chunks.push_back({chunk::Encoding::kXor, samples[0].t, samples[0].t, nullptr});
    }
    const size_t n = std::min(samples.size(), samples_per_chunk - open.num_samples);
    bytes.resize(bytes.size() + n * chunk::kMaxXorSampleBytes);
    for (const RefSample& sample : samples.first(n)) {
      chunk::XorAppend(&open, bytes, sample.t, sample.v);
    }
    bytes.resize(chunk::XorBytes(open));
    chunks.back().max_time = samples[n - 1].t;
    chunks.back().bytes = std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
    return n;
  }
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

  using Batch = std::map<uint64_t, std::vector<RefSample>>;
  void Commit(const Batch& batch) {
    base::MutexLock lock(mutex_);
    for (const auto& [ref, samples] : batch) {
      auto series = std::make_shared<Series>(*series_[ref - 1]);
      series->Append(samples, samples_per_chunk_);
      series_[ref - 1] = std::move(series);
    }
  }

 private:
  const size_t samples_per_chunk_;
  mutable base::Mutex mutex_;
  std::map<Labels, uint64_t> refs_ TB_GUARDED_BY(mutex_);
  std::vector<SeriesPtr> series_ TB_GUARDED_BY(mutex_);  // by ref - 1
};

namespace {

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

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
    for (size_t i = 0; i < samples.size(); ++i) outcomes[i] = AppendOne(samples[i]);
  }

  AppendOutcome AppendHistogram(model::SeriesRef, Timestamp, const model::Histogram&) override {
    return AppendOutcome::kInvalid;
  }
  AppendOutcome AppendHistogram(model::SeriesRef, Timestamp,
                                const model::FloatHistogram&) override {
    return AppendOutcome::kInvalid;
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
  AppendOutcome AppendOne(const RefSample& sample) {
    const auto series = state_->Find(sample.ref.value());
    if (series == nullptr) return AppendOutcome::kUnknownSeries;
    std::vector<RefSample>& pending = batch_[sample.ref.value()];
    const RefSample* newest = !pending.empty() ? &pending.back()
                              : series->newest ? &*series->newest
                                               : nullptr;
    if (newest != nullptr && sample.t < newest->t) return AppendOutcome::kOutOfOrder;
    if (newest != nullptr && sample.t == newest->t) {
      return SameBits(sample.v, newest->v) ? AppendOutcome::kDuplicate
                                           : AppendOutcome::kDuplicateTimestamp;
    }
    pending.push_back(sample);
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

base::Status MemoryStore::Add(const Labels& labels, std::span<const model::Sample> samples) {
  const auto appender = NewAppender();
  std::vector<model::Label> span;
  labels.ToSpan(&span);
  ASSIGN_OR_RETURN(const model::SeriesRef ref, appender->GetOrCreate(span, labels.Hash()));
  std::vector<RefSample> batch;
  for (const model::Sample& sample : samples) batch.push_back({ref, sample.t, sample.v});
  std::vector<AppendOutcome> outcomes(batch.size());
  appender->Append(batch, outcomes);
  RETURN_IF_ERROR(appender->Commit());
  for (size_t i = 0; i < batch.size(); ++i) {
    if (IsRejected(outcomes[i])) {
      return base::InvalidArgument(labels.ToString() + " at " + std::to_string(batch[i].t) + ": " +
                                   std::string(AppendOutcomeText(outcomes[i])));
    }
  }
  return base::OkStatus();
}

}  // namespace tributary::storage
