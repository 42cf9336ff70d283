#include <algorithm>

#include "storage/querier.h"

namespace tributary::storage {

namespace {

constexpr size_t kSlabBytes = size_t{64} << 10;
constexpr size_t kAlignment = 8;

}  // namespace

std::span<uint8_t> ChunkBuffer::Allocate(size_t size) {
  const size_t rounded = (size + kAlignment - 1) & ~(kAlignment - 1);
  while (slab_ < slabs_.size() && sizes_[slab_] - used_ < rounded) {
    ++slab_;
    used_ = 0;
  }
  if (slab_ == slabs_.size()) {
    const size_t bytes = std::max(rounded, kSlabBytes);
    slabs_.push_back(std::make_unique_for_overwrite<uint8_t[]>(bytes));
    sizes_.push_back(bytes);
    used_ = 0;
  }
  const std::span<uint8_t> out(slabs_[slab_].get() + used_, size);
  used_ += rounded;
  return out;
}

void ChunkBuffer::Clear() {
  slab_ = 0;
  used_ = 0;
}

}  // namespace tributary::storage
