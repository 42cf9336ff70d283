// StableArray: an array whose elements never move. Elements begin as zero bytes. Memory that was
// never touched costs nothing, so sparse use is fine down to a page of memory.
//
// Grow() needs the writer's lock. Elements below a size that was published to a reader (through a
// lock or a release store) may be reached by that reader without a lock; what is in them is
// guarded by whatever the owner says.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <type_traits>

#include "base/check.h"

namespace tributary::tsdb {

template <class T, unsigned kFirstBits = 10>
class StableArray {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  StableArray() = default;
  ~StableArray() {
    for (void* raw : raw_) std::free(raw);
  }
  StableArray(const StableArray&) = delete;
  StableArray& operator=(const StableArray&) = delete;

  T& operator[](uint32_t i) {
    const unsigned bucket = BucketOf(i);
    return buckets_[bucket].load(std::memory_order_acquire)[i - FirstOf(bucket)];
  }
  const T& operator[](uint32_t i) const { return const_cast<StableArray&>(*this)[i]; }

  // Makes elements 0..size-1 there.
  void Grow(uint32_t size) {
    if (size == 0) return;
    for (unsigned bucket = 0; bucket <= BucketOf(size - 1); ++bucket) {
      if (buckets_[bucket].load(std::memory_order_relaxed) != nullptr) continue;
      const size_t count = bucket == 0 ? size_t{1} << kFirstBits : FirstOf(bucket);
      constexpr size_t kAlign = alignof(T) < 64 ? 64 : alignof(T);
      raw_[bucket] = std::calloc(1, count * sizeof(T) + kAlign);
      CHECK(raw_[bucket] != nullptr, "out of memory");
      const auto address = reinterpret_cast<uintptr_t>(raw_[bucket]);
      buckets_[bucket].store(reinterpret_cast<T*>((address + kAlign - 1) / kAlign * kAlign),
                             std::memory_order_release);
    }
  }

 private:
  // Bucket 0 holds 2^kFirstBits elements; every further one as many as all before it.
  static constexpr unsigned BucketOf(uint32_t i) {
    return static_cast<unsigned>(std::bit_width(i >> kFirstBits));
  }
  static constexpr uint32_t FirstOf(unsigned bucket) {
    return bucket == 0 ? 0 : uint32_t{1} << (kFirstBits + bucket - 1);
  }

  static constexpr unsigned kBuckets = 33 - kFirstBits;
  std::atomic<T*> buckets_[kBuckets] = {};
  void* raw_[kBuckets] = {};
};

}  // namespace tributary::tsdb
