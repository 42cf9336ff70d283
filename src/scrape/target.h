// Target: one endpoint to scrape, as relabelling left it. Immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "model/labels.h"

namespace tributary::scrape {

struct Target {
  model::Labels labels;  // what its samples carry: no label begins with "__"
  std::string url;
  std::string unix_socket;  // from __unix_socket__
  int64_t interval_ms = 0;
  int64_t timeout_ms = 0;
  // As the job says, unless relabelling says otherwise for this target.
  bool native_histograms = false;
  bool classic_histograms = false;
  bool custom_buckets = false;
  // Equal for equal final labels (internal ones included) and URL: such targets are one.
  uint64_t id = 0;
};

// Makes targets of what was discovered. Keep one for many: most of them are dropped where a job
// looks at all pods of a cluster. Thread-compatible.
class TargetBuilder {
 public:
  // `config` is borrowed.
  explicit TargetBuilder(const config::ScrapeConfig& config);

  // Applies defaults and relabel_configs to one target of a group. nullopt: dropped by relabelling.
  // Rules: prometheus scrape/target.go, PopulateLabels.
  base::Result<std::optional<Target>> Build(const model::Labels& target_labels,
                                            const model::Labels& group_labels);
  // What it is before relabelling.
  model::Labels Discovered(const model::Labels& target_labels, const model::Labels& group_labels);

 private:
  // labels_ = what the job sets, the target's, its group's and the defaults; the first to have a
  // name wins.
  void Join(const model::Labels& target_labels, const model::Labels& group_labels);

  const config::ScrapeConfig& config_;
  const model::Labels params_, defaults_;
  std::vector<std::string> cleared_;  // params that the job sets to nothing
  model::LabelsBuilder labels_;
  std::vector<model::Label> next_, joined_, united_;
};

}  // namespace tributary::scrape
