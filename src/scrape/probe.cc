#include "scrape/probe.h"

#include "base/duration.h"

namespace tributary::scrape {
namespace {

constexpr char kSyncLength[] = "prometheus_target_sync_length_seconds";
constexpr char kSyncFailed[] = "prometheus_target_sync_failed_total";
constexpr char kTargets[] = "prometheus_target_scrape_pool_targets";
constexpr char kMetadataEntries[] = "prometheus_target_metadata_cache_entries";

base::MetricLabels PoolLabel(const std::string& pool) { return {{"scrape_job", pool}}; }

}  // namespace

Probe::Probe(base::MetricsRegistry& metrics)
    : exceeded_body_size(
          metrics.GetCounter("prometheus_target_scrapes_exceeded_body_size_limit_total",
                             "Total number of scrapes that hit the body size limit")),
      exceeded_sample_limit(
          metrics.GetCounter("prometheus_target_scrapes_exceeded_sample_limit_total",
                             "Total number of scrapes that hit the sample limit and were "
                             "rejected.")),
      exceeded_bucket_limit(metrics.GetCounter(
          "prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total",
          "Total number of scrapes that hit the native histogram bucket limit and were rejected.")),
      sample_duplicate(metrics.GetCounter(
          "prometheus_target_scrapes_sample_duplicate_timestamp_total",
          "Total number of samples rejected due to duplicate timestamps but different values.")),
      sample_out_of_bounds(
          metrics.GetCounter("prometheus_target_scrapes_sample_out_of_bounds_total",
                             "Total number of samples rejected due to timestamp falling outside "
                             "of the time bounds.")),
      sample_out_of_order(metrics.GetCounter(
          "prometheus_target_scrapes_sample_out_of_order_total",
          "Total number of samples rejected due to not being out of the expected order.")),
      exceeded_label_limits(
          metrics.GetCounter("prometheus_target_scrape_pool_exceeded_label_limits_total",
                             "Total number of times scrape pools hit the label limits, during "
                             "sync or config reload.")),
      exceeded_target_limit(
          metrics.GetCounter("prometheus_target_scrape_pool_exceeded_target_limit_total",
                             "Total number of times scrape pools hit the target limit, during "
                             "sync or config reload.")),
      pools(metrics.GetCounter("prometheus_target_scrape_pools_total",
                               "Total number of scrape pool creation attempts.")),
      pools_failed(metrics.GetCounter("prometheus_target_scrape_pools_failed_total",
                                      "Total number of scrape pool creations that failed.")),
      metrics_(metrics) {}

base::Summary& Probe::IntervalLength(int64_t interval_ms) {
  return metrics_.GetSummary("prometheus_target_interval_length_seconds",
                             "Actual intervals between scrapes.", {0.01, 0.05, 0.5, 0.9, 0.99},
                             {{"interval", base::FormatDurationMs(interval_ms)}});
}

void Probe::SyncLength(const std::string& pool, double seconds) {
  metrics_
      .GetSummary(kSyncLength, "Actual interval to sync the scrape pool.",
                  {0.01, 0.05, 0.5, 0.9, 0.99}, PoolLabel(pool))
      .Observe(seconds);
}

void Probe::SyncFailed(const std::string& pool, uint64_t count) {
  metrics_.GetCounter(kSyncFailed, "Total number of target sync failures.", PoolLabel(pool))
      .Add(static_cast<double>(count));
}

void Probe::Targets(const std::string& pool, size_t count) {
  metrics_.GetGauge(kTargets, "Current number of targets in this scrape pool.", PoolLabel(pool))
      .Set(static_cast<double>(count));
}

void Probe::MetadataEntries(const std::string& pool, size_t count) {
  metrics_
      .GetGauge(kMetadataEntries, "Total number of metric metadata entries in the cache",
                PoolLabel(pool))
      .Set(static_cast<double>(count));
}

void Probe::ForgetPool(const std::string& pool) {
  for (const char* name : {kSyncLength, kSyncFailed, kTargets, kMetadataEntries}) {
    metrics_.Remove(name, PoolLabel(pool));
  }
}

}  // namespace tributary::scrape
