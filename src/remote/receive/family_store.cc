#include "remote/receive/family_store.h"

#include <algorithm>

namespace tributary::remote {

std::string_view FamilyOf(std::string_view metric, model::MetricType type) {
  using model::MetricType;
  if (type != MetricType::kHistogram && type != MetricType::kGaugeHistogram &&
      type != MetricType::kSummary) {
    return metric;
  }
  for (const std::string_view suffix : {"_bucket", "_count", "_sum"}) {
    if (metric.ends_with(suffix)) return metric.substr(0, metric.size() - suffix.size());
  }
  return metric;
}

void FamilyStore::Put(std::string_view family, model::MetricType type, std::string_view help,
                      std::string_view unit) {
  if (family.empty()) return;
  help = help.substr(0, kMaxTextBytes);
  unit = unit.substr(0, kMaxTextBytes);
  base::MutexLock lock(mutex_);
  auto it = families_.find(family);
  if (it == families_.end()) {
    if (families_.size() == kMaxFamilies) return;
    it = families_.try_emplace(std::string(family)).first;
  }
  model::Metadata& known = it->second;
  if (known.type == type && known.help == help && known.unit == unit) return;
  known = {.type = type, .help = std::string(help), .unit = std::string(unit)};
}

std::vector<std::pair<std::string, model::Metadata>> FamilyStore::All() const {
  std::vector<std::pair<std::string, model::Metadata>> all;
  {
    base::MutexLock lock(mutex_);
    all.assign(families_.begin(), families_.end());
  }
  std::ranges::sort(all, {}, [](const auto& family) -> const std::string& { return family.first; });
  return all;
}

}  // namespace tributary::remote
