// Varints of Go's encoding/binary: base 128, low group first; signed ones are zigzag.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tributary::chunk {

inline constexpr size_t kMaxVarintBytes = 10;

// Writes at most kMaxVarintBytes; returns the end.
inline uint8_t* PutUvarint(uint8_t* p, uint64_t x) {
  while (x >= 0x80) {
    *p++ = static_cast<uint8_t>(x | 0x80);
    x >>= 7;
  }
  *p++ = static_cast<uint8_t>(x);
  return p;
}

inline uint8_t* PutVarint(uint8_t* p, int64_t x) {
  const uint64_t sign = x < 0 ? ~uint64_t{0} : 0;
  return PutUvarint(p, static_cast<uint64_t>(x) << 1 ^ sign);
}

// Reads at `*at` and advances it. False when the bytes end early or the number needs over 64 bits.
inline bool ReadUvarint(std::span<const uint8_t> data, size_t* at, uint64_t* x) {
  uint64_t result = 0;
  for (size_t i = 0; i < kMaxVarintBytes; ++i) {
    if (*at >= data.size()) return false;
    const uint8_t byte = data[(*at)++];
    if (i == kMaxVarintBytes - 1 && byte > 1) return false;
    result |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      *x = result;
      return true;
    }
  }
  return false;
}

inline bool ReadVarint(std::span<const uint8_t> data, size_t* at, int64_t* x) {
  uint64_t zigzag = 0;
  if (!ReadUvarint(data, at, &zigzag)) return false;
  *x = static_cast<int64_t>(zigzag >> 1 ^ (~(zigzag & 1) + 1));
  return true;
}

}  // namespace tributary::chunk
