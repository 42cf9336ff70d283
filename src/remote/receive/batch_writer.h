// BatchWriter: the road of one write request into one Appender, the same for both protocols.
//
// Receivers add series and what belongs to them; every few thousand series the batch is flushed:
// fingerprints are looked up (the table's lines were asked for when the series was added), unknown
// ones have their labels checked and are made known, all samples go to the appender in one call,
// and the verdicts are sorted. A sample of a known series costs no string and no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "model/exemplar.h"
#include "model/labels.h"
#include "model/metadata.h"
#include "remote/receive/family_store.h"
#include "remote/receive/rejections.h"
#include "remote/receive/series_cache.h"
#include "storage/appender.h"

namespace tributary::remote {

// A series as it stands in a message. Views live as long as the message.
struct PendingSeries {
  base::Hash128 key;
  std::string_view encoded;  // 1.0: label fields, or all fields when scattered
  uint32_t refs_begin = 0;   // 2.0: in the receiver's pool of label refs
  uint32_t refs_size = 0;
  uint32_t samples = 0;    // in this batch, histograms included
  bool scattered = false;  // 1.0: labels between other fields; not cached
  model::SeriesRef ref;    // 0: not (yet) resolved
};

// What differs between the protocols.
class SeriesSource {
 public:
  virtual ~SeriesSource() = default;
  // Labels in wire order, unchecked. An error means that the message is broken.
  virtual base::Status Labels(const PendingSeries& series, std::vector<model::Label>* out) = 0;
  virtual base::Result<model::Exemplar> DecodeExemplar(std::string_view encoded) = 0;
};

struct WriteCounts {
  uint64_t samples_written = 0;
  uint64_t histograms_written = 0;
  uint64_t exemplars_written = 0;
  uint64_t invalid_label_samples = 0;
  uint64_t refused_series_samples = 0;
  std::array<uint64_t, 16> by_outcome{};         // rejected samples by storage::AppendOutcome
  uint64_t cache_misses = 0;                     // series
  model::Timestamp some_time = model::kMinTime;  // of one of the samples written, if there are any
};

// Memory that outlives a request so that the next one allocates nothing.
struct BatchScratch {
  std::vector<PendingSeries> series;
  std::vector<storage::RefSample> samples;
  storage::Starts starts;               // of the samples
  std::vector<uint32_t> sample_series;  // index into `series`, one a sample
  std::vector<storage::AppendOutcome> outcomes;
  std::vector<model::Label> labels;

  struct Attached {
    uint32_t series = 0;
    std::string_view encoded;
  };
  std::vector<Attached> histograms, exemplars;

  struct Metadata {
    uint32_t series = 0;
    base::Hash128 content;  // of type, help and unit
    model::MetricType type = model::MetricType::kUnknown;
    std::string_view help, unit;
  };
  std::vector<Metadata> metadata;
  std::vector<std::pair<base::Hash128, model::SeriesRef>> new_metadata;
};

class BatchWriter {
 public:
  struct Options {
    SeriesCache& series_cache;
    SeriesCache& metadata_cache;  // (series, content) pairs that the store has been told
    FamilyStore& families;
    model::Timestamp max_time;  // later samples are too far in the future
    // 2.0 answers with an error for a series whose labels are invalid; 1.0 counts it.
    bool invalid_labels_are_errors;
    bool keep_starts;  // they go to the appender
  };
  BatchWriter(Options options, storage::Appender& appender, SeriesSource& source,
              BatchScratch& scratch);

  // What follows belongs to the series added last.
  void AddSeries(const PendingSeries& series) {
    if (scratch_.series.size() >= kMaxSeries) Flush();
    snapshot_.Prefetch(series.key);
    scratch_.series.push_back(series);
  }
  void AddSample(model::Timestamp t, double v, model::Timestamp start = 0) {
    if (scratch_.samples.size() >= kMaxSamples) FlushKeepingLast();
    if (options_.keep_starts) scratch_.starts.Set(scratch_.samples.size(), start);
    ++scratch_.series.back().samples;
    scratch_.samples.push_back({model::SeriesRef(0), t, v});
    scratch_.sample_series.push_back(static_cast<uint32_t>(scratch_.series.size() - 1));
  }
  void AddHistogram(std::string_view encoded);
  void AddExemplar(std::string_view encoded);
  void AddMetadata(BatchScratch::Metadata metadata);  // its `series` is filled in here
  // Of a family, as 1.0 has it; belongs to no series.
  void AddFamily(std::string_view family, model::MetricType type, std::string_view help,
                 std::string_view unit) {
    options_.families.Put(family, type, help, unit);
  }

  // A series that cannot even be resolved: `where` names it.
  void Reject(std::string_view reason, std::string_view where, uint64_t samples);

  // Hands the batch to the appender. Does nothing after a failure.
  void Flush();
  // To be called once the appender has committed.
  void RememberMetadata();

  // The whole request has failed: because it is broken, or because the store could not take it.
  const base::Status& failure() const { return failure_; }
  bool request_is_broken() const { return request_is_broken_; }

  const WriteCounts& counts() const { return counts_; }
  const Rejections& rejections() const { return rejections_; }
  // An example of a series with invalid labels, when those are not errors.
  const std::string& invalid_example() const { return invalid_example_; }

  // "{a="b"}" of a series, for messages.
  std::string Describe(const PendingSeries& series);

 private:
  static constexpr size_t kMaxSeries = 4096;
  static constexpr size_t kMaxSamples = 16384;

  void FlushKeepingLast();
  void ResolveAll();
  // Sets series.ref; leaves 0 and notes the problem when it cannot be had.
  void ResolveByLabels(size_t index);
  void RefuseSeries(size_t index, std::string_view reason, bool invalid_labels);
  void AppendSamples();
  void RetryUnknownSeries();
  void AppendHistograms();
  void AppendExemplars();
  void UpdateMetadata();
  void NoteFamily(const BatchScratch::Metadata& said);
  void RejectSample(storage::AppendOutcome outcome, size_t series, model::Timestamp t,
                    std::string_view detail = {});
  void Fail(base::Status status, bool request_is_broken);
  void Clear();

  const Options options_;
  storage::Appender& appender_;
  SeriesSource& source_;
  BatchScratch& scratch_;
  SeriesCache::Snapshot snapshot_;
  Rejections rejections_;
  WriteCounts counts_;
  base::Status failure_;
  bool request_is_broken_ = false;
  std::string invalid_example_;
};

}  // namespace tributary::remote
