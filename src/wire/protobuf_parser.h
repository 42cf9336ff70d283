// Prometheus's protobuf exposition: io.prometheus.client.MetricFamily messages, each behind its
// length. The only format that carries native histograms.
// Format: https://github.com/prometheus/client_model (metrics.proto). What a family becomes:
// prometheus model/textparse/protobufparse.go.
#pragma once

#include <memory>

#include "wire/text_parser.h"

namespace tributary::wire {

struct ProtobufOptions {
  bool native_histograms = false;   // else native parts are passed over
  bool classic_histograms = false;  // also where a native form of the same histogram is kept
  bool custom_buckets = false;      // classic histograms become native ones with custom buckets
};

// Decodes family by family, metric by metric, in place: `body` is borrowed. Classic histograms and
// summaries come as series named as in the text formats.
std::unique_ptr<ExpositionParser> NewProtobufParser(std::string_view body,
                                                    const ProtobufOptions& options);

}  // namespace tributary::wire
