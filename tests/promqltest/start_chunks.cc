#include "start_chunks.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "chunk/bit_writer.h"
#include "chunk/histogram_layout.h"
#include "chunk/varbit.h"
#include "chunk/xor2_chunk.h"

namespace tributary::promqltest {
namespace {

StartChunk Finish(chunk::Encoding encoding, int64_t min_time, int64_t max_time,
                  std::vector<uint8_t> bytes) {
  StartChunk out{{encoding, min_time, max_time, {}}, std::move(bytes)};
  out.view.data = out.bytes;  // moving a vector does not move its bytes
  return out;
}

// Takes floats up to the next histogram.
StartChunk EncodeFloats(std::span<const LoadSample> samples) {
  const size_t room = chunk::kXor2HeaderBytes + (samples.size() + 1) * chunk::kMaxXor2SampleBytes;
  std::vector<uint8_t> bytes(room);
  chunk::Xor2State state;
  chunk::Xor2Begin(&state, bytes);
  for (const LoadSample& s : samples) chunk::Xor2Append(&state, bytes, s.start, s.t, s.v);
  bytes.resize(chunk::Xor2Bytes(state));
  return Finish(chunk::Encoding::kXor2, samples.front().t, samples.back().t, std::move(bytes));
}

// A float histogram chunk of one sample, its start time behind it.
StartChunk EncodeHistogram(const LoadSample& sample) {
  const model::FloatHistogram& h = *sample.h;
  chunk::BitWriter out(chunk::kHistogramHeaderBytes);
  chunk::PutHistogramLayout(
      &out, {h.schema, h.zero_threshold, h.positive_spans, h.negative_spans, h.custom_values});
  chunk::PutVarbitInt(&out, sample.t);
  const auto put = [&out](double v) { out.Put(std::bit_cast<uint64_t>(v), 64); };
  put(h.count);
  put(h.zero_count);
  put(h.sum);
  std::ranges::for_each(h.positive_buckets, put);
  std::ranges::for_each(h.negative_buckets, put);
  out.data()[0] = h.reset_hint == model::CounterResetHint::kGauge
                      ? static_cast<uint8_t>(chunk::CounterResetHeader::kGauge)
                      : 0;
  out.data()[1] = 1;
  if (sample.start != 0) {
    out.data()[2] = 0x80;
    const int64_t diff = sample.t - sample.start;
    auto zigzag = static_cast<uint64_t>(diff) << 1 ^ static_cast<uint64_t>(diff >> 63);
    for (; zigzag >= 0x80; zigzag >>= 7) out.Put(zigzag | 0x80, 8);
    out.Put(zigzag, 8);
  }
  return Finish(chunk::Encoding::kFloatHistogramSt, sample.t, sample.t,
                {out.bytes().begin(), out.bytes().end()});
}

}  // namespace

bool HasStartTimes(const LoadSeries& series) {
  return std::ranges::any_of(series.samples, [](const LoadSample& s) { return s.start != 0; });
}

std::vector<StartChunk> EncodeWithStartTimes(const LoadSeries& series) {
  std::vector<StartChunk> chunks;
  std::span<const LoadSample> rest = series.samples;
  while (!rest.empty()) {
    if (rest[0].h) {
      chunks.push_back(EncodeHistogram(rest[0]));
      rest = rest.subspan(1);
      continue;
    }
    const auto end = std::ranges::find_if(rest, [](const LoadSample& s) { return s.h != nullptr; });
    const auto n = static_cast<size_t>(end - rest.begin());
    chunks.push_back(EncodeFloats(rest.first(n)));
    rest = rest.subspan(n);
  }
  return chunks;
}

}  // namespace tributary::promqltest
