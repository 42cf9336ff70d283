#include "tsdb/head/decoded_records.h"

#include <algorithm>
#include <utility>

#include "tsdb/head/mem_series.h"
#include "tsdb/wal/segment_reader.h"

namespace tributary::tsdb {
namespace {

// Prometheus never logs anything else, but a log is only bytes.
bool IsWellFormed(model::LabelSpan labels) {
  if (labels.empty() || labels.size() > LabelTable::kMaxLabels) return false;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].value.empty()) return false;
    if (i > 0 && labels[i - 1].name >= labels[i].name) return false;
  }
  return true;
}

template <class T, class F>
void EraseFrom(size_t begin, std::vector<T>* list, F&& unwanted) {
  list->erase(std::remove_if(list->begin() + static_cast<std::ptrdiff_t>(begin), list->end(),
                             std::forward<F>(unwanted)),
              list->end());
}

}  // namespace

void DecodedRecords::Clear() {
  steps_.clear();
  samples_.clear();
  series_.clear();
  labels_.clear();
  texts_.clear();
  histograms_.clear();
  exemplars_.clear();
  metadata_.clear();
  tombstones_.clear();
  damage_.clear();
  unknown_records_ = 0;
}

void DecodedRecords::Decode(const PackedRecords& batch,
                            std::span<const PackedRecords::Record> records,
                            model::Timestamp min_time, bool exemplars_wanted) {
  Clear();
  for (const PackedRecords::Record& packed : records) {
    base::Bytes record;
    if (base::Status status =
            UnpackRecord(packed.packing, batch.BytesOf(packed), &scratch_, &record);
        !status) {
      damage_.push_back(status.error());
      continue;
    }
    if (TypeOfRecord(record) == RecordType::kSeries && packed.packing != 0) {
      texts_.push_back(std::move(scratch_));
      scratch_ = {};
      record = base::AsBytes(texts_.back());
    }
    DecodeOne(record, min_time, exemplars_wanted);
  }
}

void DecodedRecords::DecodeOne(base::Bytes record, model::Timestamp min_time,
                               bool exemplars_wanted) {
  base::Status status;
  switch (TypeOfRecord(record)) {
    case RecordType::kSeries: {
      const size_t begin = series_.size();
      status = DecodeSeries(record, [this](model::SeriesRef ref, model::LabelSpan labels) {
        AddSeries(ref, labels);
      });
      AddStep(RecordType::kSeries, begin, series_.size());
      break;
    }
    case RecordType::kSamples:
    case RecordType::kSamplesV2: {
      const size_t begin = samples_.size();
      status = DecodeSamples(record, &samples_);
      if (min_time != model::kMinTime) {
        EraseFrom(begin, &samples_, [&](const storage::RefSample& s) { return s.t < min_time; });
      }
      AddStep(RecordType::kSamples, begin, samples_.size());
      break;
    }
    case RecordType::kHistograms:
    case RecordType::kFloatHistograms:
    case RecordType::kCustomHistograms:
    case RecordType::kCustomFloatHistograms:
    case RecordType::kHistogramsV2:
    case RecordType::kFloatHistogramsV2: {
      const size_t begin = histograms_.size();
      status = DecodeHistograms(record, &histograms_);
      EraseFrom(begin, &histograms_, [&](const storage::RefHistogram& h) {
        if (h.t < min_time) return true;
        const bool usable = h.is_float ? IsUsable(h.float_histogram) : IsUsable(h.histogram);
        if (!usable) damage_.push_back(base::Corruption("an invalid histogram in the log"));
        return !usable;
      });
      AddStep(RecordType::kHistograms, begin, histograms_.size());
      break;
    }
    case RecordType::kExemplars: {
      if (!exemplars_wanted) break;
      const size_t begin = exemplars_.size();
      status = DecodeExemplars(record, &exemplars_);
      EraseFrom(begin, &exemplars_,
                [&](const storage::RefExemplar& e) { return e.exemplar.t < min_time; });
      AddStep(RecordType::kExemplars, begin, exemplars_.size());
      break;
    }
    case RecordType::kTombstones: {
      const size_t begin = tombstones_.size();
      status = DecodeTombstones(record, &tombstones_);
      EraseFrom(begin, &tombstones_, [&](const RefTombstone& t) { return t.max_time < min_time; });
      AddStep(RecordType::kTombstones, begin, tombstones_.size());
      break;
    }
    case RecordType::kMetadata: {
      const size_t begin = metadata_.size();
      status = DecodeMetadata(record, &metadata_);
      AddStep(RecordType::kMetadata, begin, metadata_.size());
      break;
    }
    case RecordType::kMmapMarkers:
      break;  // of the other log
    case RecordType::kUnknown:
      ++unknown_records_;
      break;
  }
  if (!status) damage_.push_back(status.error());
}

void DecodedRecords::AddSeries(model::SeriesRef ref, model::LabelSpan labels) {
  Series series{.ref = ref, .begin = static_cast<uint32_t>(labels_.size())};
  if (IsWellFormed(labels)) {
    labels_.insert(labels_.end(), labels.begin(), labels.end());
  } else {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const model::Label& l : labels) pairs.emplace_back(l.name, l.value);
    texts_.emplace_back();
    const model::Labels sorted = model::Labels::FromPairs(std::move(pairs));
    std::vector<model::Label> span;
    sorted.ToSpan(&span);
    size_t size = 0;
    for (const model::Label& l : span) size += l.name.size() + l.value.size();
    std::string& text = texts_.back();
    text.reserve(size);
    for (const model::Label& l : span) {
      const size_t at = text.size();
      text.append(l.name).append(l.value);
      labels_.push_back({std::string_view(text).substr(at, l.name.size()),
                         std::string_view(text).substr(at + l.name.size(), l.value.size())});
    }
  }
  series.size = static_cast<uint32_t>(labels_.size()) - series.begin;
  if (!IsWellFormed(LabelsOf(series))) {
    labels_.resize(series.begin);
    series.size = 0;
    damage_.push_back(base::Corruption("series record with unusable labels"));
  } else {
    series.hash = model::HashLabels(LabelsOf(series));
  }
  series_.push_back(series);
}

void DecodedRecords::AddStep(RecordType type, size_t begin, size_t end) {
  if (begin == end) return;
  if (!steps_.empty() && steps_.back().type == type && steps_.back().end == begin) {
    steps_.back().end = static_cast<uint32_t>(end);
    return;
  }
  steps_.push_back(
      {.type = type, .begin = static_cast<uint32_t>(begin), .end = static_cast<uint32_t>(end)});
}

void DecodedRecords::PartitionResolved(Step* step) {
  step->shards = {};
  for (uint32_t i = step->begin; i < step->end; ++i) ++step->shards[ShardOf(samples_[i].ref) + 1];
  step->shards[0] = step->begin;
  for (size_t s = 1; s < step->shards.size(); ++s) step->shards[s] += step->shards[s - 1];
  std::array<uint32_t, kSeriesShards + 1> next = step->shards;
  for (uint32_t i = step->begin; i < step->end; ++i) {
    by_shard_[next[ShardOf(samples_[i].ref)]++] = samples_[i];
  }
}

}  // namespace tributary::tsdb
