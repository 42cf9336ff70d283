// What the headers of a remote write request say, and its body unpacked.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tributary::remote {

enum class WriteProtocol : unsigned char { kV1, kV2 };

// "application/x-protobuf", with proto=prometheus.WriteRequest or
// proto=io.prometheus.write.v2.Request; empty means 1.0.
base::Result<WriteProtocol> ParseWriteContentType(std::string_view content_type);

enum class BodyEncoding : unsigned char { kSnappy, kZstd, kGzip };

// Empty means snappy, as the protocol knows nothing else.
base::Result<BodyEncoding> ParseBodyEncoding(std::string_view content_encoding);

// Replaces `out`. More than `max_bytes` unpacked is kResourceExhausted.
base::Status UnpackBody(BodyEncoding encoding, std::string_view body, size_t max_bytes,
                        std::string* out);

}  // namespace tributary::remote
