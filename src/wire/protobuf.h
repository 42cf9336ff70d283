// Protobuf's wire format: reading and writing fields by hand, bounds checked, without copies.
// Format: https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tributary::wire {

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

constexpr uint32_t ProtoTag(uint32_t field, WireType type) {
  return field << 3 | static_cast<uint32_t>(type);
}

const char* ReadVarintSlow(const char* p, const char* end, uint64_t* out);

// Returns the byte after the varint at `p`; null when it is truncated or longer than 64 bits.
inline const char* ReadVarint(const char* p, const char* end, uint64_t* out) {
  if (p < end && static_cast<signed char>(*p) >= 0) [[likely]] {
    *out = static_cast<uint8_t>(*p);
    return p + 1;
  }
  return ReadVarintSlow(p, end, out);
}

inline double LoadDouble(const char* p) {
  static_assert(std::endian::native == std::endian::little);
  double value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}

inline int64_t ZigZagDecode(uint64_t v) {
  return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1);
}
inline uint64_t ZigZagEncode(int64_t v) {
  return static_cast<uint64_t>(v) << 1 ^ static_cast<uint64_t>(v >> 63);
}

// Walks the fields of one message. The first failure is kept: Next() is false from then on and
// status() says at which byte of `origin` what was expected.
//   while (reader.Next()) switch (reader.tag()) { case ProtoTag(1, …): x = reader.Bytes(); … }
class ProtoReader {
 public:
  explicit ProtoReader(std::string_view message) : ProtoReader(message, message.data()) {}
  // `origin` is the start of the outermost message, from which error positions count.
  ProtoReader(std::string_view message, const char* origin)
      : p_(message.data()), end_(p_ + message.size()), origin_(origin) {}

  // Moves to the next field; false at the end and after an error.
  bool Next() {
    if (p_ >= end_) return false;
    uint64_t tag = 0;
    field_start_ = p_;
    const char* next = ReadVarint(p_, end_, &tag);
    if (next == nullptr || tag > UINT32_MAX || tag < 8) {
      Fail("a field tag");
      return false;
    }
    p_ = next;
    tag_ = static_cast<uint32_t>(tag);
    return true;
  }
  uint32_t tag() const { return tag_; }
  uint32_t field() const { return tag_ >> 3; }
  // Where the current field's tag begins, and where its value begins or, once read, ended.
  const char* field_start() const { return field_start_; }
  const char* position() const { return p_; }

  // The current field's value; the caller looked at the tag. Zero after an error.
  uint64_t Varint() {
    uint64_t value = 0;
    const char* next = ReadVarint(p_, end_, &value);
    if (next == nullptr) {
      Fail("a varint");
      return 0;
    }
    p_ = next;
    return value;
  }
  int64_t ZigZag() { return ZigZagDecode(Varint()); }
  double Double() {
    if (end_ - p_ < 8) {
      Fail("8 bytes");
      return 0;
    }
    const double value = LoadDouble(p_);
    p_ += 8;
    return value;
  }
  std::string_view Bytes() {
    uint64_t size = 0;
    const char* next = ReadVarint(p_, end_, &size);
    if (next == nullptr || size > static_cast<uint64_t>(end_ - next)) {
      Fail("a length within the message");
      return {};
    }
    p_ = next + size;
    return {next, size};
  }

  // Passes over a field the caller does not know. A field of `known_fields` (bit n = field n) that
  // comes here has the wrong wire type, which is an error, as in Prometheus.
  void Skip(uint64_t known_fields);

  void Fail(const char* expected);
  bool ok() const { return expected_ == nullptr; }
  base::Status status() const;

 private:
  const char* p_;
  const char* end_;
  const char* origin_;
  const char* field_start_ = nullptr;
  const char* failed_at_ = nullptr;
  const char* expected_ = nullptr;
  uint32_t tag_ = 0;
};

constexpr uint64_t ProtoFields() { return 0; }
template <class... Rest>
constexpr uint64_t ProtoFields(int field, Rest... rest) {
  return uint64_t{1} << field | ProtoFields(rest...);
}

// Writing. Every Put writes the tag too.

inline size_t VarintSize(uint64_t v) {
  return (static_cast<size_t>(std::bit_width(v | 1)) + 6) / 7;
}
inline char* WriteVarint(char* p, uint64_t v) {
  while (v >= 0x80) {
    *p++ = static_cast<char>(v | 0x80);
    v >>= 7;
  }
  *p++ = static_cast<char>(v);
  return p;
}
inline char* WriteDouble(char* p, double v) {
  std::memcpy(p, &v, sizeof(v));
  return p + sizeof(v);
}

// As memcpy, for texts that are mostly short but not tiny: in blocks, without a call. Returns the
// end.
inline char* CopyShort(char* p, std::string_view from) {
  constexpr size_t kBlock = 16;
  const size_t size = from.size();
  if (size < kBlock) {
    std::memcpy(p, from.data(), size);
    return p + size;
  }
  for (size_t at = 0; at + kBlock < size; at += kBlock) {
    std::memcpy(p + at, from.data() + at, kBlock);
  }
  std::memcpy(p + size - kBlock, from.data() + size - kBlock, kBlock);
  return p + size;
}

inline void PutRawVarint(std::string* out, uint64_t v) {
  char buffer[10];
  out->append(buffer, static_cast<size_t>(WriteVarint(buffer, v) - buffer));
}
inline void PutVarint(std::string* out, uint32_t field, uint64_t v) {
  PutRawVarint(out, ProtoTag(field, WireType::kVarint));
  PutRawVarint(out, v);
}
inline void PutDouble(std::string* out, uint32_t field, double v) {
  PutRawVarint(out, ProtoTag(field, WireType::kFixed64));
  char buffer[8];
  out->append(buffer, static_cast<size_t>(WriteDouble(buffer, v) - buffer));
}
inline void PutBytes(std::string* out, uint32_t field, std::string_view v) {
  PutRawVarint(out, ProtoTag(field, WireType::kBytes));
  PutRawVarint(out, v.size());
  out->append(v);
}
// What stands before the bytes of such a field.
inline char* WriteBytesHead(char* p, uint32_t field, size_t size) {
  return WriteVarint(WriteVarint(p, ProtoTag(field, WireType::kBytes)), size);
}
inline size_t BytesFieldSize(uint32_t field, size_t size) {
  return VarintSize(ProtoTag(field, WireType::kBytes)) + VarintSize(size) + size;
}

}  // namespace tributary::wire
