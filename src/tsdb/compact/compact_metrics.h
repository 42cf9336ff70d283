// What blocks and compaction tell about themselves, under Prometheus's names. The handles live as
// long as the registry.
#pragma once

#include "base/metrics.h"

namespace tributary::tsdb {

struct CompactMetrics {
  explicit CompactMetrics(base::MetricsRegistry& registry);

  base::Counter& compactions;
  base::Counter& compactions_triggered;
  base::Counter& compactions_failed;
  base::Counter& vertical_compactions;
  base::Gauge& populating_block;
  base::Histogram& duration_seconds;
  base::Histogram& chunk_size_bytes;
  base::Histogram& chunk_samples;
  base::Histogram& chunk_range_seconds;
  base::Counter& time_retentions;
  base::Counter& size_retentions;
  base::Counter& selector_retention_series;
  base::Gauge& pending_deletions;
  base::Gauge& retention_limit_seconds;
  base::Gauge& retention_limit_bytes;
  base::Counter& reloads;
  base::Counter& reloads_failed;
  base::Gauge& blocks_loaded;
  base::Gauge& blocks_bytes;
  base::Gauge& blocks_set_aside;
};

}  // namespace tributary::tsdb
