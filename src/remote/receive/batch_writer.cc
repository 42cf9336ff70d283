#include "remote/receive/batch_writer.h"

#include <algorithm>

#include <fmt/format.h>

#include "model/float_histogram.h"
#include "model/histogram.h"
#include "remote/receive/label_check.h"
#include "wire/remote_write_v2.h"

namespace tributary::remote {
namespace {

using storage::AppendOutcome;

// One key for a series and what is said about it.
base::Hash128 MetadataKey(const base::Hash128& content, model::SeriesRef ref) {
  return {content.low ^ ref.value() * 0x9e3779b97f4a7c15, content.high + ref.value()};
}

// Prometheus takes finer schemas than it stores and coarsens them.
template <class H>
bool CoarsenSchema(H* h) {
  constexpr int32_t kMaxReservedSchema = 52;
  if (h->schema <= model::kMaxExponentialSchema || h->schema > kMaxReservedSchema) return true;
  return static_cast<bool>(model::ReduceResolution(h, model::kMaxExponentialSchema));
}

}  // namespace

BatchWriter::BatchWriter(Options options, storage::Appender& appender, SeriesSource& source,
                         BatchScratch& scratch)
    : options_(options),
      appender_(appender),
      source_(source),
      scratch_(scratch),
      snapshot_(options.series_cache.Current()) {
  Clear();
  scratch_.new_metadata.clear();
}

void BatchWriter::AddHistogram(std::string_view encoded) {
  if (scratch_.histograms.size() >= kMaxSamples) FlushKeepingLast();
  ++scratch_.series.back().samples;
  scratch_.histograms.push_back({static_cast<uint32_t>(scratch_.series.size() - 1), encoded});
}

void BatchWriter::AddExemplar(std::string_view encoded) {
  if (scratch_.exemplars.size() >= kMaxSamples) FlushKeepingLast();
  scratch_.exemplars.push_back({static_cast<uint32_t>(scratch_.series.size() - 1), encoded});
}

void BatchWriter::AddMetadata(BatchScratch::Metadata metadata) {
  metadata.series = static_cast<uint32_t>(scratch_.series.size() - 1);
  scratch_.metadata.push_back(metadata);
}

void BatchWriter::Reject(std::string_view reason, std::string_view where, uint64_t samples) {
  counts_.invalid_label_samples += samples;
  if (rejections_.Add(reason, std::max<uint64_t>(samples, 1))) rejections_.Name(reason, where);
}

void BatchWriter::Flush() {
  if (failure_) ResolveAll();
  if (failure_) AppendSamples();
  if (failure_) AppendHistograms();
  if (failure_) AppendExemplars();
  if (failure_) UpdateMetadata();
  Clear();
  snapshot_ = options_.series_cache.Current();
}

// A series with very many samples goes on in the next batch.
void BatchWriter::FlushKeepingLast() {
  PendingSeries last = scratch_.series.back();
  last.ref = model::SeriesRef(0);
  last.samples = 0;
  Flush();
  scratch_.series.push_back(last);
}

void BatchWriter::ResolveAll() {
  for (size_t i = 0; i < scratch_.series.size(); ++i) {
    PendingSeries& series = scratch_.series[i];
    if (!series.scattered) series.ref = snapshot_.Find(series.key);
    if (series.ref.value() != 0) continue;
    ++counts_.cache_misses;
    ResolveByLabels(i);
    if (!failure_) return;
  }
}

void BatchWriter::ResolveByLabels(size_t index) {
  PendingSeries& series = scratch_.series[index];
  series.ref = model::SeriesRef(0);
  if (auto status = source_.Labels(series, &scratch_.labels); !status) {
    return Fail(std::move(status), true);
  }
  if (auto status = NormalizeLabels(&scratch_.labels); !status) {
    return RefuseSeries(index, status.error().message(), true);
  }
  auto ref = appender_.GetOrCreate(scratch_.labels, model::HashLabels(scratch_.labels));
  if (ref) {
    series.ref = *ref;
    if (!series.scattered) options_.series_cache.Put(series.key, *ref);
    return;
  }
  switch (ref.error().code()) {
    case base::ErrorCode::kResourceExhausted:
    case base::ErrorCode::kInvalidArgument:
      return RefuseSeries(index, ref.error().message(), false);
    default:
      return Fail(ref.error(), false);
  }
}

void BatchWriter::RefuseSeries(size_t index, std::string_view reason, bool invalid_labels) {
  const uint64_t samples = scratch_.series[index].samples;
  if (!invalid_labels) {
    counts_.refused_series_samples += samples;
  } else {
    counts_.invalid_label_samples += samples;
    if (!options_.invalid_labels_are_errors) {
      if (invalid_example_.empty()) {
        invalid_example_ = fmt::format("{}: {}", reason, Describe(scratch_.series[index]));
      }
      return;
    }
  }
  if (rejections_.Add(reason, samples)) {
    rejections_.Name(reason, fmt::format("series {}", Describe(scratch_.series[index])));
  }
}

void BatchWriter::AppendSamples() {
  auto& samples = scratch_.samples;
  size_t kept = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    const uint32_t series = scratch_.sample_series[i];
    const model::SeriesRef ref = scratch_.series[series].ref;
    if (ref.value() == 0) continue;  // counted where it was refused
    const storage::RefSample sample{ref, samples[i].t, samples[i].v};
    if (sample.t > options_.max_time) {
      RejectSample(AppendOutcome::kTooFarInFuture, series, sample.t);
      continue;
    }
    samples[kept] = sample;
    scratch_.starts.Move(kept, i);
    scratch_.sample_series[kept] = series;
    ++kept;
  }
  samples.resize(kept);
  scratch_.starts.Truncate(kept);
  scratch_.sample_series.resize(kept);
  if (kept == 0) return;
  counts_.some_time = samples.front().t;
  scratch_.outcomes.resize(kept);
  appender_.AppendWithStarts(samples, scratch_.starts, scratch_.outcomes);

  bool unknown = false;
  for (size_t i = 0; i < kept; ++i) {
    const AppendOutcome outcome = scratch_.outcomes[i];
    if (!storage::IsRejected(outcome)) [[likely]] {
      ++counts_.samples_written;
    } else if (outcome == AppendOutcome::kUnknownSeries) {
      unknown = true;
    } else {
      RejectSample(outcome, scratch_.sample_series[i], samples[i].t);
    }
  }
  if (unknown) RetryUnknownSeries();
}

// The store has forgotten series that the cache still knew: their labels are resolved anew, once.
void BatchWriter::RetryUnknownSeries() {
  auto& samples = scratch_.samples;
  size_t kept = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    if (scratch_.outcomes[i] != AppendOutcome::kUnknownSeries) continue;
    const uint32_t index = scratch_.sample_series[i];
    if (scratch_.series[index].ref == samples[i].ref) ResolveByLabels(index);
    if (!failure_) return;
    if (scratch_.series[index].ref.value() == 0) continue;
    samples[kept] = {scratch_.series[index].ref, samples[i].t, samples[i].v};
    scratch_.starts.Move(kept, i);
    scratch_.sample_series[kept] = index;
    ++kept;
  }
  samples.resize(kept);
  scratch_.starts.Truncate(kept);
  scratch_.sample_series.resize(kept);
  scratch_.outcomes.resize(kept);
  appender_.AppendWithStarts(samples, scratch_.starts, scratch_.outcomes);
  for (size_t i = 0; i < kept; ++i) {
    if (storage::IsRejected(scratch_.outcomes[i])) {
      RejectSample(scratch_.outcomes[i], scratch_.sample_series[i], samples[i].t);
    } else {
      ++counts_.samples_written;
    }
  }
}

void BatchWriter::AppendHistograms() {
  model::Histogram h;
  model::FloatHistogram fh;
  for (const BatchScratch::Attached& attached : scratch_.histograms) {
    if (scratch_.series[attached.series].ref.value() == 0) continue;
    model::Timestamp t = 0;
    model::Timestamp start = 0;
    // The message is the same in both protocols, but for the start, which 1.0 does not have.
    auto is_int = wire::DecodeHistogramV2(attached.encoded, &t, &start, &h, &fh);
    if (!is_int) return Fail(is_int.error(), true);
    const auto append = [&] {
      const model::SeriesRef ref = scratch_.series[attached.series].ref;
      if (t > options_.max_time) return AppendOutcome::kTooFarInFuture;
      if (!(*is_int ? CoarsenSchema(&h) : CoarsenSchema(&fh))) return AppendOutcome::kInvalid;
      const model::Timestamp kept = options_.keep_starts ? start : 0;
      return *is_int ? appender_.AppendHistogramWithStart(ref, t, kept, h)
                     : appender_.AppendHistogramWithStart(ref, t, kept, fh);
    };
    AppendOutcome outcome = append();
    if (outcome == AppendOutcome::kUnknownSeries) {
      ResolveByLabels(attached.series);
      if (!failure_) return;
      if (scratch_.series[attached.series].ref.value() == 0) continue;
      outcome = append();
    }
    if (!storage::IsRejected(outcome)) {
      ++counts_.histograms_written;
      continue;
    }
    std::string detail;
    if (outcome == AppendOutcome::kInvalid) {
      const base::Status status = *is_int ? model::Validate(h) : model::Validate(fh);
      if (!status) detail = status.error().message();
    }
    RejectSample(outcome, attached.series, t, detail);
  }
}

// Exemplars are extras: what the store does not want is dropped quietly, as in Prometheus. One that
// cannot be understood is reported.
void BatchWriter::AppendExemplars() {
  for (const BatchScratch::Attached& attached : scratch_.exemplars) {
    const PendingSeries& series = scratch_.series[attached.series];
    if (series.ref.value() == 0) continue;
    auto exemplar = source_.DecodeExemplar(attached.encoded);
    if (!exemplar) {
      if (exemplar.error().code() == base::ErrorCode::kCorruption) {
        return Fail(exemplar.error(), true);
      }
      if (options_.invalid_labels_are_errors && rejections_.Add(exemplar.error().message())) {
        rejections_.Name(exemplar.error().message(), fmt::format("series {}", Describe(series)));
      }
      continue;
    }
    if (exemplar->t > options_.max_time) continue;
    appender_.AppendExemplar(series.ref, *exemplar);
    ++counts_.exemplars_written;
  }
}

void BatchWriter::UpdateMetadata() {
  if (scratch_.metadata.empty()) return;
  const SeriesCache::Snapshot known = options_.metadata_cache.Current();
  for (const BatchScratch::Metadata& said : scratch_.metadata) {
    const model::SeriesRef ref = scratch_.series[said.series].ref;
    if (ref.value() == 0) continue;
    const base::Hash128 key = MetadataKey(said.content, ref);
    if (known.Find(key) == ref) continue;
    NoteFamily(said);
    appender_.UpdateMetadata(
        ref, {.type = said.type, .help = std::string(said.help), .unit = std::string(said.unit)});
    scratch_.new_metadata.emplace_back(key, ref);
  }
}

void BatchWriter::NoteFamily(const BatchScratch::Metadata& said) {
  if (!source_.Labels(scratch_.series[said.series], &scratch_.labels)) return;
  const auto name = std::ranges::find(scratch_.labels, model::kMetricName, &model::Label::name);
  if (name == scratch_.labels.end()) return;
  options_.families.Put(FamilyOf(name->value, said.type), said.type, said.help, said.unit);
}

void BatchWriter::RememberMetadata() {
  for (const auto& [key, ref] : scratch_.new_metadata) options_.metadata_cache.Put(key, ref);
}

void BatchWriter::RejectSample(AppendOutcome outcome, size_t series, model::Timestamp t,
                               std::string_view detail) {
  ++counts_.by_outcome[static_cast<size_t>(outcome)];
  const std::string_view reason = storage::AppendOutcomeText(outcome);
  if (!rejections_.Add(reason)) return;
  std::string where = fmt::format("series {} at {}", Describe(scratch_.series[series]), t);
  if (!detail.empty()) where += fmt::format(": {}", detail);
  rejections_.Name(reason, where);
}

std::string BatchWriter::Describe(const PendingSeries& series) {
  std::vector<model::Label> labels;
  if (!source_.Labels(series, &labels)) return "{}";
  return DescribeLabels(labels);
}

void BatchWriter::Fail(base::Status status, bool request_is_broken) {
  failure_ = std::move(status);
  request_is_broken_ = request_is_broken;
}

void BatchWriter::Clear() {
  scratch_.series.clear();
  scratch_.samples.clear();
  scratch_.starts.clear();
  scratch_.sample_series.clear();
  scratch_.histograms.clear();
  scratch_.exemplars.clear();
  scratch_.metadata.clear();
}

}  // namespace tributary::remote
