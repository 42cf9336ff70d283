// MemSeries: what the head knows of one series, in one cache line, and how a sample gets into its
// open chunk. Chunks are cut by Prometheus's rules (tsdb/head_append.go).
// Everything here needs the lock of the series' shard.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "base/fs.h"
#include "chunk/encoding.h"
#include "chunk/histogram_appender.h"
#include "chunk/xor_chunk.h"
#include "model/sample.h"
#include "tsdb/head/chunk_memory.h"
#include "tsdb/head/isolation.h"
#include "tsdb/head/series_table.h"

namespace tributary::tsdb {

struct MemSeries : SeriesBase {
  // SeriesBase::flags
  static constexpr uint8_t kLogged = 1;        // its labels are in the log
  static constexpr uint8_t kHasSample = 2;     // state.t is the newest sample's time
  static constexpr uint8_t kDying = 4;         // will be removed unless someone asks for it again
  static constexpr uint8_t kHistogram = 8;     // the newest sample is a histogram
  static constexpr uint8_t kDead = 16;         // removed; the slot waits for the last readers
  static constexpr uint8_t kEmpty = 32;        // had no sample when the head was last truncated
  static constexpr uint8_t kOutOfOrder = 64;   // has an entry in OutOfOrderChunks
  static constexpr uint8_t kChunksWait = 128;  // while replaying, see ReplayShards

  // SeriesBase::small is the size class of `buffer`, for XOR chunks.
  uint32_t buffer = 0;      // open XOR chunk in OpenChunks, 0: none
  uint32_t closed = 0;      // newest closed chunk, 0: none
  uint32_t histogram = 0;   // open histogram chunk in HeadShard::histograms, 0: none
  CommitNumber commit = 0;  // of the newest sample, see isolation.h
  int64_t next_at = 0;      // a sample at or after this time begins a new chunk
  chunk::XorState state;

  bool Has(uint8_t flag) const { return (flags & flag) != 0; }
};
static_assert(sizeof(MemSeries) == 64, "a series is one cache line");

struct ChunkOptions {
  uint32_t samples_per_chunk = 120;
  int64_t chunk_range_ms = 2 * 3600 * 1000;
};

// The open chunk of a series whose newest sample is a histogram.
struct OpenHistogram {
  std::variant<chunk::IntHistogramAppender, chunk::FloatHistogramAppender> appender;
  std::variant<model::Histogram, model::FloatHistogram> last;
  int64_t min_time = 0;
  bool end_predicted = false;

  bool is_float() const { return appender.index() == 1; }
  std::span<const uint8_t> bytes() const {
    return std::visit([](const auto& a) { return a.bytes(); }, appender);
  }
};

// The chunk memory of one shard. Guarded by that shard's mutex.
struct HeadShard {
  OpenChunks open;
  ClosedChunks closed;
  std::vector<std::unique_ptr<OpenHistogram>> histograms;  // MemSeries::histogram is index + 1
  std::vector<uint32_t> free_histograms;
  uint64_t num_chunks = 0;
  Superseded superseded;
};

// False, with nothing changed, when `t` is not after the newest sample.
bool AppendFloat(HeadShard* shard, MemSeries* series, const ChunkOptions& options, int64_t t,
                 double v);

// Whether a histogram may be appended: valid (or stale), and with no more than 65536 buckets and
// spans a side, which bounds the size of a chunk.
bool IsUsable(const model::Histogram& h);
bool IsUsable(const model::FloatHistogram& h);

// The same for histograms. REQUIRES: IsUsable(h).
bool AppendHistogram(HeadShard* shard, MemSeries* series, const ChunkOptions& options, int64_t t,
                     const model::Histogram& h);
bool AppendHistogram(HeadShard* shard, MemSeries* series, const ChunkOptions& options, int64_t t,
                     const model::FloatHistogram& h);

// The end of the chunk range that `t` is in.
int64_t RangeEnd(int64_t t, int64_t width);

// Makes the open chunk, if any, a closed one.
void CloseChunk(HeadShard* shard, MemSeries* series);

// Gives a series a chunk as its newest: a finished one, or an XOR chunk that goes on. The bytes are
// copied. REQUIRES: no sample at or after its begin; for the second, no more than an OpenChunks
// buffer holds.
void RestoreClosedChunk(HeadShard* shard, MemSeries* series, const chunk::ChunkView& view);
void RestoreOpenChunk(HeadShard* shard, MemSeries* series, base::Bytes data,
                      const chunk::XorState& state, int64_t next_at);

// Gives a series without an open chunk one that is in a mapped file, with its newest samples.
void AddMappedChunk(HeadShard* shard, MemSeries* series, const chunk::ChunkView& view);

// Time of the first sample of an XOR chunk that has one.
int64_t XorMinTime(std::span<const uint8_t> chunk);

// Drops what ends before `min_time`. True when nothing is left.
bool DropChunksBefore(HeadShard* shard, MemSeries* series, int64_t min_time);

// Whether some chunk overlaps [min_time, max_time].
bool HasChunks(HeadShard* shard, const MemSeries& series, int64_t min_time, int64_t max_time);

// Appends the closed chunks that overlap, by time. The bytes stay where they are.
void ClosedChunksOf(HeadShard* shard, const MemSeries& series, int64_t min_time, int64_t max_time,
                    std::vector<chunk::ChunkView>* out);

// The bytes of the open chunk, which the next append changes; empty when there is none.
chunk::ChunkView OpenChunkOf(HeadShard* shard, const MemSeries& series);

// When a chunk that began at `start` and has its newest sample at `current` should end, so that
// equal chunks fill the time until `max` (Prometheus's computeChunkEndTime).
int64_t ComputeChunkEnd(int64_t start, int64_t current, int64_t max, double ratio_to_full);

}  // namespace tributary::tsdb
