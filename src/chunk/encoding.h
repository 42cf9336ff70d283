// Chunk encodings and the view by which encoded chunks travel between floors: whoever stores chunks
// hands out ChunkViews, whoever needs samples decodes them, and nobody re-encodes on the way.
// Numbers are Prometheus's (tsdb/chunkenc/chunk.go).
#pragma once

#include <cstdint>
#include <span>

#include "model/sample.h"

namespace tributary::chunk {

enum class Encoding : uint8_t {
  kNone = 0,
  kXor = 1,
  kHistogram = 2,
  kFloatHistogram = 3,
  kXor2 = 4,
  kHistogramSt = 5,
  kFloatHistogramSt = 6,
};

// One encoded chunk. `data` begins with the sample count (big endian u16), as on disk. The bytes
// belong to whoever made the view, which says how long they live.
struct ChunkView {
  Encoding encoding = Encoding::kNone;
  model::Timestamp min_time = 0;
  model::Timestamp max_time = 0;  // inclusive
  std::span<const uint8_t> data;
};

}  // namespace tributary::chunk
