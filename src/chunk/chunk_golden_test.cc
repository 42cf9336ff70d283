// Chunks that Prometheus itself wrote: ours must read them, and write the same bytes. Each line of
// the data file is encoding, bytes and samples; testdata/generate_chunks.go wrote it. CHUNK_GOLDEN
// names another file, for a longer run.
#include <bit>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "chunk/histogram_appender.h"
#include "chunk/histogram_reader.h"
#include "chunk/xor2_chunk.h"
#include "chunk/xor_chunk.h"
#include "model/float_histogram.h"

namespace tributary::chunk {
namespace {

template <class Int>
Int ParseInt(std::string_view text, int base = 10) {
  Int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

double Bits(std::string_view hex) { return std::bit_cast<double>(ParseInt<uint64_t>(hex, 16)); }

std::vector<std::string_view> Items(std::string_view text, char separator) {
  if (text.empty()) return {};
  return base::Split(text, separator);
}

std::vector<uint8_t> Unhex(std::string_view hex) {
  std::vector<uint8_t> out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    out.push_back(ParseInt<uint8_t>(hex.substr(i, 2), 16));
  return out;
}

void CheckFloats(bool xor2, const std::vector<uint8_t>& bytes, std::string_view text) {
  const auto samples = Items(text, ',');
  const size_t n = samples.size();
  std::vector<int64_t> t(n);
  std::vector<double> v(n);
  std::vector<int64_t> start(n);
  ASSERT_EQ(ChunkNumSamples(bytes), n);
  const auto decoded = xor2 ? Xor2Decode(bytes, t.data(), v.data(), start.data())
                            : XorDecode(bytes, t.data(), v.data());
  ASSERT_TRUE(decoded) << decoded.error().message();
  std::vector<uint8_t> again(16 + n * kMaxXor2SampleBytes);
  XorState state;
  Xor2State state2;
  if (xor2) {
    Xor2Begin(&state2, again);
  } else {
    XorBegin(&state, again);
  }
  for (size_t i = 0; i < n; ++i) {
    const auto f = base::Split(samples[i], ':');
    ASSERT_EQ(t[i], ParseInt<int64_t>(f[1])) << i;
    ASSERT_EQ(std::bit_cast<uint64_t>(v[i]), ParseInt<uint64_t>(f[2], 16)) << i;
    if (xor2) {
      ASSERT_EQ(start[i], ParseInt<int64_t>(f[0])) << i;
      ASSERT_TRUE(Xor2Append(&state2, again, start[i], t[i], v[i]));
    } else {
      ASSERT_TRUE(XorAppend(&state, again, t[i], v[i]));
    }
  }
  again.resize(xor2 ? Xor2Bytes(state2) : XorBytes(state));
  EXPECT_EQ(again, bytes);
}

struct HistogramSample {
  int64_t start = 0;
  int64_t t = 0;
  model::Histogram h;
};

HistogramSample ParseHistogram(std::string_view text) {
  HistogramSample s;
  const auto f = base::Split(text, ':');
  s.start = ParseInt<int64_t>(f[0]);
  s.t = ParseInt<int64_t>(f[1]);
  s.h.schema = ParseInt<int32_t>(f[2]);
  s.h.zero_threshold = Bits(f[3]);
  s.h.zero_count = ParseInt<uint64_t>(f[4]);
  s.h.count = ParseInt<uint64_t>(f[5]);
  s.h.sum = Bits(f[6]);
  const auto spans = base::Split(f[7], '/');
  const auto buckets = base::Split(f[8], '/');
  for (const bool positive : {true, false}) {
    const auto numbers = Items(spans[positive ? 0 : 1], ' ');
    for (size_t i = 0; i + 1 < numbers.size(); i += 2) {
      (positive ? s.h.positive_spans : s.h.negative_spans)
          .push_back({ParseInt<int32_t>(numbers[i]), ParseInt<uint32_t>(numbers[i + 1])});
    }
    for (const auto item : Items(buckets[positive ? 0 : 1], ' ')) {
      (positive ? s.h.positive_buckets : s.h.negative_buckets).push_back(ParseInt<int64_t>(item));
    }
  }
  for (const auto item : Items(f[9], ' ')) s.h.custom_values.push_back(Bits(item));
  return s;
}

void CheckHistograms(Encoding encoding, const std::vector<uint8_t>& bytes, std::string_view text) {
  const bool is_float =
      encoding == Encoding::kFloatHistogram || encoding == Encoding::kFloatHistogramSt;
  const bool has_start =
      encoding == Encoding::kHistogramSt || encoding == Encoding::kFloatHistogramSt;
  HistogramReader in(encoding, bytes);
  IntHistogramAppender ints;
  FloatHistogramAppender floats;
  bool first = true;
  for (const std::string_view item : Items(text, ',')) {
    const HistogramSample want = ParseHistogram(item);
    const model::FloatHistogram want_float = model::ToFloat(want.h);
    ASSERT_TRUE(in.Next());
    ASSERT_EQ(in.t(), want.t);
    if (has_start) {
      ASSERT_EQ(in.start_time(), want.start);
    }
    model::FloatHistogram got;
    in.Get(&got);
    ASSERT_TRUE(model::Equals(got, want_float)) << model::ToString(got);
    if (!is_float) {
      model::Histogram got_int;
      in.Get(&got_int);
      ASSERT_TRUE(model::Equals(got_int, want.h));
    }
    if (first) {
      ints.Start(want.t, want.h, in.header());
      floats.Start(want.t, want_float, in.header());
    } else {
      ASSERT_TRUE(ints.Append(want.t, want.h));
      ASSERT_TRUE(floats.Append(want.t, want_float));
    }
    first = false;
  }
  EXPECT_FALSE(in.Next());
  EXPECT_TRUE(in.status());
  if (has_start) return;  // read only
  const std::span<const uint8_t> again = is_float ? floats.bytes() : ints.bytes();
  EXPECT_EQ(std::vector<uint8_t>(again.begin(), again.end()), bytes);
}

TEST(ChunkGoldenTest, ReadsAndWritesAsPrometheusDoes) {
  const char* other = std::getenv("CHUNK_GOLDEN");
  std::string path = __FILE__;
  path = path.substr(0, path.rfind('/')) + "/testdata/chunks.txt";
  std::ifstream file(other == nullptr ? path : other);
  ASSERT_TRUE(file) << path;
  int line_number = 0;
  for (std::string line; std::getline(file, line);) {
    ++line_number;
    SCOPED_TRACE(line_number);
    const auto f = base::Split(line, '\t');
    const std::vector<uint8_t> bytes = Unhex(f[1]);
    if (f[0] == "xor" || f[0] == "xor2") {
      CheckFloats(f[0] == "xor2", bytes, f[2]);
    } else if (f[0] == "histogram") {
      CheckHistograms(Encoding::kHistogram, bytes, f[2]);
    } else if (f[0] == "float_histogram") {
      CheckHistograms(Encoding::kFloatHistogram, bytes, f[2]);
    } else if (f[0] == "histogram_st") {
      CheckHistograms(Encoding::kHistogramSt, bytes, f[2]);
    } else if (f[0] == "float_histogram_st") {
      CheckHistograms(Encoding::kFloatHistogramSt, bytes, f[2]);
    } else {
      FAIL() << f[0];
    }
  }
  EXPECT_GT(line_number, 20);
}

}  // namespace
}  // namespace tributary::chunk
