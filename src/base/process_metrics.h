// What a process tells about itself on /metrics, under the names Prometheus's clients use:
// process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes,
// process_open_fds, process_max_fds, process_start_time_seconds.
// Source: /proc/self (proc(5)) and getrlimit(2).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/metrics.h"

namespace tributary::base {

// The metrics are shown while this lives.
struct ProcessMetrics {
  std::vector<std::unique_ptr<MetricsRegistry::CallbackHandle>> handles;
};

ProcessMetrics RegisterProcessMetrics(MetricsRegistry& registry);

// Memory of this process that is in RAM; 0 when the system does not tell.
uint64_t ResidentBytes();

}  // namespace tributary::base
