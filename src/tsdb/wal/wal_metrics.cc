#include "tsdb/wal/wal_metrics.h"

namespace tributary::tsdb {

WalMetrics::WalMetrics(base::MetricsRegistry& registry)
    : fsync_seconds(registry.GetSummary("prometheus_tsdb_wal_fsync_duration_seconds",
                                        "Duration of write log fsync.")),
      page_flushes(registry.GetCounter("prometheus_tsdb_wal_page_flushes_total",
                                       "Total number of page flushes.")),
      completed_pages(registry.GetCounter("prometheus_tsdb_wal_completed_pages_total",
                                          "Total number of completed pages.")),
      truncate_failures(registry.GetCounter("prometheus_tsdb_wal_truncations_failed_total",
                                            "Total number of write log truncations that failed.")),
      truncations(registry.GetCounter("prometheus_tsdb_wal_truncations_total",
                                      "Total number of write log truncations attempted.")),
      writes_failed(registry.GetCounter("prometheus_tsdb_wal_writes_failed_total",
                                        "Total number of write log writes that failed.")),
      corruptions(registry.GetCounter("prometheus_tsdb_wal_corruptions_total",
                                      "Total number of WAL corruptions.")),
      current_segment(registry.GetGauge("prometheus_tsdb_wal_segment_current",
                                        "Write log segment index that TSDB is currently writing "
                                        "to.")),
      record_bytes_raw(registry.GetCounter("tributary_wal_record_bytes_total",
                                           "Bytes of log records before compression.")),
      record_bytes_saved(
          registry.GetCounter("tributary_wal_record_bytes_saved_total",
                              "Bytes of log records that compression made unnecessary.")) {}

}  // namespace tributary::tsdb
