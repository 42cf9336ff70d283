#include "tsdb/compact/compact_metrics.h"

#include <vector>

namespace tributary::tsdb {
namespace {

std::vector<double> Exponential(double start, double factor, int count) {
  std::vector<double> bounds;
  for (int i = 0; i < count; ++i, start *= factor) bounds.push_back(start);
  return bounds;
}

}  // namespace

CompactMetrics::CompactMetrics(base::MetricsRegistry& r)
    : compactions(r.GetCounter("prometheus_tsdb_compactions_total",
                               "Total number of compactions that were executed for the "
                               "partition.")),
      compactions_triggered(
          r.GetCounter("prometheus_tsdb_compactions_triggered_total",
                       "Total number of triggered compactions for the partition.")),
      compactions_failed(r.GetCounter("prometheus_tsdb_compactions_failed_total",
                                      "Total number of compactions that failed for the "
                                      "partition.")),
      vertical_compactions(r.GetCounter("prometheus_tsdb_vertical_compactions_total",
                                        "Total number of compactions done on overlapping "
                                        "blocks.")),
      populating_block(r.GetGauge("prometheus_tsdb_compaction_populating_block",
                                  "Set to 1 when a block is currently being written to the "
                                  "disk.")),
      duration_seconds(r.GetHistogram("prometheus_tsdb_compaction_duration_seconds",
                                      "Duration of compaction runs", Exponential(1, 2, 14))),
      chunk_size_bytes(r.GetHistogram("prometheus_tsdb_compaction_chunk_size_bytes",
                                      "Final size of chunks on their first compaction",
                                      Exponential(32, 1.5, 12))),
      chunk_samples(r.GetHistogram("prometheus_tsdb_compaction_chunk_samples",
                                   "Final number of samples on their first compaction",
                                   Exponential(4, 1.5, 12))),
      chunk_range_seconds(r.GetHistogram("prometheus_tsdb_compaction_chunk_range_seconds",
                                         "Final time range of chunks on their first compaction",
                                         Exponential(100, 4, 10))),
      time_retentions(r.GetCounter("prometheus_tsdb_time_retentions_total",
                                   "The number of times that blocks were deleted because the "
                                   "maximum time limit was exceeded.")),
      size_retentions(r.GetCounter("prometheus_tsdb_size_retentions_total",
                                   "The number of times that blocks were deleted because the "
                                   "maximum number of bytes was exceeded.")),
      selector_retention_series(
          r.GetCounter("tributary_tsdb_selector_retention_series_total",
                       "Number of series taken out of blocks because their own retention is "
                       "over.")),
      pending_deletions(r.GetGauge("tributary_tsdb_pending_deletions",
                                   "Number of deletions that are not complete yet.")),
      retention_limit_seconds(r.GetGauge("prometheus_tsdb_retention_limit_seconds",
                                         "How long to retain samples in storage.")),
      retention_limit_bytes(r.GetGauge("prometheus_tsdb_retention_limit_bytes",
                                       "Max number of bytes to be retained in the tsdb blocks, "
                                       "configured 0 means disabled")),
      reloads(r.GetCounter("prometheus_tsdb_reloads_total",
                           "Number of times the database reloaded block data from disk.")),
      reloads_failed(r.GetCounter("prometheus_tsdb_reloads_failures_total",
                                  "Number of times the database failed to reloadBlocks block data "
                                  "from disk.")),
      blocks_loaded(
          r.GetGauge("prometheus_tsdb_blocks_loaded", "Number of currently loaded data blocks")),
      blocks_bytes(r.GetGauge("prometheus_tsdb_storage_blocks_bytes",
                              "The number of bytes that are currently used for local storage by "
                              "all blocks.")),
      blocks_set_aside(r.GetGauge("tributary_tsdb_blocks_set_aside",
                                  "Number of blocks on disk that cannot be read.")) {}

}  // namespace tributary::tsdb
