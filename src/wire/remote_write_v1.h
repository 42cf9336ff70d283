// Remote write 1.0: prometheus.WriteRequest (prompb/remote.proto, types.proto).
//
// Decoding walks the protobuf once and keeps nothing: for each series the visitor gets views into
// the message. `raw_labels` is the encoded label fields as one span where they are contiguous (as
// every known sender writes them): its hash names the series without splitting it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/exemplar.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/metadata.h"
#include "model/sample.h"

namespace tributary::wire {

// Views into the message; valid during the visit.
struct WriteSeriesV1 {
  std::string_view raw_labels;  // contiguous run of label fields; empty if they were scattered
  std::string_view scattered;   // then: the whole TimeSeries message, for SplitLabelsV1
  std::span<const model::Sample> samples;
  std::span<const std::string_view> histograms;  // encoded; DecodeHistogramV1
  std::span<const std::string_view> exemplars;   // encoded; DecodeExemplarV1
};

struct WriteMetadataV1 {
  model::MetricType type = model::MetricType::kUnknown;
  std::string_view family, help, unit;
};

class WriteVisitorV1 {
 public:
  virtual ~WriteVisitorV1() = default;
  virtual void OnSeries(const WriteSeriesV1& series) = 0;
  virtual void OnMetadata(const WriteMetadataV1& /*metadata*/) {}
};

// Errors say at which byte of the message and what was expected. What was visited before an error
// was visited: decode with DecodeWriteV1 into a batch and throw the batch away on error.
base::Status DecodeWriteV1(std::string_view message, WriteVisitorV1* visitor);

// The labels in wire order, unchecked: they may be unsorted, repeated or empty.
base::Status SplitLabelsV1(const WriteSeriesV1& series, std::vector<model::Label>* out);

// True: an integer histogram was put into `h`; false: a float one into `fh`.
base::Result<bool> DecodeHistogramV1(std::string_view encoded, model::Timestamp* t,
                                     model::Histogram* h, model::FloatHistogram* fh);
base::Result<model::Exemplar> DecodeExemplarV1(std::string_view encoded);
// An exemplar's labels in any order -> sorted, without empty values; a repeated name is an error.
base::Result<model::Labels> ExemplarLabels(std::vector<model::Label>* labels);

// Appends WriteRequest fields to a buffer the caller reuses.
class WriteEncoderV1 {
 public:
  explicit WriteEncoderV1(std::string* out) : out_(out) {}
  // One TimeSeries with one sample, as Prometheus sends.
  void AddSample(model::LabelSpan labels, model::Sample sample);
  // The same with labels already encoded by EncodeLabels.
  void AddSampleRaw(std::string_view encoded_labels, model::Sample sample);
  void AddHistogram(model::LabelSpan labels, model::Timestamp t, const model::Histogram& h);
  void AddHistogram(model::LabelSpan labels, model::Timestamp t, const model::FloatHistogram& h);
  void AddExemplar(model::LabelSpan labels, const model::Exemplar& exemplar);
  void AddMetadata(const WriteMetadataV1& metadata);

  static void EncodeLabels(model::LabelSpan labels, std::string* out);

 private:
  std::string* out_;
};

}  // namespace tributary::wire
