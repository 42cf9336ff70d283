#include <cstdlib>

#include "wire/remote_write_v1.h"

namespace tributary::wire {
namespace {

// Looks at everything a receiver looks at, and demands that what could be read can be written and
// read again.
class Visitor : public WriteVisitorV1 {
 public:
  explicit Visitor(std::string* again) : again_(again) {}
  void OnSeries(const WriteSeriesV1& series) override {
    std::vector<model::Label> labels;
    if (!SplitLabelsV1(series, &labels)) return;
    for (const model::Sample& sample : series.samples) {
      WriteEncoderV1(again_).AddSample(labels, sample);
      ++samples;
    }
    for (const std::string_view encoded : series.histograms) {
      model::Timestamp t;
      model::Histogram h;
      model::FloatHistogram fh;
      const auto is_int = DecodeHistogramV1(encoded, &t, &h, &fh);
      if (is_int && *is_int) WriteEncoderV1(again_).AddHistogram(labels, t, h);
      if (is_int && !*is_int) WriteEncoderV1(again_).AddHistogram(labels, t, fh);
    }
    for (const std::string_view encoded : series.exemplars) {
      const auto exemplar = DecodeExemplarV1(encoded);
      if (exemplar) WriteEncoderV1(again_).AddExemplar(labels, *exemplar);
    }
  }
  void OnMetadata(const WriteMetadataV1& metadata) override {
    WriteEncoderV1(again_).AddMetadata(metadata);
  }
  size_t samples = 0;

 private:
  std::string* again_;
};

}  // namespace
}  // namespace tributary::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tributary::wire::DecodeWriteV1;
  std::string again, third;
  tributary::wire::Visitor first(&again);
  (void)DecodeWriteV1({reinterpret_cast<const char*>(data), size}, &first);
  tributary::wire::Visitor second(&third);
  if (!DecodeWriteV1(again, &second) || first.samples != second.samples) std::abort();
  return 0;
}
