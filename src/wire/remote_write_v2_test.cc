#include "wire/remote_write_v2.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/protobuf.h"

namespace tributary::wire {
namespace {

using model::Label;
using testing::HasSubstr;

class Recorder : public WriteVisitorV2 {
 public:
  void OnSymbols(std::span<const std::string_view> symbols) override { symbols_ = symbols; }
  void OnSeries(const WriteSeriesV2& series) override {
    if (!series.problem.empty()) {
      text += "problem: " + std::string(series.problem) + "\n";
      return;
    }
    std::vector<Label> labels;
    ResolveLabelsV2(series, symbols_, &labels);
    for (const Label& l : labels) text += std::string(l.name) + "=" + std::string(l.value) + ",";
    for (const WriteSampleV2& s : series.samples) {
      text += " " + std::to_string(s.t) + ":" + std::to_string(s.v);
      if (s.start != 0) text += " since " + std::to_string(s.start);
    }
    const WriteMetadataV2& m = series.metadata;
    if (m.type != model::MetricType::kUnknown || m.help_ref != 0 || m.unit_ref != 0) {
      text += " " + std::string(model::MetricTypeName(m.type)) + "/" +
              std::string(symbols_[m.help_ref]) + "/" + std::string(symbols_[m.unit_ref]);
    }
    for (const auto h : series.histograms) histograms.emplace_back(h);
    for (const auto e : series.exemplars) {
      const auto exemplar = DecodeExemplarV2(e, symbols_);
      text += " exemplar " + (exemplar ? exemplar->labels.ToString() : exemplar.error().message());
    }
    text += "\n";
  }
  std::string text;
  std::vector<std::string> histograms;

 private:
  std::span<const std::string_view> symbols_;
};

std::string Decode(std::string_view message) {
  Recorder recorder;
  std::vector<std::string_view> symbols;
  const auto status = DecodeWriteV2(message, &symbols, &recorder);
  return status ? recorder.text : "error: " + status.error().message();
}

std::string Field(uint32_t field, std::string_view bytes) {
  std::string out;
  PutBytes(&out, field, bytes);
  return out;
}
std::string Refs(std::initializer_list<uint32_t> refs) {
  std::string packed;
  for (const uint32_t ref : refs) PutRawVarint(&packed, ref);
  return Field(1, packed);
}

TEST(RemoteWriteV2, WhatIsEncodedIsDecoded) {
  WriteEncoderV2 encoder;
  const Label up[] = {{"__name__", "up"}, {"job", "a"}};
  const Label down[] = {{"__name__", "down"}, {"job", "a"}};
  const model::Metadata metadata{model::MetricType::kGauge, "Is it up?", "bool"};
  model::Exemplar exemplar;
  exemplar.labels = model::Labels::Of({{"trace_id", "up"}});
  for (int round = 0; round < 2; ++round) {  // the second time after Reset()
    encoder.Reset();
    encoder.AddSample(up, {.t = 1700000000000, .v = 1}, &metadata);
    encoder.AddSample(down, {.t = -3, .v = 0, .start = 99});
    encoder.AddExemplar(up, exemplar);
    EXPECT_EQ(Decode(encoder.Finish()),
              "__name__=up,job=a, 1700000000000:1.000000 gauge/Is it up?/bool\n"
              "__name__=down,job=a, -3:0.000000 since 99\n"
              "__name__=up,job=a, exemplar {trace_id=\"up\"}\n");
  }
}

TEST(RemoteWriteV2, HistogramsComeBack) {
  model::Histogram h;
  h.schema = 2;
  h.count = 3;
  h.sum = 4;
  h.positive_spans = {{0, 2}};
  h.positive_buckets = {1, 1};
  WriteEncoderV2 encoder;
  const Label labels[] = {{"__name__", "h"}};
  encoder.AddHistogram(labels, 5, h, 3);
  const std::string_view message = encoder.Finish();
  Recorder recorder;
  std::vector<std::string_view> symbols;
  ASSERT_TRUE(DecodeWriteV2(message, &symbols, &recorder));
  ASSERT_EQ(recorder.histograms.size(), 1u);
  model::Timestamp t = 0, start = 0;
  model::Histogram got;
  model::FloatHistogram got_float;
  const auto is_int = DecodeHistogramV2(recorder.histograms[0], &t, &start, &got, &got_float);
  ASSERT_TRUE(is_int && *is_int);
  EXPECT_EQ(t, 5);
  EXPECT_EQ(start, 3);
  EXPECT_EQ(got, h);
}

TEST(RemoteWriteV2, ForeignShapes) {
  const std::string symbols = Field(4, "") + Field(4, "n") + Field(4, "v");
  const auto f = [&](std::string_view series, std::string_view want) {
    EXPECT_EQ(Decode(symbols + Field(5, series)), want);
    // The table may stand behind the series that use it.
    EXPECT_EQ(Decode(Field(5, series) + symbols), want);
  };
  f("", "\n");
  f(Refs({1, 2}), "n=v,\n");
  f("\x08\x01\x08\x02", "n=v,\n");      // refs one by one
  f(Refs({1}) + Refs({2}), "n=v,\n");   // packed in two pieces
  f(Refs({2, 1, 2, 1}), "v=n,v=n,\n");  // order and repeats are not judged here
  f(Refs({1, 2}) + Field(2, ""), "n=v, 0:0.000000\n");
  f(Refs({1, 2}) + Field(5, "\x08\x07"), "n=v, stateset//\n");
  f(Refs({1, 2}) + Field(5, "\x08\x63"), "n=v,\n");  // a type of the future
}

TEST(RemoteWriteV2, BadSeriesAreNamedAndTheNextOneStands) {
  const std::string symbols = Field(4, "") + Field(4, "n") + Field(4, "v");
  const auto f = [&](std::string_view series, std::string_view want) {
    EXPECT_EQ(Decode(symbols + Field(5, series) + Field(5, Refs({1, 2}))),
              "problem: " + std::string(want) + "\nn=v,\n");
  };
  f(Refs({1}), "odd number of label refs");
  f(Refs({1, 3}), "label ref outside of the symbol table");
  f(Field(1, "\x01\xff\xff\xff\xff\xff\x0f"), "label ref outside of the symbol table");
  f(Refs({1, 2}) + Field(5, "\x18\x03"), "metadata help_ref outside of the symbol table");
  f(Refs({1, 2}) + Field(5, "\x20\x09"), "metadata unit_ref outside of the symbol table");
}

TEST(RemoteWriteV2, ExemplarRefsAreChecked) {
  const std::string symbols = Field(4, "") + Field(4, "n") + Field(4, "v");
  EXPECT_EQ(Decode(symbols + Field(5, Refs({1, 2}) + Field(4, Refs({1, 7})))),
            "n=v, exemplar exemplar: label ref outside of the symbol table\n");
  EXPECT_EQ(Decode(symbols + Field(5, Refs({1, 2}) + Field(4, Refs({1})))),
            "n=v, exemplar exemplar: odd number of label refs\n");
}

TEST(RemoteWriteV2, BrokenMessagesAreErrors) {
  const auto f = [](std::string_view message, std::string_view want) {
    EXPECT_THAT(Decode(message), HasSubstr(want));
  };
  f("\x22\x05"
    "ab",
    "byte 1: expected a length within the message");
  f("\x20\x05", "another wire type");
  f("\x2a\x03\x12\x01\x09", "expected a sample");
  f("\x2a\x03\x0a\x01\x80", "expected packed label refs");
  f("\x2a\x03\x2a\x01\x08", "expected metadata");
}

TEST(RemoteWriteV2, AMessageOfVersionOneIsEmpty) {
  // 2.0 reserves the fields of 1.0, so that a mix-up is seen as an empty message.
  EXPECT_EQ(Decode(Field(1, Field(1, "x"))), "");
}

TEST(RemoteWriteV2, TooManySymbolsAreRefused) {
  std::string message;
  for (size_t i = 0; i <= kMaxSymbolsV2; ++i) message += "\x22\x00"[0] + std::string(1, '\0');
  EXPECT_THAT(Decode(message), HasSubstr("more than 1048576 symbols"));
}

TEST(SymbolTable, EachTextOnceEmptyFirst) {
  SymbolTable table;
  EXPECT_EQ(table.Add(""), 0u);
  std::vector<uint32_t> numbers;
  for (int i = 0; i < 5000; ++i) numbers.push_back(table.Add("symbol" + std::to_string(i)));
  EXPECT_EQ(table.size(), 5001u);
  for (int i = 0; i < 5000; ++i) EXPECT_EQ(table.Add("symbol" + std::to_string(i)), numbers[i]);
  EXPECT_EQ(table.size(), 5001u);
  table.Reset();
  EXPECT_EQ(table.Add("symbol7"), 1u);
}

}  // namespace
}  // namespace tributary::wire
