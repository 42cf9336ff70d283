// Unpacking of gzip answers, bounded.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tributary::net {

// More than `max_bytes` (0: no limit) is kResourceExhausted, broken input kCorruption. Several
// members in a row are one text. The memory of `spare` is used for it, whatever is in there.
base::Result<std::string> Gunzip(std::string_view packed, size_t max_bytes, std::string spare = {});

}  // namespace tributary::net
