#include "tsdb/block/stored_sample.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "chunk/histogram_appender.h"
#include "chunk/histogram_reader.h"
#include "chunk/xor2_chunk.h"
#include "chunk/xor_chunk.h"

namespace tributary::tsdb {
namespace {

using chunk::ChunkView;
using chunk::Encoding;
using ChunkSink = std::function<void(const ChunkView&)>;

constexpr size_t kSamplesPerChunk = 120;
// Histogram chunks are cut at this size once they hold enough samples.
constexpr size_t kHistogramChunkBytes = 2048;
constexpr size_t kMinHistograms = 10;

template <class AnyHistogram>
bool SameAnyHistogram(const AnyHistogram& a, const AnyHistogram& b) {
  if (model::IsStaleNaN(a.sum) || model::IsStaleNaN(b.sum)) {
    return model::IsStaleNaN(a.sum) && model::IsStaleNaN(b.sum);
  }
  if (std::bit_cast<uint64_t>(a.sum) != std::bit_cast<uint64_t>(b.sum)) return false;
  AnyHistogram same = b;
  same.sum = a.sum;
  same.reset_hint = a.reset_hint;
  if (std::isnan(a.sum)) {
    AnyHistogram left = a;
    left.sum = same.sum = 0;
    return left == same;
  }
  return a == same;
}

void EncodeFloats(std::span<const StoredSample> run, bool start_times, const ChunkSink& emit) {
  std::vector<uint8_t> bytes;
  while (!run.empty()) {
    const std::span<const StoredSample> part = run.first(std::min(run.size(), kSamplesPerChunk));
    run = run.subspan(part.size());
    ChunkView view{Encoding::kXor, part.front().t, part.back().t, {}};
    if (start_times) {
      chunk::Xor2State state;
      bytes.resize(chunk::kXor2HeaderBytes + part.size() * chunk::kMaxXor2SampleBytes);
      chunk::Xor2Begin(&state, bytes);
      for (const StoredSample& s : part) {
        chunk::Xor2Append(&state, bytes, s.start, s.t, std::get<double>(s.value));
      }
      view.encoding = Encoding::kXor2;
      view.data = std::span(bytes).first(chunk::Xor2Bytes(state));
    } else {
      chunk::XorState state;
      // XorAppend() wants room for a whole sample beside the last one.
      bytes.resize(chunk::kXorHeaderBytes + part.size() * chunk::kMaxXorSampleBytes);
      chunk::XorBegin(&state, bytes);
      for (const StoredSample& s : part) {
        chunk::XorAppend(&state, bytes, s.t, std::get<double>(s.value));
      }
      view.data = std::span(bytes).first(chunk::XorBytes(state));
    }
    emit(view);
  }
}

template <class AnyHistogram>
void EncodeHistograms(std::span<const StoredSample> run, Encoding encoding, const ChunkSink& emit) {
  chunk::HistogramAppender<AnyHistogram> appender;
  size_t begin = 0;
  for (size_t i = 0; i < run.size(); ++i) {
    const AnyHistogram& h = *std::get<std::unique_ptr<AnyHistogram>>(run[i].value);
    const bool full =
        appender.num_samples() >= kMinHistograms && appender.bytes().size() >= kHistogramChunkBytes;
    if (i > 0 && !full && appender.Append(run[i].t, h)) continue;
    const auto header = i == 0 ? appender.HeaderFor(h) : appender.HeaderAfter(h);
    if (i > 0) emit({encoding, run[begin].t, run[i - 1].t, appender.bytes()});
    appender.Start(run[i].t, h, header);
    begin = i;
  }
  emit({encoding, run[begin].t, run.back().t, appender.bytes()});
}

}  // namespace

bool SameHistogram(const model::Histogram& a, const model::Histogram& b) {
  return SameAnyHistogram(a, b);
}
bool SameHistogram(const model::FloatHistogram& a, const model::FloatHistogram& b) {
  return SameAnyHistogram(a, b);
}

bool SameValue(const StoredSample& a, const StoredSample& b) {
  if (a.value.index() != b.value.index()) return false;
  switch (a.value.index()) {
    case 0:
      return std::bit_cast<uint64_t>(std::get<0>(a.value)) ==
             std::bit_cast<uint64_t>(std::get<0>(b.value));
    case 1:
      return SameHistogram(*std::get<1>(a.value), *std::get<1>(b.value));
    default:
      return SameHistogram(*std::get<2>(a.value), *std::get<2>(b.value));
  }
}

base::Status DecodeSamples(const ChunkView& chunk, TimeInterval range,
                           std::vector<StoredSample>* out) {
  if (chunk.encoding == Encoding::kXor) {
    const size_t n = chunk::ChunkNumSamples(chunk.data);
    std::vector<int64_t> times(n);
    std::vector<double> values(n);
    ASSIGN_OR_RETURN(const size_t count, chunk::XorDecodeRange(chunk.data, range.min, range.max,
                                                               times.data(), values.data()));
    out->reserve(out->size() + count);
    for (size_t i = 0; i < count; ++i) out->push_back({times[i], 0, values[i]});
    return {};
  }
  const auto wanted = [&](int64_t t) { return t >= range.min && t <= range.max; };
  if (chunk.encoding == Encoding::kXor2) {
    chunk::Xor2Reader reader(chunk.data);
    while (reader.Next()) {
      if (wanted(reader.t())) out->push_back({reader.t(), reader.start_time(), reader.v()});
    }
    return reader.status();
  }
  if (!chunk::IsHistogramEncoding(chunk.encoding)) {
    return base::Corruption("unknown chunk encoding " +
                            std::to_string(static_cast<int>(chunk.encoding)));
  }
  chunk::HistogramReader reader(chunk.encoding, chunk.data);
  while (reader.Next()) {
    if (!wanted(reader.t())) continue;
    StoredSample& sample = out->emplace_back();
    sample.t = reader.t();
    if (reader.is_float()) {
      auto h = std::make_unique<model::FloatHistogram>();
      reader.Get(h.get());
      sample.value = std::move(h);
    } else {
      auto h = std::make_unique<model::Histogram>();
      reader.Get(h.get());
      sample.value = std::move(h);
    }
  }
  return reader.status();
}

void EncodeSamples(std::span<const StoredSample> samples, bool start_times, const ChunkSink& emit) {
  while (!samples.empty()) {
    size_t n = 1;
    const size_t kind = samples.front().value.index();
    while (n < samples.size() && samples[n].value.index() == kind) ++n;
    const std::span<const StoredSample> run = samples.first(n);
    samples = samples.subspan(n);
    switch (kind) {
      case 0:
        EncodeFloats(run, start_times, emit);
        break;
      case 1:
        EncodeHistograms<model::Histogram>(run, Encoding::kHistogram, emit);
        break;
      default:
        EncodeHistograms<model::FloatHistogram>(run, Encoding::kFloatHistogram, emit);
        break;
    }
  }
}

}  // namespace tributary::tsdb
