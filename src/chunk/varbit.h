// Variable-width integers of histogram chunks (tsdb/chunkenc/varbit.go): up to eight 1 bits say
// which of nine widths follows.
//
//   prefix      0  10  110  1110  11110  111110  1111110  11111110  11111111
//   value bits  -   3    6     9     12      18       25        56        64
//
// A signed value of n bits ranges from -(2^(n-1) - 1) to 2^(n-1).
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "chunk/bit_io.h"
#include "chunk/bit_writer.h"

namespace tributary::chunk {

inline constexpr std::array<unsigned, 9> kVarbitWidths = {0, 3, 6, 9, 12, 18, 25, 56, 64};

// Whether a signed value fits `bits` bits (below 64) in this format's range.
inline bool FitsSigned(int64_t x, unsigned bits) {
  const int64_t half = int64_t{1} << (bits - 1);
  return x > -half && x <= half;
}

// The signed value whose low `bits` bits (below 64) are `raw`.
inline int64_t ExtendSigned(uint64_t raw, unsigned bits) {
  const uint64_t half = uint64_t{1} << (bits - 1);
  return static_cast<int64_t>(raw > half ? raw - (uint64_t{1} << bits) : raw);
}

inline void PutVarbitClass(BitWriter* out, unsigned width_class, uint64_t value) {
  if (width_class == 0) {
    out->Put(0, 1);
  } else if (width_class == 8) {
    out->Put(0xff, 8);
    out->Put(value, 64);
  } else {
    const unsigned ones = width_class;
    out->Put((uint64_t{1} << (ones + 1)) - 2, ones + 1);
    out->Put(value, kVarbitWidths[width_class]);
  }
}

inline void PutVarbitInt(BitWriter* out, int64_t value) {
  unsigned width_class = 0;
  if (value != 0) {
    width_class = 1;
    while (width_class < 8 && !FitsSigned(value, kVarbitWidths[width_class])) ++width_class;
  }
  PutVarbitClass(out, width_class, static_cast<uint64_t>(value));
}

inline void PutVarbitUint(BitWriter* out, uint64_t value) {
  const auto bits = static_cast<unsigned>(std::bit_width(value));
  unsigned width_class = 0;
  while (kVarbitWidths[width_class] < bits) ++width_class;
  PutVarbitClass(out, width_class, value);
}

// Takes the prefix; returns the width class.
inline unsigned ReadVarbitClass(BitReader* in) {
  const auto ones = static_cast<unsigned>(std::countl_one(in->Peek()));
  const unsigned width_class = ones < 8 ? ones : 8;
  in->Skip(width_class < 8 ? width_class + 1 : 8);
  return width_class;
}

// Reading past the end yields zeros; ask in->Overrun() afterwards.
inline int64_t ReadVarbitInt(BitReader* in) {
  const unsigned width_class = ReadVarbitClass(in);
  if (width_class == 0) return 0;
  const unsigned width = kVarbitWidths[width_class];
  const uint64_t raw = in->Read(width);
  return width == 64 ? static_cast<int64_t>(raw) : ExtendSigned(raw, width);
}

inline uint64_t ReadVarbitUint(BitReader* in) {
  const unsigned width_class = ReadVarbitClass(in);
  return width_class == 0 ? 0 : in->Read(kVarbitWidths[width_class]);
}

}  // namespace tributary::chunk
