// Sizes as Prometheus prints them.
#pragma once

#include <cstdint>
#include <string>

namespace tributary::config {

// Base 2, the largest units first: 1536 -> "1KiB512B", 0 -> "0B".
std::string FormatSize(uint64_t bytes);

}  // namespace tributary::config
