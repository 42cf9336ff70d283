// ULIDs: names of blocks. 48 bits of milliseconds and 80 random ones, in 26 letters of Crockford's
// base 32, so that names sort by the time they were given (github.com/ulid/spec).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tributary::tsdb {

// A new one; never the same twice in a process. Thread-safe.
std::string MakeUlid(int64_t now_ms);

bool IsUlid(std::string_view text);

}  // namespace tributary::tsdb
