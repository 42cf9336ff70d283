// PageFamilies: the metric families a target's page speaks of, kept up to date at little cost. The
// metadata lines of the last page are remembered by length and hash; as long as the page says the
// same, nothing is parsed and nothing built. When it says something else, the caller reads the page
// once more, for its metadata only. One page at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scrape/family_cache.h"
#include "wire/text_parser.h"

namespace tributary::scrape {

class PageFamilies {
 public:
  explicit PageFamilies(FamilyCache& cache) : cache_(cache) {}

  // Begins a page.
  void Begin();
  // Passes over the line at the start of parser->rest() if it is the metadata or comment line
  // expected there.
  bool PassKnown(wire::ExpositionParser* parser);
  // Notes an entry that Next() has read: kHelp, kType, kUnit or kComment. `line` is its text with
  // the newline, or empty when the format has no lines.
  void Note(const wire::ExpositionParser& parser, wire::EntryKind kind, std::string_view line);
  // Whether the page said something else than the last one that was collected.
  bool Changed() const { return page_hash_ != collected_hash_; }
  // Reads the page again and takes what it says. `parser` is a fresh one.
  void Collect(wire::ExpositionParser* parser);

  // Lets go what was collected; it counts as changed. False: there was nothing.
  bool Forget();

  const FamilyList& list() const { return list_; }

 private:
  struct Line {
    uint64_t hash = 0;
    uint32_t size = 0;
    model::MetricType type = model::MetricType::kUnknown;  // of the parser, behind the line
  };

  FamilyCache& cache_;
  std::vector<Line> lines_;
  size_t next_ = 0;  // expected line
  uint64_t page_hash_ = 0;
  uint64_t collected_hash_ = 0;
  FamilyList list_;
};

}  // namespace tributary::scrape
