#include <gtest/gtest.h>

#include "chunk/xor2_chunk.h"
#include "chunk/xor_chunk.h"
#include "tsdb/wal/crc32c.h"
#include "web/web_test_support.h"
#include "wire/compression.h"
#include "wire/protobuf.h"

namespace tributary::web {
namespace {

using wire::PutBytes;
using wire::PutVarint;

// "name=value", or "name=~value".
std::string Matcher(std::string_view name, std::string_view value, uint64_t type = 0) {
  std::string matcher;
  PutVarint(&matcher, 1, type);
  PutBytes(&matcher, 2, name);
  PutBytes(&matcher, 3, value);
  return matcher;
}

std::string Query(std::vector<std::string> matchers, uint64_t start = 0, uint64_t end = 1'000'000) {
  std::string query;
  PutVarint(&query, 1, start);
  PutVarint(&query, 2, end);
  for (const std::string& matcher : matchers) PutBytes(&query, 3, matcher);
  return query;
}

class RemoteReadTest : public testing::Test {
 protected:
  RemoteReadTest() {
    auto config = std::make_shared<config::Config>(*f_.config);
    config->global.external_labels = model::Labels::Of({{"cluster", "north"}, {"job", "x"}});
    f_.config = config;
    const model::Sample first[] = {{1'000, 1}, {2'000, 2}, {3'000, 3}};
    const model::Sample second[] = {{1'000, 5}};
    EXPECT_TRUE(f_.store.Add(model::Labels::Of({{"__name__", "up"}, {"job", "b"}}), first));
    EXPECT_TRUE(f_.store.Add(model::Labels::Of({{"__name__", "up"}, {"job", "a"}}), second));
  }

  FakeResponse Read(std::vector<std::string> queries, std::string types = {}) {
    std::string message;
    for (const std::string& query : queries) PutBytes(&message, 1, query);
    if (!types.empty()) PutBytes(&message, 2, types);
    std::string packed;
    wire::SnappyEncode(base::AsBytes(message), &packed);
    return f_.Serve(
        FakeRequest("POST", "/api/v1/read", packed).With("Content-Type", "application/x-protobuf"));
  }

  WebFixture f_;
};

// The messages of a streamed answer; checks lengths and checksums.
std::vector<std::string> Frames(std::string_view body) {
  std::vector<std::string> frames;
  const char* p = body.data();
  const char* const end = p + body.size();
  while (p < end) {
    uint64_t size = 0;
    p = wire::ReadVarint(p, end, &size);
    if (p == nullptr || static_cast<uint64_t>(end - p) < size + 4) {
      ADD_FAILURE() << "a frame is cut short";
      break;
    }
    uint32_t crc = 0;
    for (int i = 0; i < 4; ++i) crc = crc << 8 | static_cast<unsigned char>(*p++);
    frames.emplace_back(p, size);
    EXPECT_EQ(tsdb::Crc32c(base::AsBytes(frames.back())), crc);
    p += size;
  }
  return frames;
}

TEST_F(RemoteReadTest, Samples) {
  const FakeResponse r =
      Read({Query({Matcher("__name__", "up"), Matcher("job", "b")}, 1'500, 3'000)});
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.headers.Get("Content-Type"), "application/x-protobuf");
  EXPECT_EQ(r.headers.Get("Content-Encoding"), "snappy");
  std::string message;
  ASSERT_TRUE(wire::SnappyDecode(base::AsBytes(r.body), 1 << 20, &message));
  std::string series;
  for (const auto& [name, value] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"__name__", "up"}, {"cluster", "north"}, {"job", "b"}}) {
    std::string label;
    PutBytes(&label, 1, name);
    PutBytes(&label, 2, value);
    PutBytes(&series, 1, label);
  }
  for (const model::Sample s : {model::Sample{2'000, 2}, model::Sample{3'000, 3}}) {
    std::string sample;
    wire::PutDouble(&sample, 1, s.v);
    PutVarint(&sample, 2, static_cast<uint64_t>(s.t));
    PutBytes(&series, 2, sample);
  }
  std::string result;
  PutBytes(&result, 1, series);
  std::string want;
  PutBytes(&want, 1, result);
  EXPECT_EQ(message, want);
}

TEST_F(RemoteReadTest, StreamedChunks) {
  const FakeResponse r =
      Read({Query({Matcher("__name__", "none")}), Query({Matcher("__name__", "up")}, 0, 2'000)},
           std::string("\x01\x00", 2));
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.headers.Get("Content-Type"),
            "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse");
  const std::vector<std::string> frames = Frames(r.body);
  ASSERT_EQ(frames.size(), 2u);  // sorted: job a, then b
  EXPECT_LT(frames[0].find("\x12\x01"
                           "a"),
            frames[0].size());
  EXPECT_LT(frames[1].find("\x12\x01"
                           "b"),
            frames[1].size());
  for (const std::string& frame : frames) {
    EXPECT_TRUE(frame.ends_with(std::string("\x10\x01")));  // of the second query
    EXPECT_NE(frame.find("north"), std::string::npos);
  }
  // The sample at 3 s is outside of the range and not sent.
  wire::ProtoReader reader(frames[1]);
  ASSERT_TRUE(reader.Next());
  wire::ProtoReader series(reader.Bytes());
  std::string_view chunk;
  while (series.Next()) {
    const std::string_view field = series.Bytes();
    if (series.field() == 2) chunk = field;
  }
  wire::ProtoReader fields(chunk);
  std::string_view data;
  uint64_t max_time = 0;
  while (fields.Next()) {
    if (fields.field() == 4) {
      data = fields.Bytes();
    } else if (const uint64_t value = fields.Varint(); fields.field() == 2) {
      max_time = value;
    } else if (fields.field() == 3) {
      EXPECT_EQ(value, 1u);
    }
  }
  EXPECT_EQ(max_time, 2'000u);
  int64_t t[3];
  double v[3];
  ASSERT_EQ(chunk::XorDecode(base::AsBytes(data), t, v).value(), 2u);
  EXPECT_EQ(v[1], 2);
}

TEST_F(RemoteReadTest, ExternalLabelsAreNotStored) {
  const auto series = [&](std::vector<std::string> matchers) {
    return Frames(Read({Query(std::move(matchers))}, std::string("\x01")).body).size();
  };
  EXPECT_EQ(series({Matcher("__name__", "up"), Matcher("cluster", "north")}), 2u);
  EXPECT_EQ(series({Matcher("__name__", "up"), Matcher("cluster", "south")}), 0u);
  // job="x" asks for what has no job of its own.
  EXPECT_EQ(series({Matcher("__name__", "up"), Matcher("job", "x")}), 0u);
}

TEST_F(RemoteReadTest, FramesAreBounded) {
  f_.options.remote_read.bytes_in_frame = 1;
  std::vector<model::Sample> samples;
  for (int i = 0; i < 600; ++i) samples.push_back({10'000 + i * 10, static_cast<double>(i)});
  ASSERT_TRUE(f_.store.Add(model::Labels::Of({{"__name__", "long"}}), samples));
  EXPECT_EQ(Frames(Read({Query({Matcher("__name__", "long")})}, std::string("\x01")).body).size(),
            5u);
}

TEST_F(RemoteReadTest, LimitsAndErrors) {
  f_.options.remote_read.samples = 3;
  const auto check = [&](const FakeResponse& r, int status, std::string_view want) {
    EXPECT_EQ(r.status, status);
    EXPECT_EQ(r.body, want);
  };
  check(Read({Query({Matcher("__name__", "up")})}), 400, "exceeded sample limit (3)\n");
  EXPECT_EQ(Read({Query({Matcher("job", "b")})}).status, 200);
  EXPECT_EQ(Read({Query({Matcher("__name__", "up")})}, std::string("\x01")).status, 200);
  check(Read({Query({})}, std::string("\x07")), 400,
        "server does not support any of the requested response types\n");
  EXPECT_EQ(Read({Query({Matcher("a", "(", 2)})}).status, 500);
  EXPECT_EQ(f_.Serve(FakeRequest("POST", "/api/v1/read", "junk")).status, 400);
  EXPECT_EQ(f_.Get("/api/v1/read").status, 405);
}

}  // namespace
}  // namespace tributary::web
