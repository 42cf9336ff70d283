#include "chunk/xor_chunk.h"

#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "chunk/sample_shapes_test.h"

namespace tributary::chunk {
namespace {

using model::Sample;

// The format bit by bit, as slowly and plainly as possible.
class NaiveEncoder {
 public:
  std::vector<uint8_t> Encode(const std::vector<Sample>& samples) {
    bits_.clear();
    Put(samples.size(), 16);
    for (size_t i = 0; i < samples.size(); ++i) {
      const auto t = static_cast<uint64_t>(samples[i].t);
      if (i == 0) {
        PutUvarint(samples[i].t < 0 ? ~(t << 1) : t << 1);
        Put(std::bit_cast<uint64_t>(samples[i].v), 64);
        continue;
      }
      const uint64_t delta = t - static_cast<uint64_t>(samples[i - 1].t);
      if (i == 1) {
        PutUvarint(delta);
      } else {
        const auto before =
            static_cast<uint64_t>(samples[i - 1].t) - static_cast<uint64_t>(samples[i - 2].t);
        PutDod(static_cast<int64_t>(delta - before));
      }
      PutXor(std::bit_cast<uint64_t>(samples[i].v) ^ std::bit_cast<uint64_t>(samples[i - 1].v));
    }
    std::vector<uint8_t> bytes((bits_.size() + 7) / 8);
    for (size_t i = 0; i < bits_.size(); ++i) {
      if (bits_[i]) bytes[i / 8] |= static_cast<uint8_t>(0x80 >> (i % 8));
    }
    return bytes;
  }

 private:
  void Put(uint64_t value, int count) {
    for (int i = count - 1; i >= 0; --i) bits_.push_back((value >> i & 1) != 0);
  }
  void PutUvarint(uint64_t x) {
    for (; x >= 0x80; x >>= 7) Put((x & 0x7f) | 0x80, 8);
    Put(x, 8);
  }
  void PutDod(int64_t dod) {
    const auto in = [dod](int n) {
      return dod >= -((int64_t{1} << (n - 1)) - 1) && dod <= int64_t{1} << (n - 1);
    };
    const auto raw = static_cast<uint64_t>(dod);
    if (dod == 0) {
      Put(0, 1);
    } else if (in(14)) {
      Put(0b10, 2);
      Put(raw, 14);
    } else if (in(17)) {
      Put(0b110, 3);
      Put(raw, 17);
    } else if (in(20)) {
      Put(0b1110, 4);
      Put(raw, 20);
    } else {
      Put(0b1111, 4);
      Put(raw, 64);
    }
  }
  void PutXor(uint64_t delta) {
    if (delta == 0) {
      Put(0, 1);
      return;
    }
    int leading = std::min(std::countl_zero(delta), 31);
    int trailing = std::countr_zero(delta);
    Put(1, 1);
    if (leading_ >= 0 && leading >= leading_ && trailing >= trailing_) {
      Put(0, 1);
    } else {
      leading_ = leading;
      trailing_ = trailing;
      Put(1, 1);
      Put(static_cast<uint64_t>(leading), 5);
      Put(static_cast<uint64_t>(64 - leading - trailing), 6);
    }
    Put(delta >> trailing_, 64 - leading_ - trailing_);
  }

  std::vector<bool> bits_;
  int leading_ = -1;
  int trailing_ = 0;
};

std::vector<uint8_t> Encode(const std::vector<Sample>& samples) {
  // What is behind the end must not matter.
  std::vector<uint8_t> bytes(kXorHeaderBytes + samples.size() * kMaxXorSampleBytes, 0xa5);
  XorState state;
  XorBegin(&state, bytes);
  for (const Sample& sample : samples) {
    EXPECT_TRUE(XorAppend(&state, bytes, sample.t, sample.v));
  }
  bytes.resize(XorBytes(state));
  return bytes;
}

void ExpectDecodesTo(const std::vector<uint8_t>& bytes, const std::vector<Sample>& want) {
  ASSERT_EQ(ChunkNumSamples(bytes), want.size());
  std::vector<int64_t> t(want.size());
  std::vector<double> v(want.size());
  const auto n = XorDecode(bytes, t.data(), v.data());
  ASSERT_TRUE(n) << n.error().message();
  ASSERT_EQ(*n, want.size());
  for (size_t i = 0; i < want.size(); ++i) {
    ASSERT_EQ(t[i], want[i].t) << i;
    ASSERT_EQ(std::bit_cast<uint64_t>(v[i]), std::bit_cast<uint64_t>(want[i].v)) << i;
  }
}

TEST(XorChunkTest, BytesAreThoseOfThePlainReading) {
  for (const auto& [name, samples] : SampleShapes()) {
    SCOPED_TRACE(name);
    const std::vector<uint8_t> bytes = Encode(samples);
    ASSERT_EQ(bytes, NaiveEncoder().Encode(samples));
    ExpectDecodesTo(bytes, samples);
  }
}

TEST(XorChunkTest, GoldenBytes) {
  // 1000 -> varint 0xd0 0x0f; 15000 -> uvarint 0x98 0x75. Values 1, 1, 2: the third differs from
  // the second in the eleven bits below the sign, leading 1, significant 11.
  const std::vector<uint8_t> want = {0x00, 0x03, 0xd0, 0x0f, 0x3f, 0xf0, 0x00, 0x00, 0x00,
                                     0x00, 0x00, 0x00, 0x98, 0x75, 0x30, 0x97, 0xff, 0xc0};
  EXPECT_EQ(Encode({{1000, 1}, {16000, 1}, {31000, 2}}), want);
  EXPECT_EQ(Encode({}), (std::vector<uint8_t>{0, 0}));
}

TEST(XorChunkTest, ResumesAnywhere) {
  for (const auto& [name, samples] : SampleShapes()) {
    SCOPED_TRACE(name);
    for (const size_t cut : {size_t{0}, size_t{1}, size_t{2}, size_t{3}, samples.size() / 2}) {
      if (cut > samples.size()) continue;
      std::vector<uint8_t> bytes = Encode({samples.begin(), samples.begin() + cut});
      auto state = XorResume(bytes);
      ASSERT_TRUE(state);
      ASSERT_EQ(XorBytes(*state), bytes.size());
      bytes.resize(bytes.size() + samples.size() * kMaxXorSampleBytes, 0xff);
      for (size_t i = cut; i < samples.size(); ++i) {
        ASSERT_TRUE(XorAppend(&*state, bytes, samples[i].t, samples[i].v));
      }
      bytes.resize(XorBytes(*state));
      ASSERT_EQ(bytes, Encode(samples));
    }
  }
}

TEST(XorChunkTest, RefusesWhatDoesNotFit) {
  std::vector<uint8_t> bytes(kXorHeaderBytes + kMaxXorSampleBytes);
  XorState state;
  XorBegin(&state, bytes);
  ASSERT_TRUE(XorAppend(&state, bytes, 1, 1));
  const XorState before = state;
  EXPECT_FALSE(XorAppend(&state, bytes, 2, 2));
  EXPECT_EQ(state.num_samples, before.num_samples);
  EXPECT_EQ(ChunkNumSamples(bytes), 1U);

  bytes.assign(300'000, 0);
  XorBegin(&state, bytes);
  for (int i = 0; i < 65535; ++i) ASSERT_TRUE(XorAppend(&state, bytes, i, 1));
  EXPECT_FALSE(XorAppend(&state, bytes, 65535, 1));
  EXPECT_EQ(ChunkNumSamples(bytes), 65535U);
}

TEST(XorChunkTest, WorstCaseSamplesStayWithinTheirAllowance) {
  // Every step needs the 64 bit escape and a new full window.
  std::vector<Sample> samples;
  for (int i = 0; i < 100; ++i) {
    samples.push_back({i % 2 == 0 ? std::numeric_limits<int64_t>::min() + i
                                  : std::numeric_limits<int64_t>::max() - i,
                       i % 2 == 0 ? std::bit_cast<double>(uint64_t{0x8000000000000001} + i)
                                  : std::bit_cast<double>(uint64_t{0x7ffffffffffffffe} - i)});
  }
  std::vector<uint8_t> bytes(kXorHeaderBytes);
  XorState state;
  XorBegin(&state, bytes);
  for (const Sample& sample : samples) {
    bytes.resize(XorBytes(state) + kMaxXorSampleBytes);
    ASSERT_TRUE(XorAppend(&state, bytes, sample.t, sample.v));
  }
  bytes.resize(XorBytes(state));
  ExpectDecodesTo(bytes, samples);
}

TEST(XorChunkTest, DecodesARange) {
  std::vector<Sample> samples;
  for (int i = 0; i < 50; ++i) samples.push_back({i * 10, static_cast<double>(i)});
  const std::vector<uint8_t> bytes = Encode(samples);
  const auto f = [&](int64_t min, int64_t max, size_t want, int64_t first) {
    std::vector<int64_t> t(50, -1);
    std::vector<double> v(50);
    const auto n = XorDecodeRange(bytes, min, max, t.data(), v.data());
    ASSERT_TRUE(n);
    EXPECT_EQ(*n, want) << min << " " << max;
    if (want > 0) {
      EXPECT_EQ(t[0], first);
    }
  };
  f(0, 490, 50, 0);
  f(model::kMinTime, model::kMaxTime, 50, 0);
  f(10, 20, 2, 10);
  f(11, 19, 0, 0);
  f(485, 1000, 1, 490);
  f(491, 1000, 0, 0);
  f(-10, -1, 0, 0);
}

TEST(XorChunkTest, ARangeIsThatPartOfTheWhole) {
  constexpr unsigned kSeed = 11;
  std::mt19937 random(kSeed);
  for (const auto& [shape, samples] : SampleShapes()) {
    SCOPED_TRACE(shape);
    const std::vector<uint8_t> bytes = Encode(samples);
    std::vector<int64_t> t(samples.size());
    std::vector<double> v(samples.size());
    for (int round = 0; round < 5; ++round) {
      const int64_t min = samples[random() % samples.size()].t + static_cast<int64_t>(random() % 3);
      const int64_t max = samples[random() % samples.size()].t + static_cast<int64_t>(random() % 3);
      const auto n = XorDecodeRange(bytes, min, max, t.data(), v.data());
      ASSERT_TRUE(n);
      size_t want = 0;
      for (const Sample& sample : samples) {
        if (sample.t < min || sample.t > max) continue;
        ASSERT_LT(want, *n);
        EXPECT_EQ(t[want], sample.t);
        EXPECT_EQ(std::bit_cast<uint64_t>(v[want]), std::bit_cast<uint64_t>(sample.v));
        ++want;
      }
      EXPECT_EQ(*n, want);
    }
  }
}

// Bits that are missing read as zeros, which are samples that change nothing: none is made up.
TEST(XorChunkTest, AChunkCutShortMakesNoSampleUp) {
  std::vector<Sample> samples;
  for (int i = 0; i < 200; ++i) samples.push_back({i * 1000, i < 20 ? i * 0.1 : 2.0});
  const std::vector<uint8_t> good = Encode(samples);
  // From here on nothing changes, and a sample has two bits.
  constexpr size_t kChanging = 21;
  const size_t changing = Encode({samples.begin(), samples.begin() + kChanging}).size();
  std::vector<int64_t> t(samples.size());
  std::vector<double> v(samples.size());
  for (size_t size = changing; size < good.size(); ++size) {
    const size_t most = kChanging + 4 * (size - changing + 1);
    for (int64_t last = 0; last <= 200'000; last += 500) {
      const auto n = XorDecodeRange(std::span(good).first(size), 0, last, t.data(), v.data());
      EXPECT_LE(n.value_or(0), most) << size << " bytes, until " << last;
    }
  }
}

TEST(XorChunkTest, DamageIsAnErrorNotACrash) {
  std::vector<Sample> samples;
  for (int i = 0; i < 30; ++i) samples.push_back({i * 997 * i, std::sqrt(i)});
  const std::vector<uint8_t> good = Encode(samples);
  std::vector<int64_t> t(65535);
  std::vector<double> v(65535);
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(XorDecode(std::span(good).first(size), t.data(), v.data())) << size;
    EXPECT_FALSE(size >= 2 && XorResume(std::span(good).first(size))) << size;
  }
  std::mt19937 random(3);
  for (int i = 0; i < 5000; ++i) {
    std::vector<uint8_t> bad = good;
    for (int j = 0; j < 3; ++j) bad[random() % bad.size()] = static_cast<uint8_t>(random());
    (void)XorDecode(bad, t.data(), v.data());
    (void)XorDecodeRange(bad, 0, 100000, t.data(), v.data());
    (void)XorResume(bad);
  }
}

}  // namespace
}  // namespace tributary::chunk
