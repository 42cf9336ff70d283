// FamilyStore: what senders say about metric families (type, help, unit). The last to speak is
// right; memory is bounded, and what comes beyond it is passed over. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/string_map.h"
#include "model/metadata.h"

namespace tributary::remote {

// The family of a metric: a histogram's without _bucket, _count and _sum.
std::string_view FamilyOf(std::string_view metric, model::MetricType type);

class FamilyStore {
 public:
  static constexpr size_t kMaxFamilies = 100'000;
  static constexpr size_t kMaxTextBytes = 4096;  // of help and unit each; the rest is cut off

  void Put(std::string_view family, model::MetricType type, std::string_view help,
           std::string_view unit) TB_EXCLUDES(mutex_);
  // By name.
  std::vector<std::pair<std::string, model::Metadata>> All() const TB_EXCLUDES(mutex_);

 private:
  mutable base::Mutex mutex_;
  base::StringMap<model::Metadata> families_ TB_GUARDED_BY(mutex_);
};

}  // namespace tributary::remote
