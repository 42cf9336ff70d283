#include "remote/send/family_lookup.h"

namespace tributary::remote {

void FamilyLookup::Set(std::vector<FamilyMetadata> families) {
  families_.clear();
  for (auto& [name, metadata] : families) {
    families_.insert_or_assign(std::move(name), std::move(metadata));
  }
}

const model::Metadata* FamilyLookup::Find(std::string_view metric) const {
  if (const auto it = families_.find(metric); it != families_.end()) {
    return &it->second;
  }
  for (const std::string_view suffix : {"_bucket", "_count", "_sum", "_total", "_created"}) {
    if (metric.ends_with(suffix)) {
      const auto it = families_.find(metric.substr(0, metric.size() - suffix.size()));
      return it == families_.end() ? nullptr : &it->second;
    }
  }
  return nullptr;
}

}  // namespace tributary::remote
