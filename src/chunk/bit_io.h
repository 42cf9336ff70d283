// Bits written and read most significant first, as Prometheus's chunks have them.
//
// A BitPosition is a count of bits from the start of a buffer. Writing touches whole words: up to 7
// bytes behind the last bit written are overwritten with zeros, so leave kBitSlack bytes of room.
// Reading never goes past the end: what is missing reads as zeros, and the caller compares its
// position with the end.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace tributary::chunk {

inline constexpr size_t kBitSlack = 9;

inline uint64_t LoadBigEndian64(const uint8_t* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof word);
  if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap64(word);
  return word;
}

inline void StoreBigEndian64(uint8_t* p, uint64_t word) {
  if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap64(word);
  std::memcpy(p, &word, sizeof word);
}

// Appends the low `count` bits of `bits` at bit `position`. REQUIRES: 1 <= count <= 64, no higher
// bits set in `bits`, kBitSlack bytes of room from the position's byte on.
inline void PutBits(uint8_t* buffer, size_t position, uint64_t bits, unsigned count) {
  uint8_t* p = buffer + (position >> 3);
  const unsigned used = position & 7;
  const uint64_t kept = used == 0 ? 0 : uint64_t{*p & (0xff00U >> used) & 0xffU} << 56;
  const unsigned free = 64 - used;
  if (count <= free) [[likely]] {
    StoreBigEndian64(p, kept | bits << (free - count));
  } else {
    const unsigned rest = count - free;  // 1 to 7
    StoreBigEndian64(p, kept | bits >> rest);
    p[8] = static_cast<uint8_t>(bits << (8 - rest));
  }
}

// Reads bits of one chunk.
class BitReader {
 public:
  // `position` is in bits.
  BitReader(std::span<const uint8_t> data, size_t position)
      : data_(data.data()), size_(data.size()), position_(position) {}

  // At least 57 bits from the current position on, in the high bits. Does not advance.
  uint64_t Peek() const { return LoadWord(position_ >> 3) << (position_ & 7); }
  void Skip(unsigned bits) { position_ += bits; }

  // 1 <= count <= 64.
  uint64_t Read(unsigned count) {
    const size_t byte = position_ >> 3;
    const unsigned used = position_ & 7;
    uint64_t word = LoadWord(byte) << used;
    if (used + count > 64) word |= uint64_t{byte + 8 < size_ ? data_[byte + 8] : 0U} >> (8 - used);
    position_ += count;
    return word >> (64 - count);
  }
  bool ReadBit() { return Read(1) != 0; }

  size_t position() const { return position_; }
  size_t bits_left() const { return Overrun() ? 0 : size_ * 8 - position_; }
  // True when more was read than there is.
  bool Overrun() const { return position_ > size_ * 8; }

 private:
  uint64_t LoadWord(size_t byte) const {
    if (byte + 8 <= size_) [[likely]]
      return LoadBigEndian64(data_ + byte);
    return LoadTail(data_, size_, byte);
  }
  // Static, so that a reader whose other calls are inlined can live in registers.
  static uint64_t LoadTail(const uint8_t* data, size_t size, size_t byte) {
    uint64_t word = 0;
    for (size_t i = 0; i < 8; ++i) word = word << 8 | (byte + i < size ? data[byte + i] : 0U);
    return word;
  }

  const uint8_t* data_;
  size_t size_;
  size_t position_;
};

}  // namespace tributary::chunk
