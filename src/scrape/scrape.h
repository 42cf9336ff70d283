// scrape: pulls metrics from targets into a storage::Appendable. A Manager owns one ScrapePool a
// job, a pool one loop a target; loops are spread over beats of the interval by a hash, timed by one
// timer queue, fetched by the asynchronous HTTP client and parsed where the answer is unpacked.
// Promises: Prometheus's rules for labels, limits, timestamps and staleness; `up` and scrape_*
// series always; a reload keeps the schedule of unchanged targets.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/threads.h"
#include "config/config.h"
#include "discovery/discovery.h"
#include "model/labels.h"
#include "model/metadata.h"
#include "storage/appender.h"

namespace tributary::scrape {

enum class Health : unsigned char { kUnknown, kUp, kDown };

// A target as /api/v1/targets shows it.
struct TargetStatus {
  std::string pool;
  model::Labels discovered_labels;
  model::Labels labels;
  std::string scrape_url;
  std::string last_error;
  int64_t last_scrape_ms = 0;  // 0: never
  double last_duration_seconds = 0;
  Health health = Health::kUnknown;
  int64_t interval_ms = 0;
  int64_t timeout_ms = 0;
};

struct DroppedTarget {
  std::string pool;
  model::Labels discovered_labels;
};

struct TargetsStatus {
  std::vector<TargetStatus> active;
  std::vector<DroppedTarget> dropped;
  std::vector<std::pair<std::string, uint64_t>> dropped_counts;  // by pool
};

struct FamilyMetadata {
  std::string family;
  model::Metadata metadata;
  model::Labels target;  // of the target that said it
};

struct ManagerOptions {
  int64_t timestamp_tolerance_ms = 2;
  bool adjust_timestamps = true;
  uint64_t memory_limit_bytes = 0;  // of the process; see shedding.h; 0: none
  bool keep_starts = false;         // hand start timestamps over with the samples
};

// Thread-safe.
class Manager {
 public:
  static std::unique_ptr<Manager> Create(ManagerOptions options, storage::Appendable& storage,
                                         const base::Clock& clock, base::ThreadPool& pool,
                                         base::MetricsRegistry& metrics);
  virtual ~Manager() = default;  // stops
  // Makes the running pools those of `config`. Pools whose config did not change go on untouched.
  virtual base::Status Apply(std::shared_ptr<const config::Config> config) = 0;
  // Hands over what discovery found. Pools not named keep their targets.
  virtual void SetTargets(const discovery::TargetSets& sets) = 0;
  // Dropped ones are as many as a cluster has pods: their labels are made only when asked for.
  virtual TargetsStatus Targets(bool with_dropped) const = 0;
  virtual std::vector<std::string> Pools() const = 0;
  virtual std::vector<FamilyMetadata> Metadata() const = 0;
  // Every family once, by name; of what targets say differently, one.
  virtual std::vector<std::pair<std::string, model::Metadata>> Families() const = 0;
  // Stops scraping; no stale markers are written, as at Prometheus's shutdown.
  virtual void Stop() = 0;
};

}  // namespace tributary::scrape
