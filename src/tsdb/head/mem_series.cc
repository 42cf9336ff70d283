#include "tsdb/head/mem_series.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "tsdb/wal/bytes.h"

namespace tributary::tsdb {
namespace {

// Prometheus keeps XOR chunks below 1 KiB, a sample of 19 bytes included.
constexpr size_t kFullXorBytes = 1024 - 19;
// A chunk's end is predicted when it is a quarter full.
constexpr uint32_t kPredictAtPart = 4;

void BeginChunk(HeadShard* shard, MemSeries* series, const ChunkOptions& options, int64_t t) {
  series->buffer = shard->open.Allocate(OpenChunks::kMinBits);
  series->small = OpenChunks::kMinBits;
  series->next_at = RangeEnd(t, options.chunk_range_ms);
  chunk::XorBegin(&series->state, shard->open.Data(series->buffer, series->small));
  ++shard->num_chunks;
}

bool NeedsNewChunk(HeadShard* shard, MemSeries* series, const ChunkOptions& options, int64_t t) {
  const chunk::XorState& state = series->state;
  if (chunk::XorBytes(state) > kFullXorBytes) return true;
  if (state.num_samples == options.samples_per_chunk / kPredictAtPart) {
    const int64_t start = XorMinTime(shard->open.Data(series->buffer, series->small));
    series->next_at = ComputeChunkEnd(start, state.t, series->next_at, kPredictAtPart);
  }
  return t >= series->next_at || state.num_samples >= 2 * options.samples_per_chunk;
}

void GrowBuffer(HeadShard* shard, MemSeries* series) {
  const uint32_t larger = shard->open.Allocate(series->small + 1u);
  const std::span<uint8_t> from = shard->open.Data(series->buffer, series->small);
  std::memcpy(shard->open.Data(larger, series->small + 1u).data(), from.data(), from.size());
  shard->open.Free(series->buffer, series->small);
  series->buffer = larger;
  ++series->small;
}

int64_t OpenMinTime(HeadShard* shard, const MemSeries& series) {
  if (series.histogram != 0) return shard->histograms[series.histogram - 1]->min_time;
  return XorMinTime(shard->open.Data(series.buffer, series.small));
}

ClosedChunks::Header HeaderOf(const MemSeries& series, const chunk::ChunkView& view) {
  return {.previous = series.closed,
          .encoding = view.encoding,
          .min_time = view.min_time,
          .max_time = view.max_time};
}

// The series' newest samples are those of a chunk.
void EndsWith(chunk::Encoding encoding, int64_t max_time, MemSeries* series) {
  series->state.t = max_time;
  series->flags |= MemSeries::kHasSample;
  if (encoding == chunk::Encoding::kXor) {
    series->flags &= static_cast<uint8_t>(~MemSeries::kHistogram);
  } else {
    series->flags |= MemSeries::kHistogram;
  }
}

bool HasOpenChunk(const MemSeries& series) { return series.buffer != 0 || series.histogram != 0; }

void FreeOpenChunk(HeadShard* shard, MemSeries* series) {
  if (series->buffer != 0) {
    shard->open.Free(series->buffer, series->small);
    series->buffer = 0;
  }
  if (series->histogram != 0) {
    shard->histograms[series->histogram - 1].reset();
    shard->free_histograms.push_back(series->histogram);
    series->histogram = 0;
  }
}

}  // namespace

int64_t RangeEnd(int64_t t, int64_t width) { return t / width * width + width; }

int64_t ComputeChunkEnd(int64_t start, int64_t current, int64_t max, double ratio_to_full) {
  const double n =
      static_cast<double>(max - start) / (static_cast<double>(current - start + 1) * ratio_to_full);
  if (n <= 1) return max;
  return static_cast<int64_t>(static_cast<double>(start) +
                              static_cast<double>(max - start) / std::floor(n));
}

int64_t XorMinTime(std::span<const uint8_t> chunk) {
  ByteReader reader(chunk.subspan(chunk::kXorHeaderBytes));
  return reader.Varint();
}

void CloseChunk(HeadShard* shard, MemSeries* series) {
  const chunk::ChunkView open = OpenChunkOf(shard, *series);
  if (open.data.empty()) return;
  series->closed = shard->closed.Add({.previous = series->closed,
                                      .encoding = open.encoding,
                                      .min_time = open.min_time,
                                      .max_time = open.max_time},
                                     open.data);
  FreeOpenChunk(shard, series);
}

void RestoreClosedChunk(HeadShard* shard, MemSeries* series, const chunk::ChunkView& view) {
  CloseChunk(shard, series);
  series->closed = shard->closed.Add(HeaderOf(*series, view), view.data);
  ++shard->num_chunks;
  EndsWith(view.encoding, view.max_time, series);
}

void RestoreOpenChunk(HeadShard* shard, MemSeries* series, base::Bytes data,
                      const chunk::XorState& state, int64_t next_at) {
  CloseChunk(shard, series);
  unsigned bits = OpenChunks::kMinBits;
  while (size_t{1} << bits < data.size()) ++bits;
  series->buffer = shard->open.Allocate(bits);
  series->small = static_cast<uint8_t>(bits);
  std::ranges::copy(data, shard->open.Data(series->buffer, bits).begin());
  ++shard->num_chunks;
  series->next_at = next_at;
  EndsWith(chunk::Encoding::kXor, state.t, series);
  series->state = state;
}

void AddMappedChunk(HeadShard* shard, MemSeries* series, const chunk::ChunkView& view) {
  series->closed = shard->closed.AddMapped(HeaderOf(*series, view), view.data);
  ++shard->num_chunks;
  EndsWith(view.encoding, view.max_time, series);
}

bool AppendFloat(HeadShard* shard, MemSeries* series, const ChunkOptions& options, int64_t t,
                 double v) {
  if (series->Has(MemSeries::kHasSample) && t <= series->state.t) return false;
  if (series->histogram != 0 || (series->buffer != 0 && NeedsNewChunk(shard, series, options, t))) {
    CloseChunk(shard, series);
  }
  if (series->buffer == 0) BeginChunk(shard, series, options, t);
  while (!chunk::XorAppend(&series->state, shard->open.Data(series->buffer, series->small), t, v)) {
    if (series->small < OpenChunks::kMaxBits) {
      GrowBuffer(shard, series);
    } else {
      CloseChunk(shard, series);
      BeginChunk(shard, series, options, t);
    }
  }
  series->flags = static_cast<uint8_t>((series->flags | MemSeries::kHasSample) &
                                       ~(MemSeries::kDying | MemSeries::kHistogram));
  return true;
}

bool DropChunksBefore(HeadShard* shard, MemSeries* series, int64_t min_time) {
  // Newest first: from the first chunk that is too old on, all are.
  uint32_t* link = &series->closed;
  while (*link != 0 && shard->closed.header(*link).max_time >= min_time) {
    link = &shard->closed.header(*link).previous;
  }
  uint32_t chunk = *link;
  *link = 0;
  while (chunk != 0) {
    const uint32_t previous = shard->closed.header(chunk).previous;
    shard->closed.Drop(chunk);
    --shard->num_chunks;
    chunk = previous;
  }
  if (HasOpenChunk(*series) && series->state.t < min_time) {
    FreeOpenChunk(shard, series);
    --shard->num_chunks;
  }
  return series->closed == 0 && !HasOpenChunk(*series);
}

bool HasChunks(HeadShard* shard, const MemSeries& series, int64_t min_time, int64_t max_time) {
  if (HasOpenChunk(series) && series.state.t >= min_time &&
      OpenMinTime(shard, series) <= max_time) {
    return true;
  }
  for (uint32_t chunk = series.closed; chunk != 0; chunk = shard->closed.header(chunk).previous) {
    const ClosedChunks::Header& header = shard->closed.header(chunk);
    if (header.max_time < min_time) return false;
    if (header.min_time <= max_time) return true;
  }
  return false;
}

void ClosedChunksOf(HeadShard* shard, const MemSeries& series, int64_t min_time, int64_t max_time,
                    std::vector<chunk::ChunkView>* out) {
  const size_t begin = out->size();
  for (uint32_t chunk = series.closed; chunk != 0; chunk = shard->closed.header(chunk).previous) {
    const ClosedChunks::Header& header = shard->closed.header(chunk);
    if (header.max_time < min_time) break;
    if (header.min_time > max_time) continue;
    out->push_back({.encoding = header.encoding,
                    .min_time = header.min_time,
                    .max_time = header.max_time,
                    .data = shard->closed.Data(chunk)});
  }
  std::reverse(out->begin() + static_cast<std::ptrdiff_t>(begin), out->end());
}

chunk::ChunkView OpenChunkOf(HeadShard* shard, const MemSeries& series) {
  if (!HasOpenChunk(series)) return {};
  chunk::ChunkView view{.encoding = chunk::Encoding::kXor,
                        .min_time = OpenMinTime(shard, series),
                        .max_time = series.state.t,
                        .data = {}};
  if (series.histogram != 0) {
    const OpenHistogram& open = *shard->histograms[series.histogram - 1];
    view.encoding =
        open.is_float() ? chunk::Encoding::kFloatHistogram : chunk::Encoding::kHistogram;
    view.data = open.bytes();
  } else {
    view.data = shard->open.Data(series.buffer, series.small).first(chunk::XorBytes(series.state));
  }
  return view;
}

}  // namespace tributary::tsdb
