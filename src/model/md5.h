// MD5 (RFC 1321), for the hashmod relabel action only. Not for security.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace tributary::model {

std::array<uint8_t, 16> Md5(std::string_view bytes);

}  // namespace tributary::model
