// Any bytes as a record of any type: decoders refuse or give something that encodes again.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "tsdb/wal/record.h"

namespace tsdb = tributary::tsdb;
namespace storage = tributary::storage;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const tributary::base::Bytes record(data, size);
  const auto type = tsdb::TypeOfRecord(record);
  size_t series = 0;
  (void)tsdb::DecodeSeries(
      record, [&](tributary::model::SeriesRef, tributary::model::LabelSpan) { ++series; });
  std::vector<storage::RefSample> samples;
  storage::Starts starts;
  if (tsdb::DecodeSamples(record, &samples, &starts)) {
    tsdb::RecordBatch batch;
    batch.AddSamples(samples, starts);
    std::vector<storage::RefSample> again;
    storage::Starts starts_again;
    for (size_t i = 0; i < batch.size(); ++i) {
      CHECK(tsdb::DecodeSamples(batch[i], &again, &starts_again).has_value(),
            "samples do not come back");
    }
    CHECK(again.size() == samples.size(), "samples were lost");
    for (size_t i = 0; i < samples.size(); ++i) {
      CHECK(starts_again[i] == starts[i], "a start timestamp is another one");
    }
  }
  std::vector<storage::RefHistogram> histograms;
  if (tsdb::DecodeHistograms(record, &histograms)) {
    tsdb::RecordBatch batch;
    batch.AddHistograms(histograms);
    std::vector<storage::RefHistogram> again;
    for (size_t i = 0; i < batch.size(); ++i) {
      CHECK(tsdb::DecodeHistograms(batch[i], &again).has_value(), "histograms do not come back");
    }
    CHECK(again.size() == histograms.size(), "histograms were lost");
  }
  if (type == tsdb::RecordType::kExemplars) {
    std::vector<storage::RefExemplar> out;
    (void)tsdb::DecodeExemplars(record, &out);
  }
  if (type == tsdb::RecordType::kTombstones) {
    std::vector<tsdb::RefTombstone> out;
    (void)tsdb::DecodeTombstones(record, &out);
  }
  if (type == tsdb::RecordType::kMetadata) {
    std::vector<tsdb::RefMetadata> out;
    (void)tsdb::DecodeMetadata(record, &out);
  }
  if (type == tsdb::RecordType::kMmapMarkers) {
    std::vector<tsdb::RefMmapMarker> out;
    (void)tsdb::DecodeMmapMarkers(record, &out);
  }
  return 0;
}
