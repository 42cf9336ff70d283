// Remote read: prometheus.ReadRequest, ReadResponse and the frames of a streamed answer
// (prompb/remote.proto, types.proto).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"

namespace tributary::wire {

enum class ReadResponseType : unsigned char { kSamples, kStreamedXorChunks };

struct ReadQuery {
  model::Timestamp start = 0;  // both inclusive
  model::Timestamp end = 0;
  std::vector<model::Matcher> matchers;
  int64_t step_ms = 0;   // a hint
  int64_t range_ms = 0;  // likewise
};

struct ReadRequest {
  std::vector<ReadQuery> queries;
  // Most wanted first; a type that is not known is left out. `names_types`: it said any at all.
  std::vector<ReadResponseType> accepted;
  bool names_types = false;
};

// Errors: kCorruption for what is no such message, kInvalidArgument for a matcher that cannot be
// compiled.
base::Result<ReadRequest> DecodeReadRequest(std::string_view message);

// prometheus.Label fields of a TimeSeries or ChunkedSeries, appended to `out`.
void PutReadLabels(model::LabelSpan labels, std::string* out);
// One prometheus.Sample of a TimeSeries.
void PutReadSample(model::Sample sample, std::string* out);
// One prometheus.Histogram of a TimeSeries, as EncodeHistogramProto made it.
void PutReadHistogram(std::string_view encoded, std::string* out);
// A TimeSeries, made of the above, of a QueryResult.
void PutReadSeries(std::string_view series, std::string* result);
// A QueryResult, made of the above, of a ReadResponse.
void PutReadResult(std::string_view result, std::string* response);

struct ReadChunk {
  model::Timestamp min_time = 0, max_time = 0;
  uint8_t type = 0;  // prometheus.Chunk.Encoding: 1 XOR, 2 histogram, 3 float histogram
  std::span<const uint8_t> data;
};
// One prometheus.Chunk of a ChunkedSeries.
void PutReadChunk(const ReadChunk& chunk, std::string* out);
// A ChunkedReadResponse with one series: its labels and chunks as the above made them.
void EncodeChunkedReadResponse(std::string_view labels, std::string_view chunks,
                               uint64_t query_index, std::string* out);

}  // namespace tributary::wire
