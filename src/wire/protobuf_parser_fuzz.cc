#include <cstdlib>
#include <vector>

#include "wire/protobuf_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tributary;
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto parser = wire::NewProtobufParser(body, {.native_histograms = (data[0] & 1) != 0,
                                                     .classic_histograms = (data[0] & 2) != 0,
                                                     .custom_buckets = (data[0] & 4) != 0});
  std::vector<model::Label> labels;
  model::Histogram h;
  model::FloatHistogram fh;
  bool is_float = false;
  // A metric of two bytes becomes at most three series and two histograms.
  for (size_t i = 0; i <= 5 * size + 5; ++i) {
    const auto entry = parser->Next();
    if (!entry || *entry == wire::EntryKind::kEnd) return 0;
    model::Exemplar exemplar;
    switch (*entry) {
      case wire::EntryKind::kHistogram:
        if (!parser->Histogram(&h, &fh, &is_float)) std::abort();
        [[fallthrough]];
      case wire::EntryKind::kSample:
        for (size_t e = 0; parser->Exemplar(e, &exemplar); ++e) {
          if (e > size) std::abort();
        }
        if (!parser->Labels(&labels)) continue;
        for (size_t l = 1; l < labels.size(); ++l) {
          if (labels[l - 1].name >= labels[l].name) std::abort();
        }
        break;
      default:
        (void)parser->family().size();
        (void)parser->text().size();
    }
  }
  std::abort();
}
