#include "tsdb/wal/record.h"

#include <bit>
#include <limits>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "model/histogram.h"

namespace tributary::tsdb {
namespace {

using model::SeriesRef;

std::string Hex(std::string_view bytes) { return base::HexEncode(bytes); }

TEST(RecordTest, SamplesAreEncodedAsPrometheusDoes) {
  std::string out;
  EncodeSamples(
      std::vector<storage::RefSample>{{SeriesRef(10), 1000, 1.0}, {SeriesRef(9), 1001, 2.0}}, &out);
  EXPECT_EQ(Hex(out),
            "02"                // type
            "000000000000000a"  // first ref
            "00000000000003e8"  // first timestamp
            "0000"
            "3ff0000000000000"
            "0102"  // ref -1, timestamp +1, zigzag
            "4000000000000000");
}

TEST(RecordTest, SeriesAndMetadataAreEncodedAsPrometheusDoes) {
  std::string out;
  BeginSeriesRecord(&out);
  AppendSeriesEntry(SeriesRef(1), std::vector<model::Label>{{"a", "bc"}}, &out);
  EXPECT_EQ(Hex(out),
            "01"
            "0000000000000001"
            "01"
            "0161"
            "026263");
  out.clear();
  EncodeMetadata(
      std::vector<RefMetadata>{{SeriesRef(300), {model::MetricType::kCounter, "h", "u"}}}, &out);
  EXPECT_EQ(Hex(out),
            "06"
            "ac02"
            "01"
            "02"
            "04554e4954"
            "0175"
            "0448454c50"
            "0168");
}

TEST(RecordTest, ExtremeSamplesComeBackBitForBit) {
  const auto max = std::numeric_limits<int64_t>::max();
  const auto min = std::numeric_limits<int64_t>::min();
  const std::vector<storage::RefSample> want{{SeriesRef(UINT64_MAX), min, model::StaleNaN()},
                                             {SeriesRef(1), max, model::NormalNaN()},
                                             {SeriesRef(0), 0, -0.0},
                                             {SeriesRef(1ull << 63), -1, 1e308}};
  std::string out;
  EncodeSamples(want, &out);
  std::vector<storage::RefSample> got;
  ASSERT_TRUE(DecodeSamples(base::AsBytes(out), &got));
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].ref, want[i].ref);
    EXPECT_EQ(got[i].t, want[i].t);
    EXPECT_EQ(std::bit_cast<uint64_t>(got[i].v), std::bit_cast<uint64_t>(want[i].v));
  }
}

TEST(RecordTest, SamplesComeBackWithTheirStarts) {
  const auto max = std::numeric_limits<int64_t>::max();
  const auto min = std::numeric_limits<int64_t>::min();
  const std::vector<storage::RefSample> samples{
      {SeriesRef(9), 5, 1}, {SeriesRef(1), max, 2}, {SeriesRef(UINT64_MAX), min, 3},
      {SeriesRef(3), 7, 4}, {SeriesRef(4), 7, 5},   {SeriesRef(5), 7, 6}};
  const std::vector<std::vector<int64_t>> lists{
      {100, 100, 90, 0, 90, 90}, {0, 0, 0, 7, 7, 0}, {min, max, max, 1, 0, -1}, {1, 0, 0, 0, 0, 0}};
  for (const std::vector<int64_t>& want : lists) {
    storage::Starts starts;
    for (size_t i = 0; i < want.size(); ++i) starts.Set(i, want[i]);
    RecordBatch batch;
    batch.AddSamples(samples, starts);
    ASSERT_EQ(TypeOfRecord(batch[0]), RecordType::kSamplesV2);
    std::vector<storage::RefSample> got{{SeriesRef(8), 1, 1}};  // is there already
    storage::Starts got_starts;
    ASSERT_TRUE(DecodeSamples(batch[0], &got, &got_starts));
    ASSERT_EQ(got.size(), 1 + samples.size());
    EXPECT_EQ(got_starts[0], 0);
    for (size_t i = 0; i < samples.size(); ++i) {
      EXPECT_EQ(got[1 + i].ref, samples[i].ref);
      EXPECT_EQ(got[1 + i].t, samples[i].t);
      EXPECT_EQ(got[1 + i].v, samples[i].v);
      EXPECT_EQ(got_starts[1 + i], want[i]) << i;
    }
  }
}

TEST(RecordTest, SamplesV2AreRead) {
  // As record.go's samplesV2 writes them: ref 5 t 100 st 50; ref 6 t 101 no st; ref 4 t 102 st 60.
  const std::string bytes(
      "\x0b"
      "\x0a\xc8\x01\x64\x3f\xf0\0\0\0\0\0\0"
      "\x02\x02\x00\x40\0\0\0\0\0\0\0"
      "\x03\x04\x02\x14\x40\x08\0\0\0\0\0\0",
      1 + 12 + 11 + 12);
  std::vector<storage::RefSample> got;
  ASSERT_TRUE(DecodeSamples(base::AsBytes(bytes), &got));
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[1].ref, SeriesRef(6));
  EXPECT_EQ(got[1].t, 101);
  EXPECT_EQ(got[2].ref, SeriesRef(4));
  EXPECT_EQ(got[2].t, 102);
  EXPECT_EQ(got[2].v, 3.0);
  // And these are the bytes that are written.
  storage::Starts starts;
  starts.Set(0, 50);
  starts.Set(2, 60);
  std::string written;
  EncodeSamples(got, starts, &written);
  EXPECT_EQ(written, bytes);
}

model::Histogram IntHistogram(bool custom) {
  model::Histogram h;
  h.reset_hint = model::CounterResetHint::kNotReset;
  h.schema = custom ? model::kCustomBucketsSchema : 3;
  h.zero_threshold = custom ? 0 : 1e-128;
  h.zero_count = custom ? 0 : 2;
  h.count = 12;
  h.sum = 18.4;
  h.positive_spans = {{0, 2}, {1, 2}};
  h.positive_buckets = {1, 1, -1, 0};
  if (custom) {
    h.custom_values = {1, 2, 3.5, 9};
  } else {
    h.negative_spans = {{-3, 1}};
    h.negative_buckets = {4};
  }
  return h;
}

TEST(RecordTest, AllKindsOfHistogramsComeBack) {
  std::vector<storage::RefHistogram> want;
  for (const bool is_float : {false, true}) {
    for (const bool custom : {false, true}) {
      for (int i = 0; i < 2; ++i) {
        storage::RefHistogram h;
        h.ref = SeriesRef(static_cast<uint64_t>(10 - i));
        h.t = 1000 + i;
        h.is_float = is_float;
        h.histogram = IntHistogram(custom);
        if (is_float) {
          h.float_histogram = model::ToFloat(h.histogram);
          h.histogram = {};
        }
        want.push_back(h);
      }
    }
  }
  RecordBatch batch;
  batch.AddHistograms(want);
  ASSERT_EQ(batch.size(), 4u);
  const RecordType types[] = {RecordType::kHistograms, RecordType::kCustomHistograms,
                              RecordType::kFloatHistograms, RecordType::kCustomFloatHistograms};
  std::vector<storage::RefHistogram> got;
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(TypeOfRecord(batch[i]), types[i]);
    ASSERT_TRUE(DecodeHistograms(batch[i], &got));
  }
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].ref, want[i].ref);
    EXPECT_EQ(got[i].t, want[i].t);
    EXPECT_EQ(got[i].is_float, want[i].is_float);
    EXPECT_EQ(got[i].histogram, want[i].histogram);
    EXPECT_EQ(got[i].float_histogram, want[i].float_histogram);
  }
}

TEST(RecordTest, HistogramsComeBackWithTheirStarts) {
  std::vector<storage::RefHistogram> want;
  for (const int64_t start : {0, 50, 50, 40, 0, 40}) {
    for (const bool is_float : {false, true}) {
      storage::RefHistogram h;
      h.ref = SeriesRef(20 - want.size());
      h.t = 1000 + static_cast<int64_t>(want.size());
      h.start = start;
      h.is_float = is_float;
      h.histogram = IntHistogram(/*custom=*/start == 40);
      if (is_float) h.float_histogram = model::ToFloat(std::exchange(h.histogram, {}));
      want.push_back(h);
    }
  }
  RecordBatch batch;
  batch.AddHistograms(want);
  ASSERT_EQ(batch.size(), 2u);
  EXPECT_EQ(TypeOfRecord(batch[0]), RecordType::kHistogramsV2);
  EXPECT_EQ(TypeOfRecord(batch[1]), RecordType::kFloatHistogramsV2);
  std::vector<storage::RefHistogram> got;
  for (size_t i = 0; i < batch.size(); ++i) ASSERT_TRUE(DecodeHistograms(batch[i], &got));
  ASSERT_EQ(got.size(), want.size());
  std::ranges::stable_partition(want, [](const auto& h) { return !h.is_float; });
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].ref, want[i].ref);
    EXPECT_EQ(got[i].t, want[i].t);
    EXPECT_EQ(got[i].start, want[i].start) << i;
    EXPECT_EQ(got[i].histogram, want[i].histogram);
    EXPECT_EQ(got[i].float_histogram, want[i].float_histogram);
  }
}

TEST(RecordTest, ExemplarsTombstonesAndMarkersComeBack) {
  std::string out;
  model::Exemplar e{model::Labels::Of({{"trace_id", "x"}}), 3, 1234, true};
  EncodeExemplars(std::vector<storage::RefExemplar>{{SeriesRef(3), e}, {SeriesRef(2), e}}, &out);
  std::vector<storage::RefExemplar> exemplars;
  ASSERT_TRUE(DecodeExemplars(base::AsBytes(out), &exemplars));
  ASSERT_EQ(exemplars.size(), 2u);
  EXPECT_EQ(exemplars[1].ref, SeriesRef(2));
  EXPECT_EQ(exemplars[1].exemplar.labels, e.labels);
  EXPECT_EQ(exemplars[1].exemplar.t, 1234);

  out.clear();
  EncodeTombstones(std::vector<RefTombstone>{{SeriesRef(3), -5, 5}}, &out);
  std::vector<RefTombstone> tombstones;
  ASSERT_TRUE(DecodeTombstones(base::AsBytes(out), &tombstones));
  ASSERT_EQ(tombstones.size(), 1u);
  EXPECT_EQ(tombstones[0].min_time, -5);

  out.clear();
  EncodeMmapMarkers(std::vector<RefMmapMarker>{{SeriesRef(3), 77}}, &out);
  std::vector<RefMmapMarker> markers;
  ASSERT_TRUE(DecodeMmapMarkers(base::AsBytes(out), &markers));
  ASSERT_EQ(markers.size(), 1u);
  EXPECT_EQ(markers[0].chunk_ref, 77u);
}

TEST(RecordTest, EveryRecordCutShortIsAnErrorOrAShorterRecord) {
  RecordBatch batch;
  BeginSeriesRecord(batch.buffer());
  AppendSeriesEntry(SeriesRef(1), std::vector<model::Label>{{"a", "b"}}, batch.buffer());
  batch.EndRecord();
  batch.AddSamples(std::vector<storage::RefSample>{{SeriesRef(1), 1, 1}, {SeriesRef(2), 2, 2}});
  storage::RefHistogram h;
  h.ref = SeriesRef(1);
  h.histogram = IntHistogram(true);
  batch.AddHistograms(std::vector<storage::RefHistogram>{h});
  for (size_t i = 0; i < batch.size(); ++i) {
    size_t accepted = 0;
    for (size_t n = 1; n < batch[i].size(); ++n) {
      const base::Bytes cut = batch[i].first(n);
      std::vector<storage::RefSample> samples;
      std::vector<storage::RefHistogram> histograms;
      base::Status status;
      if (i == 0) status = DecodeSeries(cut, [](SeriesRef, model::LabelSpan) {});
      if (i == 1) status = DecodeSamples(cut, &samples);
      if (i == 2) status = DecodeHistograms(cut, &histograms);
      accepted += status ? 1 : 0;
      if (!status) {
        EXPECT_EQ(status.error().code(), base::ErrorCode::kCorruption);
      }
    }
    // The type byte alone, and for samples also the bare base and the first sample.
    EXPECT_EQ(accepted, i == 0 ? 1u : i == 1 ? 3u : 2u);
  }
}

}  // namespace
}  // namespace tributary::tsdb
