// FamilyLookup: what targets say of the families that metrics belong to. Thread-compatible.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "base/string_map.h"
#include "model/metadata.h"
#include "remote/send/manager.h"

namespace tributary::remote {

class FamilyLookup {
 public:
  void Set(std::vector<FamilyMetadata> families);
  bool empty() const { return families_.empty(); }
  // Of the family of that name or, as histograms, summaries and OpenMetrics's counters have it,
  // without the metric's suffix. Null when nothing is known. Good until the next Set().
  const model::Metadata* Find(std::string_view metric) const;

 private:
  base::StringMap<model::Metadata> families_;
};

}  // namespace tributary::remote
