#include "scrape/family_cache.h"

#include <utility>

namespace tributary::scrape {

std::shared_ptr<const Family> FamilyCache::Intern(std::string_view name, model::Metadata metadata) {
  std::string key(name);
  key.push_back('\0');
  key.push_back(static_cast<char>(metadata.type));
  key.append(metadata.help).push_back('\0');
  key.append(metadata.unit);
  base::MutexLock lock(mutex_);
  std::shared_ptr<const Family>& family = families_[key];
  if (!family) {
    family = std::make_shared<const Family>(Family{std::string(name), std::move(metadata)});
  }
  return family;
}

void FamilyCache::Collect() {
  base::MutexLock lock(mutex_);
  absl::erase_if(families_, [](const auto& entry) { return entry.second.use_count() == 1; });
}

}  // namespace tributary::scrape
