#include "remote/send/probe.h"

namespace tributary::remote {

SendProbe::SendProbe(base::MetricsRegistry& metrics, const std::string& name,
                     const std::string& url)
    : labels{{"remote_name", name}, {"url", url}},
      samples(metrics.GetCounter("prometheus_remote_storage_samples_total",
                                 "Total number of samples sent to remote storage.", labels)),
      histograms(metrics.GetCounter("prometheus_remote_storage_histograms_total",
                                    "Total number of histograms sent to remote storage.", labels)),
      exemplars(metrics.GetCounter("prometheus_remote_storage_exemplars_total",
                                   "Total number of exemplars sent to remote storage.", labels)),
      metadata(metrics.GetCounter("prometheus_remote_storage_metadata_total",
                                  "Total number of metadata sent to remote storage.", labels)),
      samples_failed(metrics.GetCounter(
          "prometheus_remote_storage_samples_failed_total",
          "Total number of samples which failed on send to remote storage, non-recoverable errors.",
          labels)),
      histograms_failed(
          metrics.GetCounter("prometheus_remote_storage_histograms_failed_total",
                             "Total number of histograms which failed on send to remote storage, "
                             "non-recoverable errors.",
                             labels)),
      exemplars_failed(
          metrics.GetCounter("prometheus_remote_storage_exemplars_failed_total",
                             "Total number of exemplars which failed on send to remote storage, "
                             "non-recoverable errors.",
                             labels)),
      metadata_failed(
          metrics.GetCounter("prometheus_remote_storage_metadata_failed_total",
                             "Total number of metadata entries which failed on send to remote "
                             "storage, non-recoverable errors.",
                             labels)),
      samples_retried(
          metrics.GetCounter("prometheus_remote_storage_samples_retried_total",
                             "Total number of samples which failed on send to remote storage but "
                             "were retried because the send error was recoverable.",
                             labels)),
      bytes(metrics.GetCounter("prometheus_remote_storage_bytes_total",
                               "The total number of bytes of data (not metadata) sent after "
                               "compression.",
                               labels)),
      pending(metrics.GetGauge("prometheus_remote_storage_samples_pending",
                               "The number of samples pending in the queues shards to be sent to "
                               "the remote storage.",
                               labels)),
      shards(metrics.GetGauge("prometheus_remote_storage_shards",
                              "The number of shards used for parallel sending to the remote "
                              "storage.",
                              labels)),
      shards_max(metrics.GetGauge("prometheus_remote_storage_shards_max",
                                  "The maximum number of shards that the queue is allowed to run.",
                                  labels)),
      shards_min(metrics.GetGauge("prometheus_remote_storage_shards_min",
                                  "The minimum number of shards that the queue is allowed to run.",
                                  labels)),
      shards_desired(metrics.GetGauge(
          "prometheus_remote_storage_shards_desired",
          "The number of shards that the queues shard calculation wants to run.", labels)),
      shard_capacity(metrics.GetGauge("prometheus_remote_storage_shard_capacity",
                                      "The capacity of each shard of the queue.", labels)),
      max_samples_per_send(metrics.GetGauge(
          "prometheus_remote_storage_max_samples_per_send",
          "The maximum number of samples to be sent, in a single request.", labels)),
      highest_timestamp(
          metrics.GetGauge("prometheus_remote_storage_queue_highest_timestamp_seconds",
                           "Highest timestamp that was enqueued, in seconds since epoch.", labels)),
      highest_sent_timestamp(metrics.GetGauge(
          "prometheus_remote_storage_queue_highest_sent_timestamp_seconds",
          "Timestamp from a WAL sample, the highest timestamp successfully sent by this queue, in "
          "seconds since epoch.",
          labels)),
      lag_seconds(metrics.GetGauge("tributary_remote_storage_lag_seconds",
                                   "Age of the oldest sample that was read from the log and is not "
                                   "delivered; 0 when all is.",
                                   labels)),
      backlog_bytes(metrics.GetGauge("tributary_remote_storage_backlog_bytes",
                                     "Bytes of log that are not delivered yet.", labels)),
      aside_bytes(metrics.GetGauge("tributary_remote_storage_set_aside_bytes",
                                   "Bytes of log that wait while fresh samples are sent first; 0 "
                                   "when all goes in order.",
                                   labels)),
      holding(metrics.GetGauge("tributary_remote_storage_holding",
                               "1 while the receiver refuses us (401, 403, 404 …) and data waits.",
                               labels)),
      clock_difference(metrics.GetGauge("tributary_remote_storage_clock_difference_seconds",
                                        "The receiver's Date header minus the local clock.",
                                        labels)),
      batch_seconds(metrics.GetHistogram(
          "prometheus_remote_storage_sent_batch_duration_seconds",
          "Duration of send calls to the remote storage.",
          {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 60, 120, 300}, labels)),
      samples_in(metrics.GetCounter("prometheus_remote_storage_samples_in_total",
                                    "Samples in to remote storage, compare to samples out for "
                                    "queue managers.")),
      metrics_(metrics) {}

base::Counter& SendProbe::Dropped(Kind kind, const char* reason) {
  struct Family {
    const char* name;
    const char* help;
  };
  static constexpr Family kFamilies[] = {
      {"prometheus_remote_storage_samples_dropped_total",
       "Total number of samples which were dropped after being read from the WAL before being sent "
       "via remote write, either via relabelling, due to being too old or unintentionally because "
       "of an unknown reference ID."},
      {"prometheus_remote_storage_histograms_dropped_total",
       "Total number of histograms which were dropped after being read from the WAL before being "
       "sent via remote write, either via relabelling, due to being too old or unintentionally "
       "because of an unknown reference ID."},
      {"prometheus_remote_storage_exemplars_dropped_total",
       "Total number of exemplars which were dropped after being read from the WAL before being "
       "sent via remote write, either via relabelling, due to being too old or unintentionally "
       "because of an unknown reference ID."}};
  base::MetricLabels with_reason = labels;
  with_reason.emplace_back("reason", reason);
  const Family& family = kFamilies[static_cast<size_t>(kind)];
  return metrics_.GetCounter(family.name, family.help, std::move(with_reason));
}

}  // namespace tributary::remote
