// The native histogram message that remote write 1.0 and 2.0 share (prometheus.Histogram in
// prompb/types.proto, io.prometheus.write.v2.Histogram): the same field numbers in both.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/histogram.h"
#include "model/sample.h"

namespace tributary::wire {

struct HistogramTimes {
  model::Timestamp t = 0;
  model::Timestamp start = 0;  // 0: not known; 1.0 has no such field
};

// True: an integer histogram was put into `h`; false: a float one into `fh`. Whether buckets and
// spans fit together is not checked here (model::Validate).
base::Result<bool> DecodeHistogramProto(std::string_view encoded, HistogramTimes* times,
                                        model::Histogram* h, model::FloatHistogram* fh);

void EncodeHistogramProto(const model::Histogram& h, HistogramTimes times, std::string* out);
void EncodeHistogramProto(const model::FloatHistogram& h, HistogramTimes times, std::string* out);

}  // namespace tributary::wire
