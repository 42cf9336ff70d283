#include "net/keyed_digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/check.h"

namespace tributary::net {
namespace {

constexpr size_t kBytes = 32;

}  // namespace

std::string KeyedDigest(std::string_view key, std::string_view message) {
  std::string digest(kBytes, '\0');
  unsigned size = 0;
  CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(message.data()), message.size(),
             reinterpret_cast<unsigned char*>(digest.data()), &size) != nullptr,
        "hmac failed");
  return digest;
}

std::string RandomKey() {
  std::string key(kBytes, '\0');
  CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(key.data()), kBytes) == 1, "no randomness");
  return key;
}

}  // namespace tributary::net
