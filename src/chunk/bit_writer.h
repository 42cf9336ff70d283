// BitWriter: bits appended to a buffer that grows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "chunk/bit_io.h"

namespace tributary::chunk {

class BitWriter {
 public:
  // Begins with `header_bytes` zero bytes.
  explicit BitWriter(size_t header_bytes = 0)
      : bytes_(header_bytes + kBitSlack), position_(header_bytes * 8) {}

  // The low `count` bits of `bits`, 1 to 64; higher bits are ignored.
  void Put(uint64_t bits, unsigned count) {
    const size_t needed = (position_ >> 3) + kBitSlack;
    if (bytes_.size() < needed) [[unlikely]]
      bytes_.resize(needed + needed / 2);
    if (count < 64) bits &= (uint64_t{1} << count) - 1;
    PutBits(bytes_.data(), position_, bits, count);
    position_ += count;
  }

  std::span<const uint8_t> bytes() const { return {bytes_.data(), (position_ + 7) / 8}; }
  // To change what was written before, a header for instance.
  uint8_t* data() { return bytes_.data(); }

 private:
  std::vector<uint8_t> bytes_;
  size_t position_;  // in bits
};

}  // namespace tributary::chunk
