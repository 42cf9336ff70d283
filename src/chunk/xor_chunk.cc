#include "chunk/xor_chunk.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

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

// Reads the chunk sample by sample: ReadFirst(), ReadSecond(), then ReadUnchanged() or ReadNext()
// for all others. The hot part is forced inline, so that the whole state lives in registers.
//
// Words are loaded without a look at the end: when it comes near, the rest of the chunk is copied
// to where zeros follow it. That place is not the reader's own, whose address nobody may have.
class Reader {
 public:
  // More than one sample takes together with the word loaded behind it.
  static constexpr size_t kReadAhead = 32;
  using Tail = std::array<uint8_t, 2 * kReadAhead>;

  Reader(std::span<const uint8_t> chunk, Tail* tail) : chunk_(chunk), tail_(tail->data()) {}

  // Reads sample 0.
  bool ReadFirst() {
    size_t at = kXorHeaderBytes;
    int64_t first_t = 0;
    if (!ReadVarint(chunk_, &at, &first_t) || chunk_.size() - at < 8) return false;
    t = first_t;
    value = LoadBigEndian64(chunk_.data() + at);
    MoveTo(at + 8);
    return true;
  }

  bool ReadSecond() {
    size_t at = (start_ + bit_) / 8;
    uint64_t delta = 0;
    if (!ReadUvarint(chunk_, &at, &delta)) return false;
    t_delta = delta;
    MoveTo(at);
    Advance();
    return NearEnd() && ReadValue(Peek(), 0) && !Overrun();
  }

  // Whether a sample, or a run of them, can be read. False: what was read went beyond the end.
  // What is read afterwards needs no look at the end.
  [[gnu::always_inline]] bool NearEnd() {
    if (bit_ < safe_end_) [[likely]]
      return true;
    if (data_ != tail_) MoveToTail();
    return !Overrun();
  }

  // How many samples follow, `most` at most, that change neither interval nor value. They are
  // passed over; t is the caller's to advance. REQUIRES: two samples were read, NearEnd().
  [[gnu::always_inline]] size_t ReadUnchanged(size_t most) {
    const uint64_t word = Peek();
    if ((word >> 62) != 0) return 0;
    // The mark ends the count where the word's bits do.
    size_t run = static_cast<size_t>(std::countl_zero(word | uint64_t{1} << 7)) / 2;
    run = std::min({run, most, (end_ - bit_) / 2});
    bit_ += 2 * run;
    return run;
  }

  // False when it makes no sense. REQUIRES: two samples were read, NearEnd().
  [[gnu::always_inline]] bool ReadNext() {
    const uint64_t word = Peek();
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
        t_delta += Word(bit_ + 4);
        bit_ += 68;
        Advance();
        return ReadValue(Peek(), 0);
      }
      t_delta += dod;
    }
    Advance();
    return ReadValue(word, used);
  }

  void Advance() { t = static_cast<int64_t>(static_cast<uint64_t>(t) + t_delta); }
  size_t position() const { return start_ + bit_; }
  // More was read than there is.
  bool Overrun() const { return bit_ > end_; }

  int64_t t = 0;
  uint64_t t_delta = 0;
  uint64_t value = 0;
  // The window of significant bits; a chunk may use the widest without having declared it.
  unsigned trailing = 0;
  unsigned significant = 64;
  bool has_window = false;

 private:
  void MoveTo(size_t byte) {
    data_ = chunk_.data();
    start_ = 0;
    bit_ = byte * 8;
    end_ = chunk_.size() * 8;
    safe_end_ = chunk_.size() < kReadAhead ? 0 : (chunk_.size() - kReadAhead) * 8 + 1;
  }

  [[gnu::noinline]] static void CopyTail(const uint8_t* from, size_t size, uint8_t* tail) {
    std::memset(tail, 0, sizeof(Tail));
    std::memcpy(tail, from, size);
  }
  [[gnu::always_inline]] void MoveToTail() {
    const size_t byte = bit_ / 8;
    const size_t left = chunk_.size() - byte;  // kReadAhead at most
    CopyTail(chunk_.data() + byte, left, tail_);
    data_ = tail_;
    start_ = byte * 8;
    bit_ -= start_;
    end_ = left * 8;
    safe_end_ = 0;  // each sample may be the last
  }

  // At least 57 bits from bit_ on, then zeros.
  [[gnu::always_inline]] uint64_t Peek() const {
    return LoadBigEndian64(data_ + bit_ / 8) << (bit_ & 7);
  }

  // 64 bits from `bit` on.
  [[gnu::always_inline]] uint64_t Word(size_t bit) const {
    const uint8_t* p = data_ + bit / 8;
    const unsigned used = bit & 7;
    return LoadBigEndian64(p) << used | uint64_t{p[8]} >> (8 - used);
  }

  // `word` holds at least 57 - `used` unread bits behind the first `used`.
  [[gnu::always_inline]] bool ReadValue(uint64_t word, unsigned used) {
    const uint64_t w = word << used;
    if ((w >> 63) == 0) {
      bit_ += used + 1;
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
      value ^= (w << control >> (64 - significant)) << trailing;
    } else {
      value ^= Word(bit_ + used + control) >> (64 - significant) << trailing;
    }
    bit_ += used + control + significant;
    return true;
  }

  const std::span<const uint8_t> chunk_;
  const uint8_t* data_ = nullptr;  // the chunk's, or tail_
  size_t start_ = 0;               // where in the chunk data_ begins, in bits
  size_t bit_ = 0;
  size_t end_ = 0;
  size_t safe_end_ = 0;
  uint8_t* const tail_;
};

base::Error CorruptAt(size_t sample) {
  return Corruption("xor chunk: cannot decode sample " + std::to_string(sample));
}

// The samples up to max_time; those before min_time are passed over. All of them without kRange.
template <bool kRange>
[[gnu::always_inline]] inline Result<size_t> Decode(std::span<const uint8_t> chunk,
                                                    int64_t min_time, int64_t max_time,
                                                    int64_t* timestamps, double* values) {
  if (chunk.size() < kXorHeaderBytes) return Corruption("xor chunk: shorter than its header");
  const size_t total = ChunkNumSamples(chunk);
  Reader::Tail tail;
  Reader begin(chunk, &tail);
  size_t stored = 0;
  // False when this sample and all after it are too late.
  const auto store = [&](const Reader& in) {
    if (kRange && in.t > max_time) return false;
    timestamps[stored] = in.t;
    values[stored] = std::bit_cast<double>(in.value);
    stored += static_cast<size_t>(!kRange || in.t >= min_time);
    return true;
  };
  for (size_t i = 0; i < std::min<size_t>(total, 2); ++i) {
    if (!(i == 0 ? begin.ReadFirst() : begin.ReadSecond())) return CorruptAt(i);
    if (!store(begin)) return stored;
  }
  Reader in = begin;  // has no address, and so lives in registers
  for (size_t i = 2; i < total;) {
    if (!in.NearEnd()) return CorruptAt(i - 1);
    if (size_t unchanged = in.ReadUnchanged(total - i); unchanged > 0) {
      i += unchanged;
      for (; unchanged > 0; --unchanged) {
        in.Advance();
        if (!store(in)) return stored;
      }
      continue;
    }
    if (!in.ReadNext()) [[unlikely]]
      return CorruptAt(i);
    if (!store(in)) return stored;
    ++i;
  }
  if (total > 2 && in.Overrun()) return CorruptAt(total - 1);
  return stored;
}

#if defined(__x86_64__)
// Shifts by numbers in registers are most of the work, and one operation each with BMI2.
template <bool kRange>
[[gnu::target("bmi2")]] Result<size_t> DecodeWithBmi2(std::span<const uint8_t> chunk,
                                                      int64_t min_time, int64_t max_time,
                                                      int64_t* timestamps, double* values) {
  return Decode<kRange>(chunk, min_time, max_time, timestamps, values);
}
#endif

template <bool kRange>
Result<size_t> DecodeAsFits(std::span<const uint8_t> chunk, int64_t min_time, int64_t max_time,
                            int64_t* timestamps, double* values) {
#if defined(__x86_64__)
  static const bool has_bmi2 = __builtin_cpu_supports("bmi2") != 0;
  if (has_bmi2) return DecodeWithBmi2<kRange>(chunk, min_time, max_time, timestamps, values);
#endif
  return Decode<kRange>(chunk, min_time, max_time, timestamps, values);
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
  Reader::Tail tail;
  Reader in(chunk, &tail);
  for (size_t i = 0; i < state.num_samples; ++i) {
    const bool ok = i >= 2   ? in.NearEnd() && in.ReadNext() && !in.Overrun()
                    : i == 0 ? in.ReadFirst()
                             : in.ReadSecond();
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
  return DecodeAsFits<false>(chunk, 0, 0, timestamps, values);
}

Result<size_t> XorDecodeRange(std::span<const uint8_t> chunk, int64_t min_time, int64_t max_time,
                              int64_t* timestamps, double* values) {
  return DecodeAsFits<true>(chunk, min_time, max_time, timestamps, values);
}

}  // namespace tributary::chunk
