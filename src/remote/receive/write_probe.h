// The receiver's own metrics. Where Prometheus has one of that meaning, it bears its name.
#pragma once

#include <array>
#include <memory>

#include "base/metrics.h"
#include "remote/receive/batch_writer.h"
#include "remote/receive/request_body.h"
#include "remote/receive/series_cache.h"

namespace tributary::remote {

class WriteProbe {
 public:
  // `cache` must outlive the probe.
  WriteProbe(base::MetricsRegistry& metrics, const SeriesCache& cache);
  // After a committed request.
  void Count(WriteProtocol protocol, const WriteCounts& counts);
  // The store could not take a request.
  void Failed();

 private:
  base::MetricsRegistry& metrics_;
  base::Counter& invalid_labels_;
  std::array<base::Counter*, 2> samples_;  // by protocol
  base::Counter& cache_misses_;
  base::Counter& failed_;
  std::unique_ptr<base::MetricsRegistry::CallbackHandle> cache_bytes_;
};

}  // namespace tributary::remote
