// XOR2 chunks (Encoding::kXor2): floats with optional start timestamps, timestamp and value under
// one joint prefix code. Format: Prometheus tsdb/chunkenc/{xor2,st}.go.
//
//   u16 count, u8 start header: bit 7 the first sample's start is there, bits 6-0 the index of the
//   first sample from which on every sample has a start (0: none)
//   sample 0: varint t, value (64 bits), [varint t - start]
//   sample 1: uvarint delta of t, value code, [varbit t0 - start]
//   later:    0 all as before | 10 value | 110 + 13 bits | 1110 + 20 bits | 11110 + 64 bits: delta
//   of
//             delta, value code | 11111 stale; then [varbit change of (previous t - start)]
//   value code: 0 as before | 10 in the window before | 110 window and value | 111 stale
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "chunk/bit_io.h"
#include "model/sample.h"

namespace tributary::chunk {

// The size of an empty chunk, and the most that one appended sample can add.
inline constexpr size_t kXor2HeaderBytes = 3;
inline constexpr size_t kMaxXor2SampleBytes = 32;

// Append state of one open chunk. Plain data: copy it, keep it in arrays.
struct Xor2State {
  int64_t start = 0;
  int64_t t = 0;
  uint64_t value = 0;  // bits of the last value that is not stale
  uint64_t t_delta = 0;
  int64_t start_diff = 0;  // previous t - start
  uint32_t bit_size = 0;   // bits written, header included; 0 = not begun
  uint16_t num_samples = 0;
  uint8_t start_change = 0;  // index of the first sample with a start of its own
  uint8_t leading = 0xff;    // 0xff: no window yet
  uint8_t trailing = 0;
};

// Bytes in use.
inline size_t Xor2Bytes(const Xor2State& state) { return (state.bit_size + 7) / 8; }

// Writes an empty chunk. REQUIRES: buffer.size() >= kXor2HeaderBytes. The rest of the buffer need
// not be zeroed.
void Xor2Begin(Xor2State* state, std::span<uint8_t> buffer);

// Appends one sample and updates the header. `start`: when its counter began, 0 when unknown.
// False, with nothing changed, when fewer than kMaxXor2SampleBytes are left in `buffer` or the
// chunk holds 65535 samples.
bool Xor2Append(Xor2State* state, std::span<uint8_t> buffer, int64_t start, int64_t t, double v);

// Rebuilds the append state of an existing chunk (after reading one back).
base::Result<Xor2State> Xor2Resume(std::span<const uint8_t> chunk);

// Decodes all samples. REQUIRES: room for ChunkNumSamples(chunk) in all arrays; `starts` may be
// null. Corrupt or short input is an error, never a crash; what was decoded before it is in the
// arrays.
base::Result<size_t> Xor2Decode(std::span<const uint8_t> chunk, int64_t* timestamps, double* values,
                                int64_t* starts);

// The samples of a chunk, in order. Borrows the bytes; hostile bytes give an error, never a crash.
class Xor2Reader {
 public:
  explicit Xor2Reader(std::span<const uint8_t> chunk);

  // Steps to the next sample. False at the end and on an error, which status() tells.
  bool Next();
  const base::Status& status() const { return status_; }
  size_t num_samples() const { return num_samples_; }

  model::Timestamp t() const { return t_; }
  double v() const { return v_; }
  // 0 when the chunk does not say.
  model::Timestamp start_time() const { return start_; }

 private:
  friend base::Result<Xor2State> Xor2Resume(std::span<const uint8_t> chunk);

  bool ReadFirst();
  bool ReadSecond();
  bool ReadLater();
  bool ReadValue();
  bool ReadWindow();
  bool ReadInWindow();
  void ReadStart(model::Timestamp previous_t);

  BitReader in_;
  base::Status status_;
  size_t num_samples_ = 0;
  size_t num_read_ = 0;
  bool first_start_known_ = false;
  size_t start_change_ = 0;
  model::Timestamp start_ = 0;
  model::Timestamp t_ = 0;
  uint64_t t_delta_ = 0;
  int64_t start_diff_ = 0;
  double v_ = 0;
  uint64_t value_ = 0;
  unsigned leading_ = 0;
  unsigned trailing_ = 0;
  bool has_window_ = false;
};

}  // namespace tributary::chunk
