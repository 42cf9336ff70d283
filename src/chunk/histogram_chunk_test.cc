#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "chunk/histogram_appender.h"
#include "chunk/histogram_reader.h"
#include "chunk/varbit.h"
#include "model/float_histogram.h"

namespace tributary::chunk {
namespace {

using model::BucketSpan;
using model::CounterResetHint;
using model::FloatHistogram;
using model::Histogram;

TEST(VarbitTest, RoundTripsAtEveryBorder) {
  std::vector<int64_t> values = {0, 1, -1};
  for (int bit = 1; bit < 64; ++bit) {
    const auto border = static_cast<int64_t>(uint64_t{1} << bit);
    for (const int64_t d : {-2, -1, 0, 1, 2}) {
      values.push_back(
          static_cast<int64_t>(static_cast<uint64_t>(border) + static_cast<uint64_t>(d)));
      values.push_back(
          static_cast<int64_t>(-static_cast<uint64_t>(border) + static_cast<uint64_t>(d)));
    }
  }
  BitWriter out;
  for (const int64_t v : values) {
    PutVarbitInt(&out, v);
    PutVarbitUint(&out, static_cast<uint64_t>(v));
  }
  BitReader in(out.bytes(), 0);
  for (const int64_t v : values) {
    ASSERT_EQ(ReadVarbitInt(&in), v);
    ASSERT_EQ(ReadVarbitUint(&in), static_cast<uint64_t>(v));
  }
  EXPECT_FALSE(in.Overrun());
}

TEST(VarbitTest, WidthsAreThoseOfTheFormat) {
  const auto bits = [](auto put, auto value) {
    BitWriter out;
    put(&out, value);
    out.Put(1, 1);  // marks the end
    const auto bytes = out.bytes();
    size_t last = 0;
    for (size_t i = 0; i < bytes.size() * 8; ++i) {
      if ((bytes[i / 8] & 0x80 >> i % 8) != 0) last = i;
    }
    return last;
  };
  const std::vector<std::pair<int64_t, size_t>> signed_cases = {
      {0, 1},         {1, 5},          {4, 5},          {5, 9},         {-3, 5},
      {-4, 9},        {32, 9},         {33, 13},        {256, 13},      {257, 17},
      {2048, 17},     {2049, 24},      {131072, 24},    {131073, 32},   {16777216, 32},
      {16777217, 64}, {-16777215, 32}, {-16777216, 64}, {INT64_MAX, 72}};
  for (const auto& [value, want] : signed_cases)
    EXPECT_EQ(bits(PutVarbitInt, value), want) << value;
  const std::vector<std::pair<uint64_t, size_t>> unsigned_cases = {
      {0, 1},    {7, 5},    {8, 9},         {63, 9},       {64, 13},
      {511, 13}, {512, 17}, {33554431, 32}, {33554432, 64}};
  for (const auto& [value, want] : unsigned_cases) {
    EXPECT_EQ(bits(PutVarbitUint, value), want) << value;
  }
}

// A counter histogram that grows at random.
Histogram RandomHistogram(std::mt19937* random, const Histogram* before) {
  Histogram h;
  if (before == nullptr) {
    h.schema = 3;
    h.zero_threshold = 0.001;
    h.positive_spans = {{-2, 3}, {2, 2}};
    h.negative_spans = {{1, 2}};
    h.positive_buckets.assign(5, 0);
    h.negative_buckets.assign(2, 0);
  } else {
    h = *before;
  }
  h.reset_hint = CounterResetHint::kUnknown;
  const auto grow = [&](std::vector<int64_t>* deltas) {
    int64_t shift = 0;  // what was added to the bucket before
    for (int64_t& delta : *deltas) {
      const auto inc = static_cast<int64_t>((*random)() % 50);
      delta += inc - shift;
      shift = inc;
      h.count += static_cast<uint64_t>(inc);
    }
  };
  grow(&h.positive_buckets);
  grow(&h.negative_buckets);
  const uint64_t zeros = (*random)() % 5;
  h.zero_count += zeros;
  h.count += zeros;
  h.sum += static_cast<double>((*random)() % 1000) / 8;
  return h;
}

template <class AnyHistogram>
void ExpectReads(Encoding encoding, std::span<const uint8_t> chunk,
                 const std::vector<std::pair<int64_t, AnyHistogram>>& want) {
  HistogramReader in(encoding, chunk);
  ASSERT_EQ(in.num_samples(), want.size());
  AnyHistogram got;
  for (size_t i = 0; i < want.size(); ++i) {
    ASSERT_TRUE(in.Next()) << i;
    in.Get(&got);
    ASSERT_EQ(in.t(), want[i].first);
    ASSERT_TRUE(model::Equals(got, want[i].second)) << i;
    if (!in.is_stale() && in.header() != CounterResetHeader::kGauge) {
      ASSERT_EQ(got.reset_hint, i == 0 ? CounterResetHint::kUnknown : CounterResetHint::kNotReset);
    }
  }
  EXPECT_FALSE(in.Next());
  EXPECT_TRUE(in.status());
}

TEST(HistogramChunkTest, RoundTripsCounters) {
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::pair<int64_t, Histogram>> ints;
    std::vector<std::pair<int64_t, FloatHistogram>> floats;
    IntHistogramAppender int_out;
    FloatHistogramAppender float_out;
    int64_t t = 1'700'000'000'000;
    Histogram h = RandomHistogram(&random, nullptr);
    for (int i = 0; i < 60; ++i) {
      if (i > 0) h = RandomHistogram(&random, &h);
      const FloatHistogram f = model::ToFloat(h);
      if (i == 0) {
        int_out.Start(t, h, IntHistogramAppender::HeaderFor(h));
        float_out.Start(t, f, FloatHistogramAppender::HeaderFor(f));
      } else {
        ASSERT_TRUE(int_out.Append(t, h));
        ASSERT_TRUE(float_out.Append(t, f));
      }
      ints.emplace_back(t, h);
      floats.emplace_back(t, f);
      t += 15000 + static_cast<int64_t>(random() % 3);
    }
    ExpectReads(Encoding::kHistogram, int_out.bytes(), ints);
    ExpectReads(Encoding::kFloatHistogram, float_out.bytes(), floats);
    // An integer chunk read as floats.
    ExpectReads(Encoding::kHistogram, int_out.bytes(), floats);

    IntHistogramAppender resumed;
    ASSERT_TRUE(resumed.Resume(int_out.bytes()));
    ASSERT_TRUE(std::ranges::equal(resumed.bytes(), int_out.bytes()));
    const Histogram next = RandomHistogram(&random, &h);
    ASSERT_TRUE(resumed.Append(t, next));
    ASSERT_TRUE(int_out.Append(t, next));
    EXPECT_TRUE(std::ranges::equal(resumed.bytes(), int_out.bytes()));
  }
}

Histogram Simple(std::vector<BucketSpan> spans, std::vector<int64_t> absolute) {
  Histogram h;
  h.positive_spans = std::move(spans);
  int64_t before = 0;
  for (const int64_t count : absolute) {
    h.positive_buckets.push_back(count - before);
    before = count;
    h.count += static_cast<uint64_t>(count);
  }
  h.sum = 1;
  return h;
}

TEST(HistogramChunkTest, GoldenBytes) {
  Histogram h = Simple({{0, 1}}, {1});
  h.zero_threshold = std::ldexp(1.0, -128);
  IntHistogramAppender out;
  out.Start(0, h, CounterResetHeader::kUnknown);
  // Zero threshold 116, schema 0 -> `0`, one span of length 1 at 0 -> `10 001`, `10 001`, `0`,
  // no negative spans -> `0`, t 0 -> `0`, count 1 -> `10 001`, zero count 0 -> `0`,
  // sum 1.0 in 64 bits, bucket 1 -> `10 001`.
  const std::vector<uint8_t> want = {0x00, 0x01, 0x00, 0x74, 0x46, 0x22, 0x23, 0xff,
                                     0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x08, 0x80};
  const auto bytes = out.bytes();
  EXPECT_EQ(std::vector<uint8_t>(bytes.begin(), bytes.end()), want);
}

TEST(HistogramChunkTest, WritesAnewWhenBucketsComeAndToleratesEmptyOnesThatGo) {
  const std::vector<Histogram> samples = {
      Simple({{2, 2}}, {1, 0}),
      Simple({{1, 1}, {0, 1}}, {5, 1}),         // a new bucket; an empty one vanished
      Simple({{-3, 1}, {3, 3}}, {7, 5, 2, 4}),  // more of them
      Simple({{-3, 1}, {3, 2}, {0, 1}}, {7, 5, 2, 4}),
      Simple({{-3, 7}, {1, 1}}, {7, 0, 0, 0, 5, 2, 4, 9}),
  };
  IntHistogramAppender ints;
  FloatHistogramAppender floats;
  for (size_t i = 0; i < samples.size(); ++i) {
    const auto t = static_cast<int64_t>(i);
    const FloatHistogram f = model::ToFloat(samples[i]);
    if (i == 0) {
      ints.Start(t, samples[i], CounterResetHeader::kReset);
      floats.Start(t, f, CounterResetHeader::kReset);
    } else {
      ASSERT_TRUE(ints.Append(t, samples[i])) << i;
      ASSERT_TRUE(floats.Append(t, f)) << i;
    }
  }
  const auto check = [&](Encoding encoding, std::span<const uint8_t> bytes) {
    HistogramReader in(encoding, bytes);
    EXPECT_EQ(in.header(), CounterResetHeader::kReset);
    FloatHistogram got;
    for (const Histogram& h : samples) {
      ASSERT_TRUE(in.Next());
      in.Get(&got);
      FloatHistogram want = model::ToFloat(h);
      model::Compact(&got);
      model::Compact(&want);
      EXPECT_TRUE(model::Equals(got, want)) << model::ToString(got);
    }
  };
  check(Encoding::kHistogram, ints.bytes());
  check(Encoding::kFloatHistogram, floats.bytes());
}

TEST(HistogramChunkTest, AsksForANewChunkWhenOneIsNeeded) {
  const Histogram base = Simple({{0, 2}}, {3, 4});
  const auto f = [&](const Histogram& next, bool want, CounterResetHeader header) {
    for (const bool as_float : {false, true}) {
      IntHistogramAppender ints;
      FloatHistogramAppender floats;
      ints.Start(1, base, IntHistogramAppender::HeaderFor(base));
      floats.Start(1, model::ToFloat(base), CounterResetHeader::kUnknown);
      if (as_float) {
        EXPECT_EQ(floats.HeaderAfter(model::ToFloat(next)), header);
        EXPECT_EQ(floats.Append(2, model::ToFloat(next)), want);
        EXPECT_EQ(floats.num_samples(), want ? 2U : 1U);
      } else {
        EXPECT_EQ(ints.HeaderAfter(next), header);
        EXPECT_EQ(ints.Append(2, next), want);
        EXPECT_EQ(ints.num_samples(), want ? 2U : 1U);
      }
    }
  };
  using enum CounterResetHeader;
  f(Simple({{0, 2}}, {3, 5}), true, kNotReset);
  f(Simple({{0, 2}}, {3, 3}), false, kReset);  // count fell
  f(Simple({{0, 2}}, {2, 9}), false, kReset);  // a bucket fell
  f(Simple({{1, 1}}, {9}), false, kReset);     // a bucket vanished
  Histogram h = Simple({{0, 2}}, {3, 5});
  h.reset_hint = CounterResetHint::kReset;
  f(h, false, kReset);
  h.reset_hint = CounterResetHint::kGauge;
  f(h, false, kGauge);
  h = Simple({{0, 2}}, {3, 5});
  h.schema = 1;
  f(h, false, kUnknown);
  h = Simple({{0, 2}}, {3, 5});
  h.zero_threshold = 0.5;
  f(h, false, kUnknown);
  h = Histogram{};
  h.sum = model::StaleNaN();
  f(h, true, kNotReset);
}

TEST(HistogramChunkTest, GaugesMayFallAndStaleEndsAChunk) {
  Histogram first = Simple({{0, 2}}, {3, 4});
  first.reset_hint = CounterResetHint::kGauge;
  Histogram second = Simple({{3, 1}}, {1});
  second.reset_hint = CounterResetHint::kGauge;
  Histogram stale;
  stale.sum = model::StaleNaN();
  stale.reset_hint = CounterResetHint::kGauge;
  IntHistogramAppender out;
  out.Start(1, first, IntHistogramAppender::HeaderFor(first));
  ASSERT_TRUE(out.Append(2, second));
  ASSERT_TRUE(out.Append(3, stale));
  EXPECT_FALSE(out.Append(4, second));
  HistogramReader in(Encoding::kHistogram, out.bytes());
  EXPECT_EQ(in.header(), CounterResetHeader::kGauge);
  Histogram got;
  ASSERT_TRUE(in.Next());
  in.Get(&got);
  EXPECT_EQ(got.reset_hint, CounterResetHint::kGauge);
  EXPECT_EQ(got.count, 7U);
  ASSERT_TRUE(in.Next());
  in.Get(&got);
  EXPECT_EQ(got.count, 1U);
  ASSERT_TRUE(in.Next());
  EXPECT_TRUE(in.is_stale());
  in.Get(&got);
  EXPECT_TRUE(got.positive_buckets.empty());
  EXPECT_TRUE(model::IsStaleNaN(got.sum));
}

TEST(HistogramChunkTest, CustomBoundsOfEveryForm) {
  FloatHistogram h;
  h.schema = model::kCustomBucketsSchema;
  h.custom_values = {-5, 0, 0.005, 0.1, 1.0 / 3, 33554.43, 33554.431, 1e9};
  h.positive_spans = {{0, 9}};
  h.positive_buckets = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  h.count = 45;
  h.sum = 2;
  FloatHistogramAppender out;
  out.Start(5, h, CounterResetHeader::kUnknown);
  ExpectReads<FloatHistogram>(Encoding::kFloatHistogram, out.bytes(), {{5, h}});
  FloatHistogram other = h;
  other.custom_values.back() = 2e9;
  EXPECT_FALSE(out.Append(6, other));
}

TEST(HistogramChunkTest, ZeroThresholdsOfEveryForm) {
  for (const double threshold : {0.0, std::ldexp(1.0, -128), std::ldexp(1.0, -243),
                                 std::ldexp(1.0, -244), 1024.0, 2048.0, 0.001, 0.5, 1.0}) {
    Histogram h = Simple({{5, 1}}, {2});
    h.zero_threshold = threshold;
    IntHistogramAppender out;
    out.Start(5, h, CounterResetHeader::kUnknown);
    ExpectReads<Histogram>(Encoding::kHistogram, out.bytes(), {{5, h}});
  }
}

// A chunk with start times, written by hand: the samples of a plain chunk with start times behind
// each, as tsdb/chunkenc/st.go has them.
TEST(HistogramChunkTest, ReadsStartTimes) {
  BitWriter out(kHistogramHeaderBytes);
  PutHistogramLayout(&out, {.schema = 0, .positive_spans = {{0, 1}}});
  const auto put_varint_byte = [&](int64_t x) {  // zigzag, fits one byte
    out.Put(static_cast<uint64_t>(x << 1), 8);
  };
  PutVarbitInt(&out, 1000);  // t
  PutVarbitUint(&out, 3);    // count
  PutVarbitUint(&out, 0);
  out.Put(std::bit_cast<uint64_t>(1.5), 64);
  PutVarbitInt(&out, 3);
  put_varint_byte(40);  // start = 960
  for (int i = 1; i < 4; ++i) {
    PutVarbitInt(&out, i == 1 ? 100 : 0);  // t: 1100, 1200, 1300
    PutVarbitInt(&out, 0);
    PutVarbitInt(&out, 0);
    out.Put(0, 1);
    PutVarbitInt(&out, 0);
    if (i == 2) PutVarbitInt(&out, 10);   // start = 1100 - 10
    if (i == 3) PutVarbitInt(&out, 100);  // start = 1200 - 110
  }
  out.data()[0] = static_cast<uint8_t>(CounterResetHeader::kReset);
  out.data()[1] = 4;
  out.data()[2] = 0x80 | 2;
  HistogramReader in(Encoding::kHistogramSt, out.bytes());
  EXPECT_EQ(in.num_samples(), 4U);
  EXPECT_EQ(in.header(), CounterResetHeader::kReset);
  const std::pair<int64_t, int64_t> want[] = {{1000, 960}, {1100, 960}, {1200, 1090}, {1300, 1090}};
  for (const auto& [t, start] : want) {
    ASSERT_TRUE(in.Next());
    EXPECT_EQ(in.t(), t);
    EXPECT_EQ(in.start_time(), start);
  }
  EXPECT_FALSE(in.Next());
  EXPECT_TRUE(in.status());
}

TEST(HistogramChunkTest, DamageIsAnErrorNotACrash) {
  std::mt19937 random(9);
  IntHistogramAppender ints;
  FloatHistogramAppender floats;
  Histogram h = RandomHistogram(&random, nullptr);
  ints.Start(0, h, CounterResetHeader::kUnknown);
  floats.Start(0, model::ToFloat(h), CounterResetHeader::kUnknown);
  for (int i = 1; i < 20; ++i) {
    h = RandomHistogram(&random, &h);
    ASSERT_TRUE(ints.Append(i, h));
    ASSERT_TRUE(floats.Append(i, model::ToFloat(h)));
  }
  FloatHistogram got;
  const auto read_all = [&](Encoding encoding, std::span<const uint8_t> bytes) {
    HistogramReader in(encoding, bytes);
    while (in.Next()) in.Get(&got);
    return in.status().has_value();
  };
  for (const bool is_float : {false, true}) {
    const std::span<const uint8_t> bytes = is_float ? floats.bytes() : ints.bytes();
    const std::vector<uint8_t> good(bytes.begin(), bytes.end());
    const Encoding plain = is_float ? Encoding::kFloatHistogram : Encoding::kHistogram;
    const Encoding with_start = is_float ? Encoding::kFloatHistogramSt : Encoding::kHistogramSt;
    for (size_t size = 0; size < good.size(); ++size) {
      EXPECT_FALSE(read_all(plain, std::span(good).first(size))) << size;
    }
    for (int i = 0; i < 5000; ++i) {
      std::vector<uint8_t> bad = good;
      for (int j = 0; j < 3; ++j) bad[random() % bad.size()] = static_cast<uint8_t>(random());
      read_all(plain, bad);
      read_all(with_start, bad);
    }
  }
}

}  // namespace
}  // namespace tributary::chunk
