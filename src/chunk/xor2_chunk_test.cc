#include "chunk/xor2_chunk.h"

#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace tributary::chunk {
namespace {

struct Point {
  int64_t start;
  int64_t t;
  double v;
};

std::vector<uint8_t> Encode(const std::vector<Point>& points) {
  std::vector<uint8_t> buffer(kXor2HeaderBytes + (points.size() + 1) * kMaxXor2SampleBytes, 0xee);
  Xor2State state;
  Xor2Begin(&state, buffer);
  for (size_t i = 0; i < points.size(); ++i) {
    // Every now and then the chunk is read back and gone on with.
    if (i % 5 == 4) state = *Xor2Resume(std::span<const uint8_t>(buffer).first(Xor2Bytes(state)));
    EXPECT_TRUE(Xor2Append(&state, buffer, points[i].start, points[i].t, points[i].v));
  }
  buffer.resize(Xor2Bytes(state));
  return buffer;
}

void ExpectRoundTrip(const std::vector<Point>& points) {
  const std::vector<uint8_t> bytes = Encode(points);
  Xor2Reader reader(bytes);
  ASSERT_EQ(reader.num_samples(), points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    ASSERT_TRUE(reader.Next()) << i;
    ASSERT_EQ(reader.t(), points[i].t) << i;
    ASSERT_EQ(std::bit_cast<uint64_t>(reader.v()), std::bit_cast<uint64_t>(points[i].v)) << i;
    ASSERT_EQ(reader.start_time(), points[i].start) << i;
  }
  EXPECT_FALSE(reader.Next());
  EXPECT_TRUE(reader.status());
}

TEST(Xor2ChunkTest, FirstSampleAsInTheFormat) {
  // count 1, no start, zigzag(1000) = 2000 = d0 0f, 1.0.
  EXPECT_EQ(Encode({{0, 1000, 1.0}}),
            (std::vector<uint8_t>{0, 1, 0, 0xd0, 0x0f, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0}));
  // With a start 5 ms before: header bit 7, zigzag(5) = 10.
  EXPECT_EQ(Encode({{995, 1000, 1.0}}),
            (std::vector<uint8_t>{0, 1, 0x80, 0xd0, 0x0f, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 10}));
  // A second with the same value 16 ms on (uvarint 16, bit 0), a third likewise (bit 0).
  EXPECT_EQ(Encode({{0, 1000, 1.0}, {0, 1016, 1.0}, {0, 1032, 1.0}}),
            (std::vector<uint8_t>{0, 3, 0, 0xd0, 0x0f, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 16, 0}));
}

TEST(Xor2ChunkTest, RoundTrips) {
  ExpectRoundTrip({{0, -5, 1.5}});
  ExpectRoundTrip({{0, 0, model::StaleNaN()}, {0, 10, 2}, {0, 20, model::StaleNaN()}, {0, 30, 2}});
  ExpectRoundTrip({{0, 0, NAN},
                   {0, 1, NAN},
                   {0, 5000, 1},
                   {0, 1'000'000'000'000, 2},
                   {0, 1'000'000'600'000, 3},
                   {0, 1'000'000'600'001, model::StaleNaN()}});
  ExpectRoundTrip({{-1, 0, 1}, {-1, 10, 2}, {15, 20, 3}, {0, 30, 4}});
  ExpectRoundTrip({{INT64_MIN, INT64_MIN, -0.0}, {0, INT64_MAX, 0.0}});
  std::vector<Point> late_start;
  for (int i = 0; i < 300; ++i) late_start.push_back({i < 200 ? 0 : 5, i * 15'000, i * 1.0});
  ExpectRoundTrip(late_start);
}

TEST(Xor2ChunkTest, RoundTripsRandomSeries) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 300; ++round) {
    std::vector<Point> points;
    int64_t t = static_cast<int64_t>(random() % 1'000'000);
    int64_t start = 0;
    double v = 0;
    for (size_t i = 0; i < 1 + random() % 300; ++i) {
      t += random() % 8 == 0 ? static_cast<int64_t>(random() % 5'000'000) : 15'000;
      if (random() % 4 == 0) v += static_cast<double>(random() % 1000) / 8;
      if (random() % 50 == 0) v = std::bit_cast<double>(random());
      if (round % 3 == 1) start = static_cast<int64_t>(random() % 1'000'000);
      if (round % 3 == 2 && random() % 100 == 0) start = t - 3;
      points.push_back({start, t, random() % 20 == 0 ? model::StaleNaN() : v});
    }
    ExpectRoundTrip(points);
  }
}

TEST(Xor2ChunkTest, CutAndHostileBytesAreErrors) {
  std::vector<uint8_t> bytes = Encode({{1, 10, 1}, {1, 20, 2}, {2, 31, 3}, {3, 43, 4}});
  for (size_t size = 0; size + 1 < bytes.size(); ++size) {
    Xor2Reader reader(std::span<const uint8_t>(bytes).first(size));
    while (reader.Next()) {
    }
    EXPECT_FALSE(reader.status()) << size;
  }
  std::mt19937_64 random(8);
  for (int round = 0; round < 2000; ++round) {
    std::vector<uint8_t> noise(random() % 64);
    for (uint8_t& byte : noise) byte = static_cast<uint8_t>(random());
    Xor2Reader reader(noise);
    while (reader.Next()) {
    }
  }
}

}  // namespace
}  // namespace tributary::chunk
