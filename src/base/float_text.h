// Numbers as text without a string's memory, for who writes very many of them.
#pragma once

#include <cstddef>

namespace tributary::base {

// What WriteFloatJson() needs at most.
inline constexpr size_t kFloatJsonBytes = 32;

// Writes what AppendFloatJson() appends; returns its end.
char* WriteFloatJson(char* p, double value);

}  // namespace tributary::base
