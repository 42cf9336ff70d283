// FamilyCache: what the targets say about their metric families (type, help, unit), stored once
// however many targets say the same. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/string_map.h"
#include "model/metadata.h"

namespace tributary::scrape {

struct Family {
  std::string name;
  model::Metadata metadata;
};

// Families of one target, by name. Shared between targets that say the same.
using FamilyList = std::vector<std::shared_ptr<const Family>>;

class FamilyCache {
 public:
  std::shared_ptr<const Family> Intern(std::string_view name, model::Metadata metadata);
  // Drops what no target refers to any more.
  void Collect();

 private:
  base::Mutex mutex_;
  base::StringMap<std::shared_ptr<const Family>> families_ TB_GUARDED_BY(mutex_);
};

}  // namespace tributary::scrape
