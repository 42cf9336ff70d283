// Target: one endpoint to scrape, as relabelling left it. Immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

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

// Applies defaults and relabel_configs of `config` to one target of a group. nullopt: dropped by
// relabelling. Rules: prometheus scrape/target.go, PopulateLabels.
base::Result<std::optional<Target>> BuildTarget(const config::ScrapeConfig& config,
                                                const model::Labels& target_labels,
                                                const model::Labels& group_labels);
// What it is before relabelling.
model::Labels DiscoveredLabels(const config::ScrapeConfig& config,
                               const model::Labels& target_labels,
                               const model::Labels& group_labels);

// Where in its interval a target is scraped: stable, well spread, different for differently seeded
// replicas. Milliseconds in [0, interval).
int64_t ScrapeOffsetMs(const Target& target, uint64_t seed);

}  // namespace tributary::scrape
