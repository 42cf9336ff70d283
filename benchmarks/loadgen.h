// loadgen: makes the load of the side-by-side benchmarks. Deterministic by seed, loopback only.
//   loadgen ingest URL series ticks interval_ms batch connections [replace_ticks]
//       remote write 1.0 of ticks of the past, as fast as taken
//   loadgen live URL series ticks interval_ms batch connections
//       the same, each tick at its time
//   loadgen farm PORT targets samples [churn]
//       exporters and a sink, until killed
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/labels.h"

namespace tributary::loadgen {

// Series i of a fleet: half shaped like node-exporter's, half like cAdvisor's and
// kube-state-metrics', as kube-prometheus-stack labels them: 14 to 16 labels.
model::Labels SeriesLabels(uint64_t i);

// The value of series i at tick `tick`: 38 % constant, 44 % counters with jitter, 12 % two-decimal
// gauges, 6 % full-mantissa floats.
double SeriesValue(uint64_t i, uint64_t tick);

struct IngestOptions {
  std::string url;
  uint64_t series = 100'000;
  uint64_t ticks = 40;
  int64_t interval_ms = 15'000;
  uint64_t batch = 2'000;
  uint64_t connections = 2;
  bool live = false;
  uint64_t replace_ticks = 0;  // every so many ticks a fifth of the series is replaced; 0: never
};
// Prints {"first_tick_seconds":…} after the first tick and {"replaced":…} each time before series
// are replaced, and waits for a line; at the end one JSON object: samples, seconds, wire_bytes,
// raw_bytes, slowest_ms, slowest_known_ms (after the first tick), failures. Returns the exit code.
int RunIngest(const IngestOptions& options);

// Serves /t/<i>/metrics for i < targets, each a page of `samples` samples that change with every
// scrape, and POST /write, which counts. GET /count gives {"samples":…,"bytes":…,"requests":…}.
int RunFarm(uint16_t port, uint64_t targets, uint64_t samples, bool churn);

}  // namespace tributary::loadgen
