#include "wire/remote_write_v1.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/protobuf.h"

namespace tributary::wire {
namespace {

using model::Label;
using testing::HasSubstr;

std::string LabelsText(const std::vector<Label>& labels) {
  std::string text;
  for (const Label& label : labels) {
    text += std::string(label.name) + "=" + std::string(label.value) + ",";
  }
  return text;
}

// Renders what was visited, one line a series.
class Recorder : public WriteVisitorV1 {
 public:
  void OnSeries(const WriteSeriesV1& series) override {
    std::vector<Label> labels;
    const auto status = SplitLabelsV1(series, &labels);
    text += status ? LabelsText(labels) : "error: " + status.error().message();
    if (!series.scattered.empty()) text += " scattered";
    for (const model::Sample& s : series.samples) {
      text += " " + std::to_string(s.t) + ":" + std::to_string(s.v);
      values.push_back(s.v);
    }
    for (const auto h : series.histograms) histograms.emplace_back(h);
    for (const auto e : series.exemplars) exemplars.emplace_back(e);
    raw_labels.emplace_back(series.raw_labels);
    text += "\n";
  }
  void OnMetadata(const WriteMetadataV1& m) override {
    text += "meta " + std::string(m.family) + "/" + std::string(model::MetricTypeName(m.type)) +
            "/" + std::string(m.help) + "/" + std::string(m.unit) + "\n";
  }
  std::string text;
  std::vector<double> values;
  std::vector<std::string> raw_labels, histograms, exemplars;
};

std::string Decode(std::string_view message) {
  Recorder recorder;
  const auto status = DecodeWriteV1(message, &recorder);
  return status ? recorder.text : "error: " + status.error().message();
}

std::string Field(uint32_t field, std::string_view bytes) {
  std::string out;
  PutBytes(&out, field, bytes);
  return out;
}
std::string LabelField(std::string_view name, std::string_view value) {
  return Field(1, Field(1, name) + Field(2, value));
}
std::string SampleField(double v, int64_t t) {
  std::string sample;
  PutDouble(&sample, 1, v);
  PutVarint(&sample, 2, static_cast<uint64_t>(t));
  return Field(2, sample);
}

TEST(RemoteWriteV1, WhatIsEncodedIsDecoded) {
  std::string message;
  WriteEncoderV1 encoder(&message);
  const Label labels[] = {{"__name__", "up"}, {"instance", std::string_view("a\0b", 3)}};
  const std::string long_value(300, 'v');
  const Label long_labels[] = {{"__name__", "x"}, {"long", long_value}};
  encoder.AddSample(labels, {1700000000000, 1.5});
  encoder.AddSample(long_labels, {-5, 0});
  std::string raw;
  WriteEncoderV1::EncodeLabels(labels, &raw);
  encoder.AddSampleRaw(raw, {0, -1});
  encoder.AddMetadata({model::MetricType::kCounter, "up", "Help.", "seconds"});

  Recorder recorder;
  ASSERT_TRUE(DecodeWriteV1(message, &recorder));
  using namespace std::string_literals;
  EXPECT_EQ(recorder.text, "__name__=up,instance=a\0b, 1700000000000:1.500000\n"s +
                               "__name__=x,long=" + long_value + ", -5:0.000000\n" +
                               "__name__=up,instance=a\0b, 0:-1.000000\n"s +
                               "meta up/counter/Help./seconds\n");
  // The raw bytes name the series: the same for the same labels, whoever encoded them.
  EXPECT_EQ(recorder.raw_labels[0], raw);
  EXPECT_EQ(recorder.raw_labels[2], raw);
}

TEST(RemoteWriteV1, KeepsEveryBitOfAStaleMarker) {
  std::string message;
  const Label labels[] = {{"__name__", "up"}};
  WriteEncoderV1(&message).AddSample(labels, {1, model::StaleNaN()});
  Recorder recorder;
  ASSERT_TRUE(DecodeWriteV1(message, &recorder));
  EXPECT_TRUE(model::IsStaleNaN(recorder.values.at(0)));
}

TEST(RemoteWriteV1, ForeignShapes) {
  const auto f = [](std::string_view series, std::string_view want) {
    EXPECT_EQ(Decode(Field(1, series)), want) << want;
  };
  const std::string a = LabelField("a", "1"), b = LabelField("b", "2");
  f("", "\n");
  f(a + b, "a=1,b=2,\n");
  f(a + SampleField(1, 7) + SampleField(2, 8), "a=1, 7:1.000000 8:2.000000\n");
  f(SampleField(1, 7) + a + b, "a=1,b=2, scattered 7:1.000000\n");
  f(a + SampleField(1, 7) + b, "a=1,b=2, scattered 7:1.000000\n");
  f(a + Field(2, ""), "a=1, 0:0.000000\n");          // zeros are left out
  f(a + Field(2, "\x10\x07"), "a=1, 7:0.000000\n");  // time alone
  f(a + Field(99, "later version") + SampleField(1, 7), "a=1, 7:1.000000\n");
  f(Field(1, Field(2, "v") + Field(1, "n")), "n=v,\n");                    // value before name
  f(Field(1, Field(1, "n")), "n=,\n");                                     // no value
  f(Field(1, Field(1, "old") + Field(1, "n") + Field(2, "v")), "n=v,\n");  // the last wins
  EXPECT_EQ(Decode(Field(2, "reserved") + Field(1, a)), "a=1,\n");
  EXPECT_EQ(Decode(""), "");
}

TEST(RemoteWriteV1, BrokenMessagesSayWhere) {
  const auto f = [](std::string_view message, std::string_view want) {
    EXPECT_THAT(Decode(message), HasSubstr(want)) << want;
  };
  f("\x0a", "byte 1: expected a length within the message");
  f("\x0a\x05"
    "ab",
    "byte 1: expected a length within the message");
  f("\x0a\x02\x0a\x05", "byte 3: expected a length within the message");
  f(std::string_view("\x00", 1), "byte 0: expected a field tag");
  f("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "byte 0: expected a field tag");
  f("\x08\x01", "expected another wire type");
  f("\x0b", "expected another wire type");            // a group in place of the series
  f("\x7b", "expected a wire type in use");           // an unknown group
  f("\x0a\x04\x12\x02\x09\x01", "expected 8 bytes");  // half a sample
  f("\x0a\x03\x12\x01\x10", "expected a varint");
}

TEST(RemoteWriteV1, EveryCutIsRejectedOrShorter) {
  std::string message;
  const Label labels[] = {{"__name__", "up"}, {"job", "x"}};
  WriteEncoderV1(&message).AddSample(labels, {1700000000000, 1});
  for (size_t cut = 1; cut < message.size(); ++cut) {
    EXPECT_THAT(Decode(std::string_view(message).substr(0, cut)), HasSubstr("error")) << cut;
  }
}

TEST(RemoteWriteV1, BrokenLabelsAreFoundWhenSplit) {
  // The walk passes over a label's inside; the split finds the bad length.
  EXPECT_EQ(Decode(Field(1, Field(1,
                                  "\x0a\x09"
                                  "a")))
                .substr(0, 6),
            "error:");
}

TEST(RemoteWriteV1, HistogramsComeBack) {
  model::Histogram h;
  h.reset_hint = model::CounterResetHint::kGauge;
  h.schema = -3;
  h.zero_threshold = 0.001;
  h.zero_count = 2;
  h.count = 12;
  h.sum = 18.5;
  h.positive_spans = {{-2, 2}, {3, 1}};
  h.positive_buckets = {3, -1, 4};
  h.negative_spans = {{0, 1}};
  h.negative_buckets = {1};
  model::FloatHistogram fh;
  fh.schema = model::kCustomBucketsSchema;
  fh.count = 2.5;
  fh.sum = model::StaleNaN();
  fh.positive_spans = {{1, 2}};
  fh.positive_buckets = {0.5, 2};
  fh.custom_values = {1, 2.5};

  std::string message;
  WriteEncoderV1 encoder(&message);
  const Label labels[] = {{"__name__", "h"}};
  encoder.AddHistogram(labels, 77, h);
  encoder.AddHistogram(labels, 78, fh);
  Recorder recorder;
  ASSERT_TRUE(DecodeWriteV1(message, &recorder));
  ASSERT_EQ(recorder.histograms.size(), 2u);

  model::Timestamp t = 0;
  model::Histogram got;
  model::FloatHistogram got_float;
  auto is_int = DecodeHistogramV1(recorder.histograms[0], &t, &got, &got_float);
  ASSERT_TRUE(is_int && *is_int);
  EXPECT_EQ(t, 77);
  EXPECT_EQ(got, h);
  is_int = DecodeHistogramV1(recorder.histograms[1], &t, &got, &got_float);
  ASSERT_TRUE(is_int && !*is_int);
  EXPECT_EQ(t, 78);
  EXPECT_TRUE(model::IsStaleNaN(got_float.sum));
  got_float.sum = fh.sum = 0;  // NaN equals nothing
  EXPECT_EQ(got_float, fh);

  EXPECT_FALSE(DecodeHistogramV1("\x12\x01", &t, &got, &got_float));
  EXPECT_FALSE(DecodeHistogramV1("\x62\x01\x80", &t, &got, &got_float));  // half a packed delta
  EXPECT_FALSE(
      DecodeHistogramV1("\x6a\x03"
                        "abc",
                        &t, &got, &got_float));  // packed doubles
}

TEST(RemoteWriteV1, ExemplarsComeBack) {
  model::Exemplar exemplar;
  exemplar.labels = model::Labels::Of({{"trace_id", "abc"}});
  exemplar.value = 4;
  exemplar.t = 123;
  exemplar.has_timestamp = true;
  std::string message;
  const Label labels[] = {{"__name__", "up"}};
  WriteEncoderV1(&message).AddExemplar(labels, exemplar);
  Recorder recorder;
  ASSERT_TRUE(DecodeWriteV1(message, &recorder));
  ASSERT_EQ(recorder.exemplars.size(), 1u);
  const auto got = DecodeExemplarV1(recorder.exemplars[0]);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->labels, exemplar.labels);
  EXPECT_EQ(got->value, 4);
  EXPECT_EQ(got->t, 123);
  EXPECT_TRUE(got->has_timestamp);
  EXPECT_FALSE(DecodeExemplarV1(LabelField("a", "1") + LabelField("a", "2")));
}

}  // namespace
}  // namespace tributary::wire
