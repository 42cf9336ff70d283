// Reading a line by its remembered length must give what reading it anew gives, and must touch
// nothing where it does not apply. The first byte chooses the format; the page is read twice.
#include <bit>
#include <cstdlib>
#include <string>
#include <vector>

#include "wire/text_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tributary;
  if (size == 0) return 0;
  const std::string_view page(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto make = [&] {
    return (data[0] & 1) != 0 ? wire::NewOpenMetricsParser(page) : wire::NewTextParser(page);
  };
  const auto anew = make();
  const auto known = make();
  for (;;) {
    const size_t left = anew->rest().size();
    const std::string_view line = anew->rest();
    const auto entry = anew->Next();
    if (!entry || *entry == wire::EntryKind::kEnd) return 0;
    if (*entry != wire::EntryKind::kSample) {
      known->PassKnown(left - anew->rest().size(), anew->type());
      continue;
    }
    const std::string_view text = anew->series_text();
    wire::KnownSample sample;
    if (text.data() == line.data() && known->NextKnown(text.size(), &sample)) {
      if (sample.timestamp != anew->timestamp()) std::abort();
      if (std::bit_cast<uint64_t>(sample.value) != std::bit_cast<uint64_t>(anew->value())) {
        std::abort();
      }
      if (sample.rest.data() != known->rest().data()) std::abort();
      model::Exemplar exemplar;
      if (anew->Exemplar(&exemplar) || anew->start_timestamp() != 0) std::abort();
    } else if (known->rest().size() != left || !known->Next()) {
      std::abort();
    }
    if (known->rest().size() != anew->rest().size()) std::abort();
  }
}
