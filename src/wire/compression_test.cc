#include "wire/compression.h"

#include <random>

#include <gtest/gtest.h>

namespace tributary::wire {
namespace {

using base::AsBytes;
using base::ErrorCode;

struct Codec {
  const char* name;
  void (*encode)(base::Bytes, std::string*);
  base::Status (*decode)(base::Bytes, size_t, std::string*);
};

const Codec kCodecs[] = {
    {"snappy", SnappyEncode, SnappyDecode},
    {"zstd", [](base::Bytes in, std::string* out) { ZstdEncode(in, out); }, ZstdDecode},
    {"gzip", GzipEncode, GzipDecode},
};

std::string Noise(size_t size) {
  std::mt19937_64 random(7);
  std::string text(size, 0);
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

TEST(Compression, WhatIsPackedComesBack) {
  const std::string inputs[] = {"", "a", std::string(1 << 20, 'x'), Noise(300'000)};
  for (const Codec& codec : kCodecs) {
    std::string packed, unpacked = "left over";
    for (const std::string& input : inputs) {
      codec.encode(AsBytes(input), &packed);
      const auto status = codec.decode(AsBytes(packed), 1 << 20, &unpacked);
      ASSERT_TRUE(status) << codec.name << ": " << status.error().message();
      EXPECT_EQ(unpacked, input) << codec.name;
    }
  }
}

TEST(Compression, OneByteOverTheLimitIsRefused) {
  const std::string input(100'000, 'x');
  for (const Codec& codec : kCodecs) {
    std::string packed, unpacked;
    codec.encode(AsBytes(input), &packed);
    EXPECT_TRUE(codec.decode(AsBytes(packed), 100'000, &unpacked)) << codec.name;
    const auto status = codec.decode(AsBytes(packed), 99'999, &unpacked);
    ASSERT_FALSE(status) << codec.name;
    EXPECT_EQ(status.error().code(), ErrorCode::kResourceExhausted) << codec.name;
    EXPECT_NE(status.error().message().find("99999"), std::string::npos);
  }
}

TEST(Compression, BrokenInputIsCorruptionAtEveryCut) {
  const std::string input = Noise(400) + std::string(2000, 'y');
  for (const Codec& codec : kCodecs) {
    std::string packed, unpacked;
    codec.encode(AsBytes(input), &packed);
    for (size_t cut = 0; cut < packed.size(); ++cut) {
      const auto status = codec.decode(AsBytes(packed).first(cut), 1 << 20, &unpacked);
      // Nothing at all is a valid (empty) sequence of zstd frames.
      if (cut == 0 && status) {
        EXPECT_EQ(unpacked, "");
        continue;
      }
      ASSERT_FALSE(status) << codec.name << " cut at " << cut;
      EXPECT_EQ(status.error().code(), ErrorCode::kCorruption) << codec.name << " cut at " << cut;
    }
  }
}

TEST(Compression, GzipMembersAreJoined) {
  std::string first, second, unpacked;
  GzipEncode(AsBytes(std::string(200'000, 'a')), &first);
  GzipEncode(AsBytes("tail"), &second);
  ASSERT_TRUE(GzipDecode(AsBytes(first + second), 1 << 20, &unpacked));
  EXPECT_EQ(unpacked, std::string(200'000, 'a') + "tail");
  EXPECT_FALSE(GzipDecode(AsBytes(first + "junk"), 1 << 20, &unpacked));
}

TEST(Compression, ManyEmptyGzipMembersCostLittle) {
  std::string member, body, unpacked;
  GzipEncode({}, &member);
  while (body.size() < 2'000'000) body += member;
  ASSERT_TRUE(GzipDecode(AsBytes(body), 32 << 20, &unpacked));
  EXPECT_EQ(unpacked, "");
}

TEST(Compression, ASnappyHeaderThatLiesAllocatesNothing) {
  // Promises 2^31-1 bytes, has three.
  const std::string_view lie("\xff\xff\xff\xff\x07zzz", 8);
  std::string unpacked;
  EXPECT_FALSE(SnappyDecode(AsBytes(lie), size_t{1} << 32, &unpacked));
  EXPECT_LT(unpacked.capacity(), size_t{1} << 20);
}

}  // namespace
}  // namespace tributary::wire
