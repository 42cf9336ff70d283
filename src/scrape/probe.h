// What scraping counts, under Prometheus's names.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/metrics.h"

namespace tributary::scrape {

// One for the process; thread-safe.
class Probe {
 public:
  explicit Probe(base::MetricsRegistry& metrics);

  base::Counter& exceeded_body_size;
  base::Counter& exceeded_sample_limit;
  base::Counter& exceeded_bucket_limit;
  base::Counter& sample_duplicate;
  base::Counter& sample_out_of_bounds;
  base::Counter& sample_out_of_order;
  base::Counter& exceeded_label_limits;
  base::Counter& exceeded_target_limit;
  base::Counter& pools;
  base::Counter& pools_failed;

  base::Summary& IntervalLength(int64_t interval_ms);
  void SyncLength(const std::string& pool, double seconds);
  void SyncFailed(const std::string& pool, uint64_t count);
  void Targets(const std::string& pool, size_t count);
  void MetadataEntries(const std::string& pool, size_t count);
  void ForgetPool(const std::string& pool);

 private:
  base::MetricsRegistry& metrics_;
};

}  // namespace tributary::scrape
