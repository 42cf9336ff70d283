// What the histograms of one chunk share, written before the first of them
// (tsdb/chunkenc/histogram_meta.go): zero threshold, schema, spans, custom bounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "chunk/bit_io.h"
#include "chunk/bit_writer.h"
#include "model/histogram.h"

namespace tributary::chunk {

// Before the layout: u16 sample count, one byte of flags.
inline constexpr size_t kHistogramHeaderBytes = 3;

// What a chunk says about a counter reset before its first sample; the flag bits as stored.
enum class CounterResetHeader : uint8_t {
  kUnknown = 0b00000000,
  kNotReset = 0b01000000,
  kReset = 0b10000000,
  kGauge = 0b11000000,
};
inline constexpr uint8_t kCounterResetMask = 0b11000000;

struct HistogramLayout {
  int32_t schema = 0;
  double zero_threshold = 0;
  std::vector<model::BucketSpan> positive_spans = {}, negative_spans = {};
  std::vector<double> custom_values = {};
};

void PutHistogramLayout(BitWriter* out, const HistogramLayout& layout);

// Fails on a short chunk, an unknown schema, or spans with a negative gap or more buckets than
// `max_buckets`.
base::Status ReadHistogramLayout(BitReader* in, size_t max_buckets, HistogramLayout* layout);

// Buckets that the spans describe.
size_t CountBuckets(const std::vector<model::BucketSpan>& spans);

}  // namespace tributary::chunk
