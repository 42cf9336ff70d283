#include "remote/receive/fingerprint.h"

#include <array>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tributary::remote {
namespace {

using Secret = std::array<unsigned char, XXH_SECRET_DEFAULT_SIZE>;

const Secret kSecret = [] {
  Secret secret{};
  XXH3_generateSecret_fromSeed(secret.data(), base::ProcessSeed());
  return secret;
}();

}  // namespace

base::Hash128 Fingerprint(std::string_view bytes) {
  const XXH128_hash_t hash =
      XXH3_128bits_withSecret(bytes.data(), bytes.size(), kSecret.data(), kSecret.size());
  return {.low = hash.low64, .high = hash.high64};
}

}  // namespace tributary::remote
