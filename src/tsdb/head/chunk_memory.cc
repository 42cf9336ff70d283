#include "tsdb/head/chunk_memory.h"

#include <cstring>

#include "base/check.h"

namespace tributary::tsdb {

void OpenChunks::Push(uint32_t buffer, unsigned bits) {
  *LinksOf(buffer) = {0, free_[bits]};
  if (free_[bits] != 0) LinksOf(free_[bits])->previous = buffer;
  free_[bits] = buffer;
  state_[buffer] = static_cast<uint8_t>(bits | kFree);
}

void OpenChunks::Unlink(uint32_t buffer, unsigned bits) {
  const Links links = *LinksOf(buffer);
  if (links.previous != 0) {
    LinksOf(links.previous)->next = links.next;
  } else {
    free_[bits] = links.next;
  }
  if (links.next != 0) LinksOf(links.next)->previous = links.previous;
}

uint32_t OpenChunks::Allocate(unsigned bits) {
  DCHECK(bits >= kMinBits && bits <= kMaxBits, "no such buffer size");
  unsigned from = bits;
  while (from <= kMaxBits && free_[from] == 0) ++from;
  if (from > kMaxBits) {
    const auto first = static_cast<uint32_t>(blocks_.size()) * kUnitsPerBlock;
    blocks_.push_back(std::make_unique_for_overwrite<uint8_t[]>(kBlockBytes));
    state_.resize(state_.size() + kUnitsPerBlock);
    constexpr uint32_t kStep = 1u << (kMaxBits - kMinBits);
    for (uint32_t i = kUnitsPerBlock; i > 0; i -= kStep) {
      // Buffer 0 means none, so the very first place stays unused.
      if (first + i - kStep != 0) Push(first + i - kStep, kMaxBits);
    }
    from = kMaxBits;
  }
  const uint32_t buffer = free_[from];
  Unlink(buffer, from);
  while (from > bits) {
    --from;
    Push(buffer + (1u << (from - kMinBits)), from);
  }
  state_[buffer] = static_cast<uint8_t>(bits);
  return buffer;
}

void OpenChunks::Free(uint32_t buffer, unsigned bits) {
  DCHECK(state_[buffer] == bits, "buffer freed twice or with another size");
  while (bits < kMaxBits) {
    const uint32_t buddy = buffer ^ (1u << (bits - kMinBits));
    if (state_[buddy] != (bits | kFree)) break;
    Unlink(buddy, bits);
    // What becomes the inside of a larger buffer must not look like a buffer.
    state_[buddy] = 0;
    state_[buffer] = 0;
    buffer &= ~(1u << (bits - kMinBits));
    ++bits;
  }
  Push(buffer, bits);
}

uint32_t ClosedChunks::NewBlock(uint32_t units) {
  uint32_t block;
  if (empty_blocks_.empty()) {
    block = static_cast<uint32_t>(blocks_.size());
    CHECK(block < UINT32_MAX / kUnitsPerBlock, "more than 32 GiB of chunks in a shard");
    blocks_.emplace_back();
  } else {
    block = empty_blocks_.back();
    empty_blocks_.pop_back();
  }
  blocks_[block].bytes = std::make_unique_for_overwrite<uint8_t[]>(size_t{units} * kUnit);
  blocks_[block].units = units;
  memory_bytes_ += size_t{units} * kUnit;
  return block;
}

uint32_t ClosedChunks::Add(Header header, std::span<const uint8_t> data) {
  CHECK(data.size() <= kMaxBytes, "chunk too large");
  header.size = static_cast<uint32_t>(data.size()) & kMaxBytes;
  unmapped_bytes_ += data.size();
  return Store(header, data, false);
}

uint32_t ClosedChunks::AddMapped(Header header, std::span<const uint8_t> data) {
  CHECK(data.size() <= kMaxBytes, "chunk too large");
  header.size = static_cast<uint32_t>(data.size()) & kMaxBytes;
  const uint8_t* address = data.data();
  return Store(header, {reinterpret_cast<const uint8_t*>(&address), sizeof(address)}, true);
}

uint32_t ClosedChunks::Store(const Header& header, std::span<const uint8_t> bytes, bool mapped) {
  const auto units = static_cast<uint32_t>((sizeof(Header) + bytes.size() + kUnit - 1) / kUnit);
  uint32_t chunk;
  if (units >= kUnitsPerBlock) {
    // Never in block 0: chunk 0 means none.
    if (blocks_.empty()) blocks_.emplace_back();
    chunk = NewBlock(units) * kUnitsPerBlock;
  } else {
    Filling& filling = filling_[mapped ? 1 : 0];
    if (filling.block == UINT32_MAX || filling.used_units + units > kUnitsPerBlock) {
      const uint32_t before = filling.block;
      filling.block = NewBlock(kUnitsPerBlock);
      filling.used_units = filling.block == 0 ? 1 : 0;
      // The last block may have lost all its chunks while it was being filled.
      if (before != UINT32_MAX && blocks_[before].live == 0) Release(before);
    }
    chunk = filling.block * kUnitsPerBlock + filling.used_units;
    filling.used_units += units;
  }
  Block& block = blocks_[chunk / kUnitsPerBlock];
  ++block.live;
  block.mapped = mapped;
  std::memcpy(Place(chunk), &header, sizeof(Header));
  std::memcpy(Place(chunk) + sizeof(Header), bytes.data(), bytes.size());
  return chunk;
}

void ClosedChunks::Drop(uint32_t chunk) {
  if (!is_mapped(chunk)) unmapped_bytes_ -= header(chunk).size;
  const uint32_t block = chunk / kUnitsPerBlock;
  if (--blocks_[block].live == 0 && block != filling_[0].block && block != filling_[1].block) {
    Release(block);
  }
}

void ClosedChunks::Release(uint32_t block) {
  blocks_[block].bytes.reset();
  memory_bytes_ -= size_t{blocks_[block].units} * kUnit;
  if (block != 0) empty_blocks_.push_back(block);
}

}  // namespace tributary::tsdb
