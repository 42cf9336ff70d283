// DecodedRecords: some neighbouring records of the log, unpacked and decoded, for replay. Each of
// a batch's is made by one thread; what must happen in the order of the log is kept as steps.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "storage/appender.h"
#include "storage/wal_source.h"
#include "tsdb/head/series_table.h"
#include "tsdb/wal/log_batches.h"
#include "tsdb/wal/record.h"

namespace tributary::tsdb {

class DecodedRecords {
 public:
  struct Series {
    model::SeriesRef ref;
    uint64_t hash = 0;  // of the labels
    uint32_t begin = 0;
    uint32_t size = 0;  // 0: its labels make no sense
  };
  // One run of samples, or of histograms, or one record of another kind.
  struct Step {
    RecordType type = RecordType::kUnknown;
    uint32_t begin = 0;  // in the list of its type
    uint32_t end = 0;
    // Of samples, once Partition() was called: those of shard s are [shards[s], shards[s + 1]).
    std::array<uint32_t, kSeriesShards + 1> shards{};
  };

  // Samples before `min_time` are left out. Exemplars only when they are wanted.
  void Decode(const PackedRecords& batch, std::span<const PackedRecords::Record> records,
              model::Timestamp min_time, bool exemplars_wanted);

  // Orders the samples of the steps [first, last) by shard, in the order of the log within a shard.
  // The refs of samples and histograms become what resolve(ref) says.
  template <class F>
  void Partition(size_t first, size_t last, F&& resolve) {
    by_shard_.resize(samples_.size());
    for (Step& step : std::span(steps_).subspan(first, last - first)) {
      if (step.type == RecordType::kHistograms) {
        for (storage::RefHistogram& h : histograms(step)) h.ref = resolve(h.ref);
      }
      if (step.type != RecordType::kSamples) continue;
      for (uint32_t i = step.begin; i < step.end; ++i) samples_[i].ref = resolve(samples_[i].ref);
      PartitionResolved(&step);
    }
  }

  std::span<Step> steps() { return steps_; }
  std::span<const Series> series(const Step& step) const {
    return std::span(series_).subspan(step.begin, step.end - step.begin);
  }
  model::LabelSpan LabelsOf(const Series& series) const {
    return std::span(labels_).subspan(series.begin, series.size);
  }
  // Of one shard. REQUIRES: Partition().
  std::span<const storage::RefSample> samples(const Step& step, uint32_t shard) const {
    return std::span(by_shard_).subspan(step.shards[shard],
                                        step.shards[shard + 1] - step.shards[shard]);
  }
  std::span<storage::RefHistogram> histograms(const Step& step) {
    return std::span(histograms_).subspan(step.begin, step.end - step.begin);
  }
  std::span<storage::RefExemplar> exemplars(const Step& step) {
    return std::span(exemplars_).subspan(step.begin, step.end - step.begin);
  }
  std::span<RefMetadata> metadata(const Step& step) {
    return std::span(metadata_).subspan(step.begin, step.end - step.begin);
  }
  std::span<RefTombstone> tombstones(const Step& step) {
    return std::span(tombstones_).subspan(step.begin, step.end - step.begin);
  }
  std::span<const base::Error> damage() const { return damage_; }
  // Of types that nobody knows yet; they are passed over.
  uint64_t unknown_records() const { return unknown_records_; }

 private:
  void Clear();
  void PartitionResolved(Step* step);
  void DecodeOne(base::Bytes record, model::Timestamp min_time, bool exemplars_wanted);
  void AddSeries(model::SeriesRef ref, model::LabelSpan labels);
  // Goes on with the last step when that is of the same type.
  void AddStep(RecordType type, size_t begin, size_t end);

  std::vector<Step> steps_;
  std::vector<storage::RefSample> samples_;
  std::vector<storage::RefSample> by_shard_;
  std::vector<Series> series_;
  std::vector<model::Label> labels_;  // point into texts_, or into the batch
  std::deque<std::string> texts_;
  std::vector<storage::RefHistogram> histograms_;
  std::vector<storage::RefExemplar> exemplars_;
  std::vector<RefMetadata> metadata_;
  std::vector<RefTombstone> tombstones_;
  std::vector<base::Error> damage_;
  uint64_t unknown_records_ = 0;
  std::string scratch_;
};

}  // namespace tributary::tsdb
