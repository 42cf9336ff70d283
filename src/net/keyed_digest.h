// HMAC-SHA256: a fingerprint of secrets that says nothing about them without the key.
#pragma once

#include <string>
#include <string_view>

namespace tributary::net {

// 32 bytes.
std::string KeyedDigest(std::string_view key, std::string_view message);
// 32 bytes from the system's generator.
std::string RandomKey();

}  // namespace tributary::net
