// ns per sample of XOR chunks of 120 samples:
//   encode, decode, decode of a range, each for regular gauges, counters and constants.
#include <cmath>
#include <vector>

#include <benchmark/benchmark.h>

#include "chunk/xor_chunk.h"

namespace tributary::chunk {
namespace {

constexpr size_t kSamples = 120;

struct Series {
  std::vector<int64_t> t;
  std::vector<double> v;
  std::vector<uint8_t> bytes;
};

Series MakeSeries(int64_t shape) {
  Series s;
  uint64_t random = 1;
  for (size_t i = 0; i < kSamples; ++i) {
    random = random * 6364136223846793005 + 1442695040888963407;
    const auto r = static_cast<double>(random >> 44);
    const auto x = static_cast<double>(i);
    s.t.push_back(1'700'000'000'000 + static_cast<int64_t>(i) * 15000 +
                  (shape == 3 ? static_cast<int64_t>(random >> 61) : 0));
    s.v.push_back(shape == 0 ? 42 : shape == 1 ? 1e6 + x * 100 + std::floor(r / 1e4) : r / 1000);
  }
  s.bytes.resize(kXorHeaderBytes + kSamples * kMaxXorSampleBytes);
  XorState state;
  XorBegin(&state, s.bytes);
  for (size_t i = 0; i < kSamples; ++i) XorAppend(&state, s.bytes, s.t[i], s.v[i]);
  s.bytes.resize(XorBytes(state));
  return s;
}

void Report(benchmark::State& state, const Series& series) {
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kSamples));
  state.counters["bytes/sample"] = static_cast<double>(series.bytes.size()) / kSamples;
}

// Arguments: 0 constant, 1 counter, 2 gauge, 3 gauge with jittering timestamps.
void BM_Encode(benchmark::State& state) {
  const Series s = MakeSeries(state.range(0));
  std::vector<uint8_t> buffer(kXorHeaderBytes + kSamples * kMaxXorSampleBytes);
  for (auto _ : state) {
    XorState x;
    XorBegin(&x, buffer);
    for (size_t i = 0; i < kSamples; ++i) XorAppend(&x, buffer, s.t[i], s.v[i]);
    benchmark::DoNotOptimize(buffer.data());
  }
  Report(state, s);
}
BENCHMARK(BM_Encode)->DenseRange(0, 3);

void BM_Decode(benchmark::State& state) {
  const Series s = MakeSeries(state.range(0));
  std::vector<int64_t> t(kSamples);
  std::vector<double> v(kSamples);
  for (auto _ : state) {
    benchmark::DoNotOptimize(XorDecode(s.bytes, t.data(), v.data()));
    benchmark::DoNotOptimize(v.data());
  }
  Report(state, s);
}
BENCHMARK(BM_Decode)->DenseRange(0, 3);

void BM_DecodeRange(benchmark::State& state) {
  const Series s = MakeSeries(state.range(0));
  std::vector<int64_t> t(kSamples);
  std::vector<double> v(kSamples);
  for (auto _ : state) {
    benchmark::DoNotOptimize(XorDecodeRange(s.bytes, s.t[10], s.t[110], t.data(), v.data()));
    benchmark::DoNotOptimize(v.data());
  }
  Report(state, s);
}
BENCHMARK(BM_DecodeRange)->DenseRange(0, 3);

}  // namespace
}  // namespace tributary::chunk
