#include "wire/remote_read.h"

#include <gtest/gtest.h>

#include "wire/protobuf.h"

namespace tributary::wire {
namespace {

std::string EncodeMatcher(uint64_t type, std::string_view name, std::string_view value) {
  std::string matcher;
  if (type != 0) PutVarint(&matcher, 1, type);
  PutBytes(&matcher, 2, name);
  PutBytes(&matcher, 3, value);
  return matcher;
}

TEST(DecodeReadRequest, ReadsWhatPrometheusSends) {
  std::string hints;
  PutVarint(&hints, 1, 15'000);
  PutBytes(&hints, 2, "rate");
  PutVarint(&hints, 7, 300'000);
  std::string query;
  PutVarint(&query, 1, static_cast<uint64_t>(-5));
  PutVarint(&query, 2, 1'700'000'000'000);
  PutBytes(&query, 3, EncodeMatcher(0, "__name__", "up"));
  PutBytes(&query, 3, EncodeMatcher(3, "job", "a|b"));
  PutBytes(&query, 4, hints);
  for (const bool packed : {true, false}) {
    std::string message;
    PutBytes(&message, 1, query);
    if (packed) {
      PutBytes(&message, 2, std::string("\x01\x00\x07", 3));
    } else {
      for (const uint64_t type : {1, 0, 7}) PutVarint(&message, 2, type);
    }
    const auto request = DecodeReadRequest(message);
    ASSERT_TRUE(request) << request.error().message();
    ASSERT_EQ(request->queries.size(), 1u);
    const ReadQuery& read = request->queries[0];
    EXPECT_EQ(read.start, -5);
    EXPECT_EQ(read.end, 1'700'000'000'000);
    EXPECT_EQ(read.step_ms, 15'000);
    EXPECT_EQ(read.range_ms, 300'000);
    ASSERT_EQ(read.matchers.size(), 2u);
    EXPECT_EQ(read.matchers[0].ToString(), R"(__name__="up")");
    EXPECT_EQ(read.matchers[1].ToString(), R"(job!~"a|b")");
    EXPECT_EQ(request->accepted,
              (std::vector{ReadResponseType::kStreamedXorChunks, ReadResponseType::kSamples}));
    EXPECT_TRUE(request->names_types);
  }
}

TEST(DecodeReadRequest, RefusesWhatItCannotUnderstand) {
  const auto f = [](const std::string& matcher, std::string_view want) {
    std::string query;
    PutBytes(&query, 3, matcher);
    std::string message;
    PutBytes(&message, 1, query);
    const auto request = DecodeReadRequest(message);
    ASSERT_FALSE(request) << want;
    EXPECT_NE(request.error().message().find(want), std::string::npos) << request.error().message();
  };
  f(EncodeMatcher(2, "a", "("), "missing");
  f(EncodeMatcher(9, "a", "b"), "matcher of unknown type 9");
  f("\x12\x7f", "length within the message");
  EXPECT_FALSE(DecodeReadRequest("\x0a\xff"));
  EXPECT_FALSE(DecodeReadRequest(std::string_view("\x12\x01\x80", 3)));
  EXPECT_TRUE(DecodeReadRequest("").value().queries.empty());
}

TEST(EncodeRead, SeriesAndFrames) {
  const std::vector<model::Label> labels = {{"a", "b"}};
  std::string series;
  PutReadLabels(labels, &series);
  PutReadSample({.t = 300, .v = 1.5}, &series);
  PutReadHistogram("H", &series);
  const std::string_view want(
      "\x0a\x06\x0a\x01\x61\x12\x01\x62"                          // label
      "\x12\x0c\x09\x00\x00\x00\x00\x00\x00\xf8\x3f\x10\xac\x02"  // sample
      "\x22\x01H",
      25);
  EXPECT_EQ(series, want);
  std::string result;
  PutReadSeries(series, &result);
  std::string response;
  PutReadResult(result, &response);
  EXPECT_EQ(response.size(), series.size() + 4);

  std::string encoded_labels;
  PutReadLabels(labels, &encoded_labels);
  const uint8_t data[] = {7, 8};
  std::string chunks;
  PutReadChunk({1, 2, 1, data}, &chunks);
  EXPECT_EQ(chunks, std::string_view("\x12\x0a\x08\x01\x10\x02\x18\x01\x22\x02\x07\x08", 12));
  std::string frame;
  EncodeChunkedReadResponse(encoded_labels, chunks, 3, &frame);
  EXPECT_EQ(frame, "\x0a\x14" + encoded_labels + chunks + std::string("\x10\x03"));
}

}  // namespace
}  // namespace tributary::wire
