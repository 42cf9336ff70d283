// Fields that every protobuf form of a native histogram has: spans, and packed buckets.
#pragma once

#include <vector>

#include "model/histogram.h"
#include "wire/protobuf.h"

namespace tributary::wire {

// Each reads the current field of `outer`, appends what it holds, and makes `outer` fail when the
// field is malformed.
void ReadSpan(ProtoReader& outer, std::vector<model::BucketSpan>* spans);
void ReadPackedDeltas(ProtoReader& outer, std::vector<int64_t>* deltas);
void ReadPackedDoubles(ProtoReader& outer, std::vector<double>* values);

}  // namespace tributary::wire
