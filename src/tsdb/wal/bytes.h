// Reading and writing Prometheus's primitive encodings: big endian integers, LEB128 uvarints,
// zigzag varints (Go encoding/binary) and uvarint-length strings.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/fs.h"

namespace tributary::tsdb {

inline constexpr size_t kMaxVarintBytes = 10;

// Raw writers: each returns the place after what it wrote; the caller has made room.
inline char* WriteBe64(char* p, uint64_t v) {
  v = __builtin_bswap64(v);
  std::memcpy(p, &v, 8);
  return p + 8;
}
inline char* WriteUvarint(char* p, uint64_t v) {
  while (v >= 0x80) {
    *p++ = static_cast<char>(v | 0x80);
    v >>= 7;
  }
  *p++ = static_cast<char>(v);
  return p;
}
inline char* WriteVarint(char* p, int64_t v) {
  return WriteUvarint(p, (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63));
}

// Appends to a string the caller owns.
class ByteWriter {
 public:
  explicit ByteWriter(std::string* out) : out_(out) {}
  void Byte(uint8_t v) { out_->push_back(static_cast<char>(v)); }
  void Be32(uint32_t v) {
    v = __builtin_bswap32(v);
    out_->append(reinterpret_cast<const char*>(&v), 4);
  }
  void Be64(uint64_t v) {
    v = __builtin_bswap64(v);
    out_->append(reinterpret_cast<const char*>(&v), 8);
  }
  void Double(double v) { Be64(std::bit_cast<uint64_t>(v)); }
  void Uvarint(uint64_t v) {
    char buffer[kMaxVarintBytes];
    out_->append(buffer, static_cast<size_t>(WriteUvarint(buffer, v) - buffer));
  }
  void Varint(int64_t v) {
    char buffer[kMaxVarintBytes];
    out_->append(buffer, static_cast<size_t>(WriteVarint(buffer, v) - buffer));
  }
  void String(std::string_view s) {
    Uvarint(s.size());
    out_->append(s);
  }

 private:
  std::string* out_;
};

// Walks bytes. After the first short or malformed read ok() is false for good and every further
// read gives zero, so that callers may check once at the end.
class ByteReader {
 public:
  explicit ByteReader(base::Bytes data) : p_(data.data()), end_(data.data() + data.size()) {}

  bool ok() const { return ok_; }
  size_t remaining() const { return static_cast<size_t>(end_ - p_); }
  bool done() const { return p_ == end_ || !ok_; }

  uint8_t Byte() {
    if (p_ == end_) return Fail();
    return *p_++;
  }
  uint32_t Be32() {
    if (remaining() < 4) return Fail();
    uint32_t v;
    std::memcpy(&v, p_, 4);
    p_ += 4;
    return __builtin_bswap32(v);
  }
  uint64_t Be64() {
    if (remaining() < 8) return Fail();
    uint64_t v;
    std::memcpy(&v, p_, 8);
    p_ += 8;
    return __builtin_bswap64(v);
  }
  double Double() { return std::bit_cast<double>(Be64()); }
  uint64_t Uvarint() {
    if (p_ != end_ && *p_ < 0x80) return *p_++;
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (p_ == end_) return Fail();
      const uint8_t b = *p_++;
      if (shift == 63 && b > 1) return Fail();
      v |= static_cast<uint64_t>(b & 0x7f) << shift;
      if (b < 0x80) return v;
    }
    return Fail();
  }
  int64_t Varint() {
    const uint64_t v = Uvarint();
    return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1);
  }
  // A count of things that take at least `min_bytes` each: fails when they cannot be there, so
  // that nobody makes room for a count that a few bad bytes claim.
  uint64_t Count(size_t min_bytes) {
    const uint64_t n = Uvarint();
    if (n > remaining() / min_bytes) return Fail();
    return n;
  }
  // A view into the bytes given to the constructor.
  std::string_view String() {
    const uint64_t n = Uvarint();
    if (n > remaining()) {
      Fail();
      return {};
    }
    const std::string_view s(reinterpret_cast<const char*>(p_), n);
    p_ += n;
    return s;
  }

 private:
  uint8_t Fail() {
    ok_ = false;
    p_ = end_;
    return 0;
  }
  const uint8_t* p_;
  const uint8_t* end_;
  bool ok_ = true;
};

}  // namespace tributary::tsdb
