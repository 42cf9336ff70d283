#include <cmath>
#include <cstdlib>

#include "wire/text_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tributary;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto parser = wire::NewTextParser(body);
  std::vector<model::Label> labels;
  // Every entry takes at least one byte: more entries than bytes would be a parser that stands.
  for (size_t i = 0; i <= size; ++i) {
    const auto entry = parser->Next();
    if (!entry || *entry == wire::EntryKind::kEnd) return 0;
    if (*entry == wire::EntryKind::kSample) {
      const std::string_view text = parser->series_text();
      if (text.data() < body.data() || text.data() + text.size() > body.data() + size) std::abort();
      if (std::isnan(parser->value()) && model::IsStaleNaN(parser->value())) std::abort();
      if (!parser->Labels(&labels)) continue;
      for (size_t l = 1; l < labels.size(); ++l) {
        if (labels[l - 1].name >= labels[l].name) std::abort();
      }
    } else {
      (void)parser->family().size();
      (void)parser->text().size();
    }
  }
  std::abort();
}
