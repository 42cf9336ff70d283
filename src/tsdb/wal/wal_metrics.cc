#include "tsdb/wal/wal_metrics.h"

#include <string>

namespace tributary::tsdb {

WalMetrics::WalMetrics(base::MetricsRegistry& registry, std::string_view prefix)
    : fsync_seconds(registry.GetSummary(std::string(prefix) + "fsync_duration_seconds",
                                        "Duration of write log fsync.")),
      page_flushes(registry.GetCounter(std::string(prefix) + "page_flushes_total",
                                       "Total number of page flushes.")),
      completed_pages(registry.GetCounter(std::string(prefix) + "completed_pages_total",
                                          "Total number of completed pages.")),
      truncate_failures(registry.GetCounter(std::string(prefix) + "truncations_failed_total",
                                            "Total number of write log truncations that failed.")),
      truncations(registry.GetCounter(std::string(prefix) + "truncations_total",
                                      "Total number of write log truncations attempted.")),
      writes_failed(registry.GetCounter(std::string(prefix) + "writes_failed_total",
                                        "Total number of write log writes that failed.")),
      corruptions(registry.GetCounter(std::string(prefix) + "corruptions_total",
                                      "Total number of WAL corruptions.")),
      current_segment(registry.GetGauge(std::string(prefix) + "segment_current",
                                        "Write log segment index that TSDB is currently writing "
                                        "to.")),
      record_bytes_raw(registry.GetCounter("tributary_wal_record_bytes_total",
                                           "Bytes of log records before compression.")),
      record_bytes_saved(
          registry.GetCounter("tributary_wal_record_bytes_saved_total",
                              "Bytes of log records that compression made unnecessary.")) {}

}  // namespace tributary::tsdb
