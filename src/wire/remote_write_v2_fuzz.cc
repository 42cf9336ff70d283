#include <cstdlib>

#include "wire/remote_write_v2.h"

namespace tributary::wire {
namespace {

class Visitor : public WriteVisitorV2 {
 public:
  explicit Visitor(WriteEncoderV2* again) : again_(again) {}
  void OnSymbols(std::span<const std::string_view> symbols) override { symbols_ = symbols; }
  void OnSeries(const WriteSeriesV2& series) override {
    if (!series.problem.empty()) return;
    std::vector<model::Label> labels;
    ResolveLabelsV2(series, symbols_, &labels);
    for (const WriteSampleV2& sample : series.samples) {
      again_->AddSample(labels, sample);
      ++samples;
    }
    for (const std::string_view encoded : series.histograms) {
      model::Timestamp t, start;
      model::Histogram h;
      model::FloatHistogram fh;
      const auto is_int = DecodeHistogramV2(encoded, &t, &start, &h, &fh);
      if (is_int && *is_int) again_->AddHistogram(labels, t, h, start);
      if (is_int && !*is_int) again_->AddHistogram(labels, t, fh, start);
    }
    for (const std::string_view encoded : series.exemplars) {
      const auto exemplar = DecodeExemplarV2(encoded, symbols_);
      if (exemplar) again_->AddExemplar(labels, *exemplar);
    }
  }
  size_t samples = 0;

 private:
  std::span<const std::string_view> symbols_;
  WriteEncoderV2* again_;
};

}  // namespace
}  // namespace tributary::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tributary::wire::DecodeWriteV2;
  std::vector<std::string_view> symbols;
  tributary::wire::WriteEncoderV2 again, third;
  tributary::wire::Visitor first(&again);
  (void)DecodeWriteV2({reinterpret_cast<const char*>(data), size}, &symbols, &first);
  const std::string_view message = again.Finish();
  tributary::wire::Visitor second(&third);
  if (!DecodeWriteV2(message, &symbols, &second) || first.samples != second.samples) std::abort();
  return 0;
}
