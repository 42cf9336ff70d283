// discovery: finds targets. Each mechanism (static, file, …) is one Discoverer that delivers
// TargetGroups; the Manager runs those of all jobs and hands over the merged state.
// Promises: a broken source keeps its last good groups; updates are delivered at most every 5 s.
// Knows nothing of scraping.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "config/config.h"

namespace tributary::discovery {

// A group is made once and shared by all who look at it: a cluster of fifty thousand pods has as
// many. One that did not change is the same object in the next update.
using GroupPtr = std::shared_ptr<const config::TargetGroup>;

// All groups of each set (job name), whatever mechanism they came from.
using TargetSets = std::map<std::string, std::vector<GroupPtr>>;

// Thread-safe.
class Manager {
 public:
  // `name` labels the metrics ("scrape", "notify"). `on_update` gets the complete state; it is
  // called from one thread of the manager's, first soon after Apply.
  static std::unique_ptr<Manager> Create(std::string name, base::FileSystem& fs,
                                         base::MetricsRegistry& metrics, int64_t update_interval_ms,
                                         std::function<void(const TargetSets&)> on_update);
  virtual ~Manager() = default;  // stops
  // Starts, stops and keeps discoverers so that exactly `configs` run; unchanged ones keep their
  // state. A mechanism that is not served is an error naming it and the job.
  virtual base::Status Apply(
      const std::map<std::string, std::vector<config::SdConfig>>& configs) = 0;
};

}  // namespace tributary::discovery
