#include "base/hash.h"

#include <chrono>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tributary::base {
namespace {

uint64_t DrawSeed() {
  uint64_t seed = 0;
  if (::getrandom(&seed, sizeof(seed), 0) == static_cast<ssize_t>(sizeof(seed))) return seed;
  // Without a working getrandom the clock and the stack's random address are what is left.
  seed = static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
  return XXH3_64bits_withSeed(&seed, sizeof(seed), reinterpret_cast<uintptr_t>(&seed));
}

}  // namespace

uint64_t Hash64(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

Hash128 HashTo128(std::string_view bytes, uint64_t seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return {hash.low64, hash.high64};
}

uint64_t ProcessSeed() {
  static const uint64_t seed = DrawSeed();
  return seed;
}

}  // namespace tributary::base
