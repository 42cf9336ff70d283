#include "remote/send/family_lookup.h"

#include "remote/receive/family_store.h"

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
  const size_t underscore = metric.rfind('_');
  if (underscore == std::string_view::npos) {
    return nullptr;
  }
  const auto it = families_.find(metric.substr(0, underscore));
  if (it == families_.end()) {
    return nullptr;
  }
  const model::MetricType type = it->second.type;
  const bool is_counter =
      type == model::MetricType::kCounter && metric.substr(underscore) == "_total";
  return is_counter || FamilyOf(metric, type) == it->first ? &it->second : nullptr;
}

}  // namespace tributary::remote
