// Hashing (XXH3). Untrusted input is hashed with a seed drawn
// at start-up (ProcessSeed) so that a sender cannot aim for collisions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tributary::base {

uint64_t Hash64(std::string_view bytes, uint64_t seed = 0);

struct Hash128 {
  uint64_t low = 0;
  uint64_t high = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;
};
Hash128 HashTo128(std::string_view bytes, uint64_t seed = 0);

// Random, constant for the life of the process.
uint64_t ProcessSeed();

}  // namespace tributary::base
