// CRC-32C (Castagnoli), as every Prometheus file uses it. Hardware instructions where the compiler
// targets them, a table otherwise.
#pragma once

#include <cstdint>

#include "base/fs.h"

namespace tributary::tsdb {

// `crc` continues an earlier call's result.
uint32_t Crc32c(base::Bytes data, uint32_t crc = 0);

// The table version; tests hold the fast one against it.
uint32_t Crc32cPortable(base::Bytes data, uint32_t crc = 0);

}  // namespace tributary::tsdb
