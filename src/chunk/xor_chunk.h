// XOR chunks (Gorilla), bit for bit Prometheus's (tsdb/chunkenc/xor.go): u16 count, first timestamp
// varint and value, then delta-of-delta timestamps and XORed values.
//
// Encoding works on memory the caller owns, so that the head can keep open chunks in arenas:
// XorState is all there is beside the bytes. Decoding is by whole chunk into arrays (the fast path
// of queries) or by iterator. Timestamps must not decrease within a chunk; nothing else is assumed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "model/sample.h"

namespace tributary::chunk {

// The most that one appended sample can add, and the size of an empty chunk.
inline constexpr size_t kMaxXorSampleBytes = 20;
inline constexpr size_t kXorHeaderBytes = 2;

// Append state of one open chunk. Plain data: copy it, keep it in arrays.
struct XorState {
  int64_t t = 0;
  double v = 0;
  uint64_t t_delta = 0;
  uint32_t bit_size = 0;  // bits written, header included; 0 = not begun
  uint16_t num_samples = 0;
  uint8_t leading = 0xff;  // 0xff: no window yet
  uint8_t trailing = 0;
};

// Bytes in use.
inline size_t XorBytes(const XorState& state) { return (state.bit_size + 7) / 8; }

// Writes an empty chunk. REQUIRES: buffer.size() >= kXorHeaderBytes. The rest of the buffer need
// not be zeroed.
void XorBegin(XorState* state, std::span<uint8_t> buffer);

// Appends one sample and updates the count in the header. False, with nothing changed, when fewer
// than kMaxXorSampleBytes are left in `buffer` or the chunk holds 65535 samples.
bool XorAppend(XorState* state, std::span<uint8_t> buffer, int64_t t, double v);

// Rebuilds the append state of an existing chunk (after reading one back).
base::Result<XorState> XorResume(std::span<const uint8_t> chunk);

// Samples in the chunk, from its header; 0 when it is too short to have one.
size_t ChunkNumSamples(std::span<const uint8_t> chunk);

// Decodes all samples. REQUIRES: room for ChunkNumSamples(chunk) in both arrays. Corrupt or short
// input is an error, never a crash; what was decoded before it is in the arrays.
base::Result<size_t> XorDecode(std::span<const uint8_t> chunk, int64_t* timestamps, double* values);

// As XorDecode, but stops before the first sample with t > max_time. Samples with t < min_time are
// decoded (XOR cannot skip) but not stored. Returns the number stored.
base::Result<size_t> XorDecodeRange(std::span<const uint8_t> chunk, int64_t min_time,
                                    int64_t max_time, int64_t* timestamps, double* values);

}  // namespace tributary::chunk
