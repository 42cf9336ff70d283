// WAL records: what one log entry says. Byte for byte Prometheus's (tsdb/record/record.go, types 1
// to 10 written, 11 to 13 read as well). The first byte is the type.
//
// Encoders append one record's bytes to a string; RecordBatch collects the records of one commit.
// Decoders append to what they are given and fail with kCorruption, having appended what came
// before the bad place. Views in decoded labels point into the record.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "model/labels.h"
#include "model/metadata.h"
#include "model/series_ref.h"
#include "storage/appender.h"
#include "storage/wal_source.h"

namespace tributary::tsdb {

enum class RecordType : uint8_t {
  kSeries = 1,
  kSamples = 2,
  kTombstones = 3,
  kExemplars = 4,
  kMmapMarkers = 5,
  kMetadata = 6,
  kHistograms = 7,
  kFloatHistograms = 8,
  kCustomHistograms = 9,
  kCustomFloatHistograms = 10,
  kSamplesV2 = 11,
  kHistogramsV2 = 12,
  kFloatHistogramsV2 = 13,
  kUnknown = 255,
};

// kUnknown for an empty record or a type that is not in the list; readers skip those.
RecordType TypeOfRecord(base::Bytes record);

struct RefMetadata {
  model::SeriesRef ref;
  model::Metadata metadata;
};

struct RefTombstone {
  model::SeriesRef ref;
  model::Timestamp min_time = 0;
  model::Timestamp max_time = 0;  // inclusive
};

// Place of a memory-mapped chunk: file << 32 | offset. Out-of-order logs only.
struct RefMmapMarker {
  model::SeriesRef ref;
  uint64_t chunk_ref = 0;
};

// The records of one commit in one buffer. Reuse one: Clear() keeps the memory.
class RecordBatch {
 public:
  void Clear() {
    bytes_.clear();
    ends_.clear();
  }
  bool empty() const { return ends_.empty(); }
  size_t size() const { return ends_.size(); }
  base::Bytes operator[](size_t i) const {
    const size_t begin = i == 0 ? 0 : ends_[i - 1];
    return base::AsBytes(bytes_).subspan(begin, ends_[i] - begin);
  }
  // Append one record's bytes to the string, then call EndRecord(). Nothing appended: no record.
  std::string* buffer() { return &bytes_; }
  void EndRecord() {
    if (bytes_.size() > (ends_.empty() ? 0 : ends_.back())) ends_.push_back(bytes_.size());
  }

  void AddSamples(std::span<const storage::RefSample> samples, const storage::Starts& starts = {});
  // Up to four records, in the order Prometheus writes them.
  void AddHistograms(std::span<const storage::RefHistogram> histograms);
  void AddExemplars(std::span<const storage::RefExemplar> exemplars);
  void AddMetadata(std::span<const RefMetadata> metadata);
  void AddTombstones(std::span<const RefTombstone> tombstones);

 private:
  std::string bytes_;
  std::vector<size_t> ends_;
};

// A series record is a header followed by its entries, so that labels need not be collected first.
void BeginSeriesRecord(std::string* out);
void AppendSeriesEntry(model::SeriesRef ref, model::LabelSpan labels, std::string* out);

void EncodeSamples(std::span<const storage::RefSample> samples, std::string* out);
// As kSamplesV2.
void EncodeSamples(std::span<const storage::RefSample> samples, const storage::Starts& starts,
                   std::string* out);
void EncodeTombstones(std::span<const RefTombstone> tombstones, std::string* out);
void EncodeExemplars(std::span<const storage::RefExemplar> exemplars, std::string* out);
void EncodeMmapMarkers(std::span<const RefMmapMarker> markers, std::string* out);
void EncodeMetadata(std::span<const RefMetadata> metadata, std::string* out);

// Calls `visit` for each series; the labels are in the order they were written (sorted, when a
// sane writer wrote them) and live as long as the record.
using SeriesVisitor = std::function<void(model::SeriesRef, model::LabelSpan)>;
base::Status DecodeSeries(base::Bytes record, const SeriesVisitor& visit);
// kSamples and kSamplesV2. Start timestamps go to `starts`, which is of `out`, unless it is null.
base::Status DecodeSamples(base::Bytes record, std::vector<storage::RefSample>* out,
                           storage::Starts* starts = nullptr);
base::Status DecodeTombstones(base::Bytes record, std::vector<RefTombstone>* out);
base::Status DecodeExemplars(base::Bytes record, std::vector<storage::RefExemplar>* out);
base::Status DecodeMmapMarkers(base::Bytes record, std::vector<RefMmapMarker>* out);
base::Status DecodeMetadata(base::Bytes record, std::vector<RefMetadata>* out);
// All six histogram types. Histograms of a schema nobody knows are left out.
base::Status DecodeHistograms(base::Bytes record, std::vector<storage::RefHistogram>* out);

}  // namespace tributary::tsdb
