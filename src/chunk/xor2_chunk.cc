#include "chunk/xor2_chunk.h"

#include <bit>
#include <cstring>
#include <string>

#include "chunk/varbit.h"

namespace tributary::chunk {
namespace {

// The highest sample index that the start header can name. Starts begin there at the latest, so
// that a later change can still be told.
constexpr size_t kLastStartChange = 0x7f;
constexpr uint8_t kFirstStartKnown = 0x80;

uint64_t Wrap(int64_t x) { return static_cast<uint64_t>(x); }
int64_t WrapSub(int64_t a, int64_t b) { return static_cast<int64_t>(Wrap(a) - Wrap(b)); }
int64_t WrapAdd(int64_t a, int64_t b) { return static_cast<int64_t>(Wrap(a) + Wrap(b)); }

uint64_t ReadUvarintBits(BitReader* in) {
  uint64_t x = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    const uint64_t byte = in->Read(8);
    if (shift < 64) x |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return x;
}
int64_t ReadVarintBits(BitReader* in) {
  const uint64_t zigzag = ReadUvarintBits(in);
  return static_cast<int64_t>(zigzag >> 1 ^ (~(zigzag & 1) + 1));
}

// Appends the codes of one sample to an open chunk. A sample takes 29 bytes at most; kBitSlack
// bytes behind them may be overwritten, so the last ones go to memory of its own first.
class Writer {
 public:
  Writer(Xor2State* state, std::span<uint8_t> buffer) : state_(*state), buffer_(buffer.data()) {
    const size_t last = state_.bit_size >> 3;
    if ((state_.bit_size & 7) != 0) scratch_[0] = buffer_[last];
  }
  ~Writer() {
    const size_t first = state_.bit_size >> 3;
    const size_t bits = (state_.bit_size & 7) + written_;
    std::memcpy(buffer_ + first, scratch_, (bits + 7) / 8);
    state_.bit_size += static_cast<uint32_t>(written_);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void Put(uint64_t bits, unsigned count) {
    if (count < 64) bits &= (uint64_t{1} << count) - 1;
    PutBits(scratch_, (state_.bit_size & 7) + written_, bits, count);
    written_ += count;
  }
  void PutUvarint(uint64_t x) {
    for (; x >= 0x80; x >>= 7) Put(x | 0x80, 8);
    Put(x, 8);
  }
  void PutVarint(int64_t x) { PutUvarint(Wrap(x) << 1 ^ (x < 0 ? ~uint64_t{0} : 0)); }
  void PutVarbit(int64_t x);
  void PutValue(double v);  // the value code
  void PutJoint(int64_t delta_of_delta, double v);
  void PutStart(int64_t start);

 private:
  void PutWindow(uint64_t delta, bool short_code);

  Xor2State& state_;
  uint8_t* buffer_;
  uint8_t scratch_[kMaxXor2SampleBytes + kBitSlack] = {};
  size_t written_ = 0;  // bits
};

void Writer::PutVarbit(int64_t x) {
  if (x == 0) return Put(0, 1);
  unsigned width_class = 1;
  while (width_class < 8 && !FitsSigned(x, kVarbitWidths[width_class])) ++width_class;
  Put((uint64_t{1} << (width_class + 1)) - 2, width_class < 8 ? width_class + 1 : 8);
  if (width_class == 8) {
    // All ones, without the zero that ends the other prefixes.
    written_ -= 8;
    Put(0xff, 8);
  }
  Put(Wrap(x), kVarbitWidths[width_class]);
}

void Writer::PutStart(int64_t start) {
  const int64_t diff = WrapSub(state_.t, start);
  if (state_.start_change > 0) {
    PutVarbit(WrapSub(diff, state_.start_diff));
  } else if (start != state_.start || state_.num_samples == kLastStartChange) {
    state_.start_change = static_cast<uint8_t>(state_.num_samples);
    buffer_[2] |= state_.start_change;
    PutVarbit(diff);
  } else {
    return;
  }
  state_.start_diff = diff;
}

void Writer::PutJoint(int64_t delta_of_delta, double v) {
  const auto fits = [&](unsigned bits) {
    const int64_t half = int64_t{1} << (bits - 1);
    return delta_of_delta >= -half && delta_of_delta < half;
  };
  const uint64_t raw = Wrap(delta_of_delta);
  if (delta_of_delta == 0) {
    const uint64_t delta = std::bit_cast<uint64_t>(v) ^ state_.value;
    if (model::IsStaleNaN(v)) {
      Put(0b11111, 5);
    } else if (delta == 0) {
      Put(0, 1);
    } else {
      Put(0b10, 2);
      PutWindow(delta, true);
    }
    return;
  }
  if (fits(13)) {
    Put(uint64_t{0b110} << 13 | (raw & 0x1fff), 16);
  } else if (fits(20)) {
    Put(uint64_t{0b1110} << 20 | (raw & 0xfffff), 24);
  } else {
    Put(0b11110, 5);
    Put(raw, 64);
  }
  PutValue(v);
}

void Writer::PutValue(double v) {
  const uint64_t delta = std::bit_cast<uint64_t>(v) ^ state_.value;
  if (model::IsStaleNaN(v)) {
    Put(0b111, 3);
  } else if (delta == 0) {
    Put(0, 1);
  } else {
    PutWindow(delta, false);
  }
}

// The short code follows a prefix that says already that the value changed.
void Writer::PutWindow(uint64_t delta, bool short_code) {
  auto leading = static_cast<uint8_t>(std::countl_zero(delta));
  const auto trailing = static_cast<uint8_t>(std::countr_zero(delta));
  if (leading > 31) leading = 31;
  if (state_.leading != 0xff && leading >= state_.leading && trailing >= state_.trailing) {
    Put(short_code ? 0b0 : 0b10, short_code ? 1 : 2);
    Put(delta >> state_.trailing, 64U - state_.leading - state_.trailing);
    return;
  }
  state_.leading = leading;
  state_.trailing = trailing;
  const unsigned significant = 64U - leading - trailing;
  Put(short_code ? 0b1 : 0b110, short_code ? 1 : 3);
  Put(uint64_t{leading} << 6 | (significant & 63), 11);
  Put(delta >> trailing, significant);
}

}  // namespace

void Xor2Begin(Xor2State* state, std::span<uint8_t> buffer) {
  *state = Xor2State{};
  state->bit_size = kXor2HeaderBytes * 8;
  std::memset(buffer.data(), 0, kXor2HeaderBytes);
}

bool Xor2Append(Xor2State* state, std::span<uint8_t> buffer, int64_t start, int64_t t, double v) {
  if (state->num_samples == 0xffff || buffer.size() < Xor2Bytes(*state) + kMaxXor2SampleBytes) {
    return false;
  }
  {
    Writer out(state, buffer);
    if (state->num_samples == 0) {
      out.PutVarint(t);
      out.Put(std::bit_cast<uint64_t>(v), 64);
      if (start != 0) {
        out.PutVarint(WrapSub(t, start));
        buffer[2] |= kFirstStartKnown;
      }
    } else {
      const uint64_t delta = Wrap(t) - Wrap(state->t);
      if (state->num_samples == 1) {
        out.PutUvarint(delta);
        out.PutValue(v);
      } else {
        out.PutJoint(static_cast<int64_t>(delta - state->t_delta), v);
      }
      state->t_delta = delta;
      out.PutStart(start);
    }
  }
  state->start = start;
  state->t = t;
  if (!model::IsStaleNaN(v)) state->value = std::bit_cast<uint64_t>(v);
  ++state->num_samples;
  buffer[0] = static_cast<uint8_t>(state->num_samples >> 8);
  buffer[1] = static_cast<uint8_t>(state->num_samples);
  return true;
}

base::Result<Xor2State> Xor2Resume(std::span<const uint8_t> chunk) {
  Xor2Reader reader(chunk);
  Xor2State state;
  while (reader.Next()) {
  }
  RETURN_IF_ERROR(reader.status());
  state.start = reader.start_;
  state.t = reader.t_;
  state.value = reader.value_;
  state.t_delta = reader.t_delta_;
  state.start_diff = reader.start_diff_;
  state.bit_size = static_cast<uint32_t>(reader.in_.position());
  state.num_samples = static_cast<uint16_t>(reader.num_samples_);
  // Not yet reached when the chunk is shorter: then it is not known to the header either.
  state.start_change = static_cast<uint8_t>(reader.start_change_);
  if (reader.has_window_) {
    state.leading = static_cast<uint8_t>(reader.leading_);
    state.trailing = static_cast<uint8_t>(reader.trailing_);
  }
  return state;
}

base::Result<size_t> Xor2Decode(std::span<const uint8_t> chunk, int64_t* timestamps, double* values,
                                int64_t* starts) {
  Xor2Reader reader(chunk);
  size_t n = 0;
  for (; reader.Next(); ++n) {
    timestamps[n] = reader.t();
    values[n] = reader.v();
    if (starts != nullptr) starts[n] = reader.start_time();
  }
  RETURN_IF_ERROR(reader.status());
  return n;
}

Xor2Reader::Xor2Reader(std::span<const uint8_t> chunk) : in_(chunk, kXor2HeaderBytes * 8) {
  if (chunk.size() < kXor2HeaderBytes) {
    status_ = base::Corruption("xor2 chunk: shorter than its header");
    return;
  }
  num_samples_ = static_cast<size_t>(chunk[0]) << 8 | chunk[1];
  first_start_known_ = (chunk[2] & kFirstStartKnown) != 0;
  start_change_ = chunk[2] & kLastStartChange;
}

bool Xor2Reader::Next() {
  if (!status_ || num_read_ == num_samples_) return false;
  const model::Timestamp previous_t = t_;
  const bool ok = num_read_ == 0 ? ReadFirst() : num_read_ == 1 ? ReadSecond() : ReadLater();
  if (num_read_ > 0 && ok) ReadStart(previous_t);
  if (!ok || in_.Overrun()) {
    status_ = base::Corruption("xor2 chunk: sample " + std::to_string(num_read_) +
                               (ok ? " is cut off" : " has a bad value"));
    return false;
  }
  ++num_read_;
  return true;
}

bool Xor2Reader::ReadFirst() {
  t_ = ReadVarintBits(&in_);
  v_ = std::bit_cast<double>(in_.Read(64));
  if (!model::IsStaleNaN(v_)) value_ = std::bit_cast<uint64_t>(v_);
  if (first_start_known_) start_ = WrapSub(t_, ReadVarintBits(&in_));
  return true;
}

bool Xor2Reader::ReadSecond() {
  t_delta_ = ReadUvarintBits(&in_);
  t_ = static_cast<int64_t>(Wrap(t_) + t_delta_);
  return ReadValue();
}

bool Xor2Reader::ReadLater() {
  const unsigned ones = static_cast<unsigned>(std::countl_one(in_.Peek()));
  in_.Skip(ones < 5 ? ones + 1 : 5);
  if (ones >= 2 && ones < 5) {
    const unsigned width = ones == 2 ? 13 : ones == 3 ? 20 : 64;
    uint64_t raw = in_.Read(width);
    if (width < 64 && raw >> (width - 1) != 0) raw -= uint64_t{1} << width;
    t_delta_ += raw;
  }
  t_ = static_cast<int64_t>(Wrap(t_) + t_delta_);
  switch (ones) {
    case 0:
      v_ = std::bit_cast<double>(value_);
      return true;
    case 1:
      return in_.ReadBit() ? ReadWindow() : ReadInWindow();
    case 2:
    case 3:
    case 4:
      return ReadValue();
    default:
      v_ = model::StaleNaN();
      return true;
  }
}

bool Xor2Reader::ReadValue() {
  if (!in_.ReadBit()) {
    v_ = std::bit_cast<double>(value_);
    return true;
  }
  if (!in_.ReadBit()) return ReadInWindow();
  if (!in_.ReadBit()) return ReadWindow();
  v_ = model::StaleNaN();
  return true;
}

bool Xor2Reader::ReadWindow() {
  leading_ = static_cast<unsigned>(in_.Read(5));
  auto significant = static_cast<unsigned>(in_.Read(6));
  if (significant == 0) significant = 64;
  if (leading_ + significant > 64) return false;
  trailing_ = 64 - leading_ - significant;
  has_window_ = true;
  return ReadInWindow();
}

bool Xor2Reader::ReadInWindow() {
  value_ ^= in_.Read(64 - leading_ - trailing_) << trailing_;
  v_ = std::bit_cast<double>(value_);
  return true;
}

void Xor2Reader::ReadStart(model::Timestamp previous_t) {
  if (start_change_ == 0 || num_read_ < start_change_) return;
  const int64_t change = ReadVarbitInt(&in_);
  start_diff_ = num_read_ == start_change_ ? change : WrapAdd(start_diff_, change);
  start_ = WrapSub(previous_t, start_diff_);
}

}  // namespace tributary::chunk
