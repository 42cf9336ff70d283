// What a log tells about itself, under Prometheus's names. Copyable; the handles live as long as
// the registry. Both stores use the prometheus_tsdb_wal_ names, as Prometheus's two do; the log of
// what came out of order has its own.
#pragma once

#include <string_view>

#include "base/metrics.h"

namespace tributary::tsdb {

struct WalMetrics {
  explicit WalMetrics(base::MetricsRegistry& registry,
                      std::string_view prefix = "prometheus_tsdb_wal_");

  base::Summary& fsync_seconds;
  base::Counter& page_flushes;
  base::Counter& completed_pages;
  base::Counter& truncate_failures;
  base::Counter& truncations;
  base::Counter& writes_failed;
  base::Counter& corruptions;
  base::Gauge& current_segment;
  base::Counter& record_bytes_raw;
  base::Counter& record_bytes_saved;
};

}  // namespace tributary::tsdb
