// What a destination counts, under Prometheus's names, with labels remote_name and url.
#pragma once

#include <cstdint>
#include <string>

#include "base/metrics.h"

namespace tributary::remote {

// Thread-safe.
class SendProbe {
 public:
  SendProbe(base::MetricsRegistry& metrics, const std::string& name, const std::string& url);

  base::MetricLabels labels;
  base::Counter& samples;
  base::Counter& histograms;
  base::Counter& exemplars;
  base::Counter& metadata;
  base::Counter& samples_failed;
  base::Counter& histograms_failed;
  base::Counter& exemplars_failed;
  base::Counter& metadata_failed;
  base::Counter& samples_retried;
  base::Counter& bytes;
  base::Gauge& pending;
  base::Gauge& shards;
  base::Gauge& shards_max;
  base::Gauge& shards_min;
  base::Gauge& shards_desired;
  base::Gauge& shard_capacity;
  base::Gauge& max_samples_per_send;
  base::Gauge& highest_timestamp;       // seconds, read from the log
  base::Gauge& highest_sent_timestamp;  // seconds, acknowledged
  base::Gauge& lag_seconds;             // ours: age of the oldest sample read and not delivered
  base::Gauge& backlog_bytes;           // ours: log that is not delivered yet
  base::Gauge& aside_bytes;             // ours: of it, what waits while fresh samples go first
  base::Gauge& holding;                 // ours: 1 while the receiver refuses us and data waits
  base::Gauge& clock_difference;        // ours: receiver's Date minus our clock, seconds
  base::Histogram& batch_seconds;

  // What was not sent, by reason.
  enum class Kind : unsigned char { kSamples, kHistograms, kExemplars };
  base::Counter& Dropped(Kind kind, const char* reason);
  // A new sample was read from the log (all destinations count it).
  base::Counter& samples_in;

 private:
  base::MetricsRegistry& metrics_;
};

}  // namespace tributary::remote
