// One double that is stored as the XOR with its value before (Gorilla), as the sums and float
// counts of histogram chunks are. The same code as the values of XOR chunks, there in a faster
// form.
#pragma once

#include <bit>
#include <cstdint>

#include "chunk/bit_io.h"
#include "chunk/bit_writer.h"

namespace tributary::chunk {

struct XorField {
  static constexpr uint8_t kNoWindow = 0xff;

  uint64_t bits = 0;
  uint8_t leading = kNoWindow;  // of the window of significant bits
  uint8_t trailing = 0;

  double value() const { return std::bit_cast<double>(bits); }

  void PutFirst(BitWriter* out, double v) {
    bits = std::bit_cast<uint64_t>(v);
    out->Put(bits, 64);
  }

  void Put(BitWriter* out, double v) {
    const uint64_t delta = std::bit_cast<uint64_t>(v) ^ bits;
    bits ^= delta;
    if (delta == 0) {
      out->Put(0, 1);
      return;
    }
    auto lead = static_cast<uint8_t>(std::countl_zero(delta));
    const auto trail = static_cast<uint8_t>(std::countr_zero(delta));
    if (lead > 31) lead = 31;
    if (leading != kNoWindow && lead >= leading && trail >= trailing) {
      out->Put(0b10, 2);
      out->Put(delta >> trailing, 64U - leading - trailing);
      return;
    }
    leading = lead;
    trailing = trail;
    const unsigned significant = 64U - lead - trail;
    out->Put(uint64_t{0b11} << 11 | uint64_t{lead} << 6 | (significant & 63), 13);
    out->Put(delta >> trail, significant);
  }

  void ReadFirst(BitReader* in) {
    bits = in->Read(64);
    leading = 0;
  }

  // False when the window makes no sense. REQUIRES: ReadFirst() before.
  bool Read(BitReader* in) {
    if (!in->ReadBit()) return true;
    if (in->ReadBit()) {
      const auto lead = static_cast<unsigned>(in->Read(5));
      auto significant = static_cast<unsigned>(in->Read(6));
      if (significant == 0) significant = 64;
      if (lead + significant > 64) return false;
      leading = static_cast<uint8_t>(lead);
      trailing = static_cast<uint8_t>(64 - lead - significant);
    }
    bits ^= in->Read(64U - leading - trailing) << trailing;
    return true;
  }
};

}  // namespace tributary::chunk
