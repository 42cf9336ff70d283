#include "chunk/xor_chunk.h"

#include <bit>

#include "chunk/bit_io.h"
#include "chunk/varint.h"

namespace tributary::chunk {

namespace {

using base::Corruption;
using base::Result;

constexpr uint16_t kMaxSamples = 0xffff;
constexpr uint8_t kNoWindow = 0xff;

// Whether `x` fits `bits` bits in the format's two's complement, whose range is one up:
// -(2^(bits-1) - 1) … 2^(bits-1).
bool Fits(int64_t x, unsigned bits) {
  const int64_t half = int64_t{1} << (bits - 1);
  return x > -half && x <= half;
}

uint64_t LowBits(int64_t x, unsigned bits) {
  return static_cast<uint64_t>(x) & ((uint64_t{1} << bits) - 1);
}

// The value whose low `bits` bits are `raw`, in the same range.
int64_t Extend(uint64_t raw, unsigned bits) {
  const uint64_t half = uint64_t{1} << (bits - 1);
  return static_cast<int64_t>(raw > half ? raw - (uint64_t{1} << bits) : raw);
}

// Writes bits to the open chunk.
class Writer {
 public:
  Writer(uint8_t* buffer, size_t position) : buffer_(buffer), position_(position) {}
  void Put(uint64_t bits, unsigned count) {
    PutBits(buffer_, position_, bits, count);
    position_ += count;
  }
  size_t position() const { return position_; }

 private:
  uint8_t* buffer_;
  size_t position_;
};

void PutDeltaOfDelta(Writer* out, int64_t dod) {
  if (dod == 0) {
    out->Put(0, 1);
  } else if (Fits(dod, 14)) {
    out->Put(uint64_t{0b10} << 14 | LowBits(dod, 14), 16);
  } else if (Fits(dod, 17)) {
    out->Put(uint64_t{0b110} << 17 | LowBits(dod, 17), 20);
  } else if (Fits(dod, 20)) {
    out->Put(uint64_t{0b1110} << 20 | LowBits(dod, 20), 24);
  } else {
    out->Put(0b1111, 4);
    out->Put(static_cast<uint64_t>(dod), 64);
  }
}

void PutValue(Writer* out, XorState* state, double v) {
  const uint64_t delta = std::bit_cast<uint64_t>(v) ^ std::bit_cast<uint64_t>(state->v);
  if (delta == 0) {
    out->Put(0, 1);
    return;
  }
  auto leading = static_cast<uint8_t>(std::countl_zero(delta));
  const auto trailing = static_cast<uint8_t>(std::countr_zero(delta));
  if (leading > 31) leading = 31;  // five bits hold it
  if (state->leading != kNoWindow && leading >= state->leading && trailing >= state->trailing) {
    const unsigned significant = 64U - state->leading - state->trailing;
    out->Put(0b10, 2);
    out->Put(delta >> state->trailing, significant);
    return;
  }
  state->leading = leading;
  state->trailing = trailing;
  const unsigned significant = 64U - leading - trailing;
  // 64 does not fit six bits and is written as 0, which cannot occur otherwise.
  out->Put(uint64_t{0b11} << 11 | uint64_t{leading} << 6 | (significant & 63), 13);
  out->Put(delta >> trailing, significant);
}

// Reads the chunk sample by sample: ReadFirst(), ReadSecond(), then ReadNext() for all others. The
// hot part is forced inline, so that the whole state lives in registers.
class Reader {
 public:
  explicit Reader(std::span<const uint8_t> chunk) : chunk_(chunk), in_(chunk, 0) {}

  // Reads sample 0.
  bool ReadFirst() {
    size_t at = kXorHeaderBytes;
    int64_t first_t = 0;
    if (!ReadVarint(chunk_, &at, &first_t) || chunk_.size() - at < 8) return false;
    t = first_t;
    value = LoadBigEndian64(chunk_.data() + at);
    in_ = BitReader(chunk_, (at + 8) * 8);
    return true;
  }

  bool ReadSecond() {
    size_t at = in_.position() / 8;
    uint64_t delta = 0;
    if (!ReadUvarint(chunk_, &at, &delta)) return false;
    t_delta = delta;
    in_ = BitReader(chunk_, at * 8);
    t = static_cast<int64_t>(static_cast<uint64_t>(t) + t_delta);
    return ReadValue(in_.Peek(), 0) && !in_.Overrun();
  }

  // REQUIRES: two samples were read.
  [[gnu::always_inline]] bool ReadNext() {
    const uint64_t word = in_.Peek();
    unsigned used = 1;
    if ((word >> 63) != 0) {
      uint64_t dod = 0;
      if ((word >> 62) == 0b10) {
        dod = static_cast<uint64_t>(Extend(word << 2 >> 50, 14));
        used = 16;
      } else if ((word >> 61) == 0b110) {
        dod = static_cast<uint64_t>(Extend(word << 3 >> 47, 17));
        used = 20;
      } else if ((word >> 60) == 0b1110) {
        dod = static_cast<uint64_t>(Extend(word << 4 >> 44, 20));
        used = 24;
      } else {
        in_.Skip(4);
        dod = in_.Read(64);
        t_delta += dod;
        t = static_cast<int64_t>(static_cast<uint64_t>(t) + t_delta);
        return ReadValue(in_.Peek(), 0) && !in_.Overrun();
      }
      t_delta += dod;
    }
    t = static_cast<int64_t>(static_cast<uint64_t>(t) + t_delta);
    return ReadValue(word, used) && !in_.Overrun();
  }

  size_t position() const { return in_.position(); }

  int64_t t = 0;
  uint64_t t_delta = 0;
  uint64_t value = 0;
  // The window of significant bits; a chunk may use the widest without having declared it.
  unsigned trailing = 0;
  unsigned significant = 64;
  bool has_window = false;

 private:
  // `word` holds at least 57 - `used` unread bits behind the first `used`.
  [[gnu::always_inline]] bool ReadValue(uint64_t word, unsigned used) {
    const uint64_t w = word << used;
    if ((w >> 63) == 0) {
      in_.Skip(used + 1);
      return true;
    }
    unsigned control = 2;
    if ((w >> 62) == 0b11) {
      const auto leading = static_cast<unsigned>(w << 2 >> 59);
      significant = static_cast<unsigned>(w << 7 >> 58);
      if (significant == 0) significant = 64;
      if (leading + significant > 64) return false;
      trailing = 64 - leading - significant;
      has_window = true;
      control = 13;
    }
    if (used + control + significant <= 57) [[likely]] {
      in_.Skip(used + control + significant);
      value ^= (w << control >> (64 - significant)) << trailing;
    } else {
      in_.Skip(used + control);
      value ^= in_.Read(significant) << trailing;
    }
    return true;
  }

  std::span<const uint8_t> chunk_;
  BitReader in_;
};

base::Error CorruptAt(size_t sample) {
  return Corruption("xor chunk: cannot decode sample " + std::to_string(sample));
}

template <bool kRange>
Result<size_t> Decode(std::span<const uint8_t> chunk, int64_t min_time, int64_t max_time,
                      int64_t* timestamps, double* values) {
  if (chunk.size() < kXorHeaderBytes) return Corruption("xor chunk: shorter than its header");
  const size_t total = ChunkNumSamples(chunk);
  Reader in(chunk);
  size_t stored = 0;
  for (size_t i = 0; i < total; ++i) {
    const bool ok = i >= 2 ? in.ReadNext() : i == 0 ? in.ReadFirst() : in.ReadSecond();
    if (!ok) [[unlikely]]
      return CorruptAt(i);
    if constexpr (kRange) {
      if (in.t > max_time) break;
      if (in.t < min_time) continue;
    }
    timestamps[stored] = in.t;
    values[stored] = std::bit_cast<double>(in.value);
    ++stored;
  }
  return stored;
}

}  // namespace

void XorBegin(XorState* state, std::span<uint8_t> buffer) {
  *state = XorState{};
  state->bit_size = kXorHeaderBytes * 8;
  buffer[0] = 0;
  buffer[1] = 0;
}

bool XorAppend(XorState* state, std::span<uint8_t> buffer, int64_t t, double v) {
  const size_t used = XorBytes(*state);
  if (buffer.size() < used || buffer.size() - used < kMaxXorSampleBytes ||
      state->num_samples == kMaxSamples) {
    return false;
  }
  uint64_t t_delta = 0;
  size_t end = 0;
  if (state->num_samples == 0) {
    uint8_t* p = PutVarint(buffer.data() + used, t);
    StoreBigEndian64(p, std::bit_cast<uint64_t>(v));
    end = static_cast<size_t>(p + 8 - buffer.data()) * 8;
  } else {
    t_delta = static_cast<uint64_t>(t) - static_cast<uint64_t>(state->t);
    size_t begin = state->bit_size;
    if (state->num_samples == 1) {
      begin = static_cast<size_t>(PutUvarint(buffer.data() + used, t_delta) - buffer.data()) * 8;
    }
    Writer out(buffer.data(), begin);
    if (state->num_samples > 1)
      PutDeltaOfDelta(&out, static_cast<int64_t>(t_delta - state->t_delta));
    PutValue(&out, state, v);
    end = out.position();
  }
  state->t = t;
  state->v = v;
  state->t_delta = t_delta;
  state->bit_size = static_cast<uint32_t>(end);
  ++state->num_samples;
  buffer[0] = static_cast<uint8_t>(state->num_samples >> 8);
  buffer[1] = static_cast<uint8_t>(state->num_samples);
  return true;
}

Result<XorState> XorResume(std::span<const uint8_t> chunk) {
  if (chunk.size() < kXorHeaderBytes) return Corruption("xor chunk: shorter than its header");
  XorState state;
  state.bit_size = kXorHeaderBytes * 8;
  state.num_samples = static_cast<uint16_t>(ChunkNumSamples(chunk));
  if (state.num_samples == 0) return state;
  Reader in(chunk);
  for (size_t i = 0; i < state.num_samples; ++i) {
    const bool ok = i >= 2 ? in.ReadNext() : i == 0 ? in.ReadFirst() : in.ReadSecond();
    if (!ok) return CorruptAt(i);
  }
  state.t = in.t;
  state.v = std::bit_cast<double>(in.value);
  state.t_delta = in.t_delta;
  state.bit_size = static_cast<uint32_t>(in.position());
  if (in.has_window) {
    state.leading = static_cast<uint8_t>(64 - in.significant - in.trailing);
    state.trailing = static_cast<uint8_t>(in.trailing);
  }
  return state;
}

size_t ChunkNumSamples(std::span<const uint8_t> chunk) {
  if (chunk.size() < kXorHeaderBytes) return 0;
  return static_cast<size_t>(chunk[0]) << 8 | chunk[1];
}

Result<size_t> XorDecode(std::span<const uint8_t> chunk, int64_t* timestamps, double* values) {
  return Decode<false>(chunk, 0, 0, timestamps, values);
}

Result<size_t> XorDecodeRange(std::span<const uint8_t> chunk, int64_t min_time, int64_t max_time,
                              int64_t* timestamps, double* values) {
  return Decode<true>(chunk, min_time, max_time, timestamps, values);
}

}  // namespace tributary::chunk
