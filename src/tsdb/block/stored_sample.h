// StoredSample: a sample of any kind by itself, for the few places that take chunks apart and put
// them together again (overlapping chunks, samples that came out of order).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "base/result.h"
#include "chunk/encoding.h"
#include "model/histogram.h"
#include "model/sample.h"
#include "tsdb/block/time_interval.h"

namespace tributary::tsdb {

struct StoredSample {
  int64_t t = 0;
  int64_t start = 0;  // 0: not known
  std::variant<double, std::unique_ptr<model::Histogram>, std::unique_ptr<model::FloatHistogram>>
      value;
};

// Whether the values are what Prometheus's Equals() calls the same: of one kind, floats
// bit-identical, all stale histograms alike.
bool SameValue(const StoredSample& a, const StoredSample& b);

// What Prometheus's Equals() says of two histograms; the counter reset hint does not matter.
bool SameHistogram(const model::Histogram& a, const model::Histogram& b);
bool SameHistogram(const model::FloatHistogram& a, const model::FloatHistogram& b);

// Appends the samples of the chunk that are in `range`. Fails on a chunk that cannot be decoded,
// having appended what came before the bad place.
base::Status DecodeSamples(const chunk::ChunkView& chunk, TimeInterval range,
                           std::vector<StoredSample>* out);

// Calls `emit` for each chunk that the samples make; the bytes live for the call. Samples ascend in
// time; a chunk has one kind of them. With `start_times` floats are written as XOR2, which alone
// has room for those.
void EncodeSamples(std::span<const StoredSample> samples, bool start_times,
                   const std::function<void(const chunk::ChunkView&)>& emit);

}  // namespace tributary::tsdb
