// Where the head keeps chunk bytes. One of each per shard; all calls need the shard's lock.
//
// OpenChunks: growing buffers of 32 to 1024 bytes, in a buddy system. All series of a target grow
// in step, so freed small buffers must be able to become large ones, or half of the memory would
// lie idle in size classes that nobody asks for any more.
//
// ClosedChunks: finished chunks, byte for byte, packed into blocks. They never change and never
// move; a block is given back when its last chunk is dropped. A chunk whose bytes are in a mapped
// file has only its header and their address here.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "chunk/encoding.h"
#include "model/sample.h"

namespace tributary::tsdb {

class OpenChunks {
 public:
  static constexpr unsigned kMinBits = 5;   // 32 bytes
  static constexpr unsigned kMaxBits = 10;  // 1024 bytes

  // A buffer of 2^bits bytes. Never 0.
  uint32_t Allocate(unsigned bits);
  void Free(uint32_t buffer, unsigned bits);
  std::span<uint8_t> Data(uint32_t buffer, unsigned bits) {
    return {blocks_[buffer / kUnitsPerBlock].get() + (buffer % kUnitsPerBlock) * size_t{kUnit},
            size_t{1} << bits};
  }
  size_t memory_bytes() const { return blocks_.size() * size_t{kBlockBytes}; }

 private:
  static constexpr uint32_t kUnit = 1u << kMinBits;
  static constexpr uint32_t kBlockBytes = 64 << 10;
  static constexpr uint32_t kUnitsPerBlock = kBlockBytes / kUnit;
  static constexpr uint8_t kFree = 0x80;

  // A free buffer holds its neighbours in the list of its size.
  struct Links {
    uint32_t previous;
    uint32_t next;
  };
  Links* LinksOf(uint32_t buffer) {
    return reinterpret_cast<Links*>(Data(buffer, kMinBits).data());
  }
  void Push(uint32_t buffer, unsigned bits);
  void Unlink(uint32_t buffer, unsigned bits);

  std::vector<std::unique_ptr<uint8_t[]>> blocks_;
  std::vector<uint8_t> state_;  // by unit, at a buffer's first: bits, and kFree when it is
  uint32_t free_[kMaxBits + 1] = {};
};

class ClosedChunks {
 public:
  struct Header {
    uint32_t previous = 0;  // the chunk before it in its series, 0 for none
    uint32_t size : 24 = 0;
    chunk::Encoding encoding = chunk::Encoding::kNone;
    model::Timestamp min_time = 0;
    model::Timestamp max_time = 0;
  };
  static_assert(sizeof(Header) == 24);

  static constexpr size_t kMaxBytes = (1u << 24) - 1;

  // Copies `data` in; `header.size` is set from it. Never 0. REQUIRES: at most kMaxBytes.
  uint32_t Add(Header header, std::span<const uint8_t> data);
  // The same for bytes that stay where they are, as long as the chunk is here.
  uint32_t AddMapped(Header header, std::span<const uint8_t> data);
  Header& header(uint32_t chunk) { return *reinterpret_cast<Header*>(Place(chunk)); }
  std::span<const uint8_t> Data(uint32_t chunk) {
    const uint8_t* const place = Place(chunk) + sizeof(Header);
    if (!is_mapped(chunk)) return {place, header(chunk).size};
    const uint8_t* mapped;
    std::memcpy(&mapped, place, sizeof(mapped));
    return {mapped, header(chunk).size};
  }
  bool is_mapped(uint32_t chunk) const { return blocks_[chunk / kUnitsPerBlock].mapped; }
  // Nobody may be looking at the chunk's bytes any more.
  void Drop(uint32_t chunk);
  size_t memory_bytes() const { return memory_bytes_; }
  // Of chunks that are here with their bytes.
  size_t unmapped_bytes() const { return unmapped_bytes_; }

 private:
  static constexpr uint32_t kUnit = 8;
  static constexpr uint32_t kUnitsPerBlock = 1u << 14;  // 128 KiB
  struct Block {
    std::unique_ptr<uint8_t[]> bytes;
    uint32_t units = 0;  // more than kUnitsPerBlock when one large chunk has it to itself
    uint32_t live = 0;
    bool mapped = false;  // its chunks are
  };
  // The block that chunks of one kind go to.
  struct Filling {
    uint32_t block = UINT32_MAX;
    uint32_t used_units = 0;
  };
  uint32_t NewBlock(uint32_t units);
  uint32_t Store(const Header& header, std::span<const uint8_t> bytes, bool mapped);
  void Release(uint32_t block);
  uint8_t* Place(uint32_t chunk) {
    return blocks_[chunk / kUnitsPerBlock].bytes.get() + (chunk % kUnitsPerBlock) * size_t{kUnit};
  }

  std::vector<Block> blocks_;
  std::vector<uint32_t> empty_blocks_;
  Filling filling_[2];  // [1]: of mapped chunks
  size_t memory_bytes_ = 0;
  size_t unmapped_bytes_ = 0;
};

}  // namespace tributary::tsdb
