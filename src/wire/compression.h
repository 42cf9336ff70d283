// Whole-buffer compression codecs. Decoding is bounded: input that would unpack to more than
// `max_size` is kResourceExhausted before it is unpacked, broken input is kCorruption.
#pragma once

#include <cstddef>
#include <string>

#include "base/fs.h"
#include "base/result.h"

namespace tributary::wire {

// Snappy block format (not framed), as in remote write and the WAL.
base::Status SnappyDecode(base::Bytes input, size_t max_size, std::string* out);
void SnappyEncode(base::Bytes input, std::string* out);

base::Status ZstdDecode(base::Bytes input, size_t max_size, std::string* out);
void ZstdEncode(base::Bytes input, std::string* out, int level = 1);

base::Status GzipDecode(base::Bytes input, size_t max_size, std::string* out);
void GzipEncode(base::Bytes input, std::string* out);

}  // namespace tributary::wire
