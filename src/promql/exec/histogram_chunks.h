// Decoding of every chunk encoding but XOR into samples: histograms, and floats with start
// timestamps.
#pragma once

#include "base/result.h"
#include "chunk/encoding.h"
#include "promql/exec/samples.h"

namespace tributary::promql {

// Appends the samples in [mint, maxt]. Integer histograms become float histograms; a stale
// histogram becomes a staleness marker among the floats. With `start_timestamps`, st and hst grow
// along.
base::Status ReadChunk(const chunk::ChunkView& view, model::Timestamp mint, model::Timestamp maxt,
                       bool start_timestamps, Samples* out);

// Replaces each histogram by one without buckets that says whether the counter was reset before
// it, for readers of count and sum only.
void StripBuckets(Samples* samples);

}  // namespace tributary::promql
