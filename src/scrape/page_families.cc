#include "scrape/page_families.h"

#include <limits>
#include <utility>

#include "base/hash.h"

namespace tributary::scrape {
namespace {

uint64_t HashLine(std::string_view line) { return base::Hash64(line, base::ProcessSeed()); }

// Depends on the order, as what is said last of a family counts.
uint64_t Join(uint64_t page, uint64_t line) { return (page ^ line) * 0x9e3779b97f4a7c15 + 1; }

}  // namespace

void PageFamilies::Begin() {
  next_ = 0;
  page_hash_ = 0;
}

bool PageFamilies::PassKnown(wire::ExpositionParser* parser) {
  if (next_ >= lines_.size()) {
    return false;
  }
  const Line& line = lines_[next_];
  const std::string_view rest = parser->rest();
  if (line.size > rest.size() || HashLine(rest.substr(0, line.size)) != line.hash) {
    return false;
  }
  parser->PassKnown(line.size, line.type);
  page_hash_ = Join(page_hash_, line.hash);
  ++next_;
  return true;
}

void PageFamilies::Note(const wire::ExpositionParser& parser, wire::EntryKind kind,
                        std::string_view line) {
  const bool has_line = line.ends_with('\n') && line.size() <= std::numeric_limits<uint32_t>::max();
  uint64_t hash = 0;
  if (has_line) {
    hash = HashLine(line);
    lines_.resize(next_);
    lines_.push_back({hash, static_cast<uint32_t>(line.size()), parser.type()});
    ++next_;
  } else if (kind != wire::EntryKind::kComment) {
    hash = base::Hash64(parser.family(), base::ProcessSeed());
    hash = kind == wire::EntryKind::kType ? Join(hash, static_cast<uint64_t>(parser.type()))
                                          : base::Hash64(parser.text(), hash);
  }
  page_hash_ = Join(page_hash_, hash);
}

bool PageFamilies::Forget() {
  collected_hash_ = 0;
  return !std::exchange(list_, {}).empty();
}

void PageFamilies::Collect(wire::ExpositionParser* parser) {
  std::vector<Family> families;
  for (auto kind = parser->Next(); kind && *kind != wire::EntryKind::kEnd; kind = parser->Next()) {
    const bool speaks = *kind == wire::EntryKind::kType || *kind == wire::EntryKind::kHelp ||
                        *kind == wire::EntryKind::kUnit;
    if (!speaks) {
      continue;
    }
    if (families.empty() || families.back().name != parser->family()) {
      families.push_back({std::string(parser->family()), {}});
    }
    model::Metadata& metadata = families.back().metadata;
    if (*kind == wire::EntryKind::kType) {
      metadata.type = parser->type();
    } else {
      (*kind == wire::EntryKind::kHelp ? metadata.help : metadata.unit) = parser->text();
    }
  }
  FamilyList list;
  list.reserve(families.size());
  for (Family& family : families) {
    list.push_back(cache_.Intern(family.name, std::move(family.metadata)));
  }
  list_ = std::move(list);
  lines_.resize(next_);
  lines_.shrink_to_fit();
  collected_hash_ = page_hash_;
}

}  // namespace tributary::scrape
