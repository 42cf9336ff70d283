#include "chunk/xor2_chunk.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "chunk/sample_shapes_test.h"
#include "chunk/xor_chunk.h"

namespace tributary::chunk {
namespace {

struct StSample {
  int64_t start = 0;
  int64_t t = 0;
  double v = 0;
};

// The format bit by bit, from its description in tsdb/chunkenc/xor2.go.
class NaiveEncoder {
 public:
  std::vector<uint8_t> Encode(const std::vector<StSample>& samples) {
    size_t change = 0;
    for (size_t i = 1; i < samples.size() && change == 0; ++i) {
      if (samples[i].start != samples[i - 1].start || i == 127) change = i;
    }
    Put(samples.size(), 16);
    Put(!samples.empty() && samples[0].start != 0 ? 1 : 0, 1);
    Put(change, 7);
    for (size_t i = 0; i < samples.size(); ++i) {
      const auto [start, t, v] = samples[i];
      const uint64_t value = std::bit_cast<uint64_t>(v);
      const bool stale = value == model::kStaleNaNBits;
      if (i == 0) {
        PutVarint(t);
        Put(value, 64);
        if (start != 0) PutVarint(t - start);
      } else if (i == 1) {
        PutUvarint(static_cast<uint64_t>(t) - static_cast<uint64_t>(samples[0].t));
        PutValue(value, stale);
      } else {
        const int64_t dod = (t - samples[i - 1].t) - (samples[i - 1].t - samples[i - 2].t);
        PutJoint(dod, value, stale);
      }
      if (change > 0 && i >= change) {
        const int64_t diff = samples[i - 1].t - start;
        const int64_t before = i == change ? 0 : samples[i - 2].t - samples[i - 1].start;
        PutVarbit(diff - before);
      }
      if (!stale) value_ = value;
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
  void PutVarint(int64_t x) {
    const auto u = static_cast<uint64_t>(x);
    PutUvarint(x < 0 ? ~(u << 1) : u << 1);
  }
  void PutVarbit(int64_t x) {
    const int widths[] = {3, 6, 9, 12, 18, 25, 56};
    if (x == 0) {
      Put(0, 1);
      return;
    }
    for (int i = 0; i < 7; ++i) {
      const int64_t half = int64_t{1} << (widths[i] - 1);
      if (x > -half && x <= half) {
        for (int j = 0; j <= i; ++j) Put(1, 1);
        Put(0, 1);
        Put(static_cast<uint64_t>(x), widths[i]);
        return;
      }
    }
    Put(0xff, 8);
    Put(static_cast<uint64_t>(x), 64);
  }
  // Prefix for the same and for a new window of significant bits.
  void PutChange(uint64_t value, std::string_view same, std::string_view fresh) {
    const uint64_t delta = value ^ value_;
    const int leading = std::min(std::countl_zero(delta), 31);
    const int trailing = std::countr_zero(delta);
    const bool fits = leading_ >= 0 && leading >= leading_ && trailing >= trailing_;
    for (const char c : fits ? same : fresh) Put(c == '1' ? 1 : 0, 1);
    if (!fits) {
      leading_ = leading;
      trailing_ = trailing;
      Put(static_cast<uint64_t>(leading), 5);
      Put(static_cast<uint64_t>(64 - leading - trailing), 6);
    }
    Put(delta >> trailing_, 64 - leading_ - trailing_);
  }
  void PutValue(uint64_t value, bool stale) {
    if (stale) {
      Put(0b111, 3);
    } else if (value == value_) {
      Put(0, 1);
    } else {
      PutChange(value, "10", "110");
    }
  }
  void PutJoint(int64_t dod, uint64_t value, bool stale) {
    if (dod == 0) {
      if (stale) {
        Put(0b11111, 5);
      } else if (value == value_) {
        Put(0, 1);
      } else {
        PutChange(value, "100", "101");
      }
      return;
    }
    if (dod >= -4096 && dod <= 4095) {
      Put(0b110, 3);
      Put(static_cast<uint64_t>(dod), 13);
    } else if (dod >= -524288 && dod <= 524287) {
      Put(0b1110, 4);
      Put(static_cast<uint64_t>(dod), 20);
    } else {
      Put(0b11110, 5);
      Put(static_cast<uint64_t>(dod), 64);
    }
    PutValue(value, stale);
  }

  std::vector<bool> bits_;
  uint64_t value_ = 0;
  int leading_ = -1;
  int trailing_ = 0;
};

std::vector<uint8_t> Encode(const std::vector<StSample>& samples) {
  std::vector<uint8_t> bytes(kXor2HeaderBytes + samples.size() * kMaxXor2SampleBytes, 0x5a);
  Xor2State state;
  Xor2Begin(&state, bytes);
  for (const StSample& s : samples) EXPECT_TRUE(Xor2Append(&state, bytes, s.start, s.t, s.v));
  bytes.resize(Xor2Bytes(state));
  return bytes;
}

// The shapes, each with several habits of start timestamps.
std::vector<std::pair<std::string, std::vector<StSample>>> Shapes() {
  std::vector<std::pair<std::string, std::vector<StSample>>> out;
  std::mt19937 random(5);
  for (const auto& [name, samples] : SampleShapes()) {
    for (int habit = 0; habit < 5; ++habit) {
      std::vector<StSample> with_start;
      int64_t start = habit == 0 || habit == 4 ? 0 : samples[0].t - 100;
      for (size_t i = 0; i < samples.size(); ++i) {
        if (habit == 2 && random() % 20 == 0) start = samples[i].t - random() % 50;
        if (habit == 3) start = i == 0 ? samples[0].t - 5 : samples[i - 1].t;
        if (habit == 4 && i == 130) start = 12345;
        with_start.push_back({start, samples[i].t, samples[i].v});
      }
      out.emplace_back(name + ", habit " + std::to_string(habit), std::move(with_start));
    }
  }
  return out;
}

TEST(Xor2ChunkTest, BytesAreThoseOfThePlainReading) {
  for (const auto& [name, samples] : Shapes()) {
    SCOPED_TRACE(name);
    const std::vector<uint8_t> bytes = Encode(samples);
    ASSERT_EQ(bytes, NaiveEncoder().Encode(samples));
    ASSERT_EQ(ChunkNumSamples(bytes), samples.size());
    std::vector<int64_t> t(samples.size());
    std::vector<double> v(samples.size());
    std::vector<int64_t> start(samples.size());
    const auto n = Xor2Decode(bytes, t.data(), v.data(), start.data());
    ASSERT_TRUE(n) << n.error().message();
    for (size_t i = 0; i < samples.size(); ++i) {
      ASSERT_EQ(t[i], samples[i].t) << i;
      ASSERT_EQ(std::bit_cast<uint64_t>(v[i]), std::bit_cast<uint64_t>(samples[i].v)) << i;
      ASSERT_EQ(start[i], samples[i].start) << i;
    }
  }
}

TEST(Xor2ChunkTest, ResumesAnywhere) {
  for (const auto& [name, samples] : Shapes()) {
    if (samples.size() > 200) continue;
    SCOPED_TRACE(name);
    for (const size_t cut : {size_t{1}, size_t{2}, samples.size() / 2}) {
      if (cut > samples.size()) continue;
      std::vector<uint8_t> bytes = Encode({samples.begin(), samples.begin() + cut});
      auto state = Xor2Resume(bytes);
      ASSERT_TRUE(state);
      bytes.resize(bytes.size() + samples.size() * kMaxXor2SampleBytes, 0xff);
      for (size_t i = cut; i < samples.size(); ++i) {
        const StSample& s = samples[i];
        ASSERT_TRUE(Xor2Append(&*state, bytes, s.start, s.t, s.v));
      }
      bytes.resize(Xor2Bytes(*state));
      ASSERT_EQ(bytes, Encode(samples));
    }
  }
}

TEST(Xor2ChunkTest, WorstCaseSamplesStayWithinTheirAllowance) {
  std::vector<uint8_t> bytes(kXor2HeaderBytes);
  Xor2State state;
  Xor2Begin(&state, bytes);
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  std::vector<StSample> samples;
  for (int i = 0; i < 100; ++i) {
    const uint64_t bits = i % 2 == 0 ? 0x8000000000000001 : 0x7ffffffffffffffe;
    samples.push_back(
        {i % 2 == 0 ? kMax : kMin, i % 2 == 0 ? kMin + i : kMax - i, std::bit_cast<double>(bits)});
    bytes.resize(Xor2Bytes(state) + kMaxXor2SampleBytes);
    ASSERT_TRUE(
        Xor2Append(&state, bytes, samples.back().start, samples.back().t, samples.back().v));
  }
  bytes.resize(Xor2Bytes(state));
  std::vector<int64_t> t(100);
  std::vector<double> v(100);
  std::vector<int64_t> start(100);
  ASSERT_TRUE(Xor2Decode(bytes, t.data(), v.data(), start.data()));
  for (size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(t[i], samples[i].t);
    EXPECT_EQ(start[i], samples[i].start);
  }
}

TEST(Xor2ChunkTest, DamageIsAnErrorNotACrash) {
  std::vector<StSample> samples;
  for (int i = 0; i < 30; ++i) samples.push_back({i * 7, i * 997 * i, i * 0.1});
  const std::vector<uint8_t> good = Encode(samples);
  std::vector<int64_t> t(65535);
  std::vector<double> v(65535);
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(Xor2Decode(std::span(good).first(size), t.data(), v.data(), nullptr)) << size;
  }
  std::mt19937 random(3);
  for (int i = 0; i < 5000; ++i) {
    std::vector<uint8_t> bad = good;
    for (int j = 0; j < 3; ++j) bad[random() % bad.size()] = static_cast<uint8_t>(random());
    (void)Xor2Decode(bad, t.data(), v.data(), nullptr);
    (void)Xor2Resume(bad);
  }
}

}  // namespace
}  // namespace tributary::chunk
