#include "wire/protobuf.h"

#include <fmt/format.h>

namespace tributary::wire {

const char* ReadVarintSlow(const char* p, const char* end, uint64_t* out) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (p >= end) return nullptr;
    const auto byte = static_cast<uint8_t>(*p++);
    if (shift == 63 && byte > 1) return nullptr;
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *out = value;
      return p;
    }
  }
  return nullptr;
}

void ProtoReader::Skip(uint64_t known_fields) {
  if (field() < 64 && (known_fields >> field() & 1) != 0) return Fail("another wire type");
  switch (tag_ & 7) {
    case static_cast<uint32_t>(WireType::kVarint):
      Varint();
      return;
    case static_cast<uint32_t>(WireType::kFixed64):
      if (end_ - p_ < 8) return Fail("8 bytes");
      p_ += 8;
      return;
    case static_cast<uint32_t>(WireType::kBytes):
      Bytes();
      return;
    case static_cast<uint32_t>(WireType::kFixed32):
      if (end_ - p_ < 4) return Fail("4 bytes");
      p_ += 4;
      return;
    default:
      return Fail("a wire type in use");
  }
}

void ProtoReader::Fail(const char* expected) {
  if (expected_ != nullptr) return;
  expected_ = expected;
  failed_at_ = p_;
  p_ = end_;
}

base::Status ProtoReader::status() const {
  if (ok()) return base::OkStatus();
  if (tag_ == 0) {
    return base::Corruption(
        fmt::format("protobuf: byte {}: expected {}", failed_at_ - origin_, expected_));
  }
  return base::Corruption(fmt::format("protobuf: byte {}: expected {} (in or after field {})",
                                      failed_at_ - origin_, expected_, field()));
}

}  // namespace tributary::wire
