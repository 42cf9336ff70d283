// What the agent's store remembers of a series, and the metrics of the store.
#pragma once

#include <cstdint>
#include <limits>

#include "base/metrics.h"
#include "tsdb/head/label_table.h"
#include "tsdb/head/series_table.h"
#include "tsdb/wal/wal_metrics.h"

namespace tributary::tsdb {

struct AgentSeries : SeriesBase {
  // SeriesBase::flags
  static constexpr uint8_t kLogged = 1;     // its labels are in the log
  static constexpr uint8_t kHasSample = 2;  // newest is set
  static constexpr uint8_t kDying = 4;      // will be removed unless someone asks for it again
  static constexpr uint8_t kPending = 8;    // newest may not get into the log, and be sent again

  // Once its appender has ended: a segment of the log at or after the one that holds its newest
  // sample.
  uint32_t newest_segment = 0;
  int64_t newest = 0;  // time of its newest sample

  bool Has(uint8_t flag) const { return (flags & flag) != 0; }
  void Set(uint8_t flag, bool on) {
    flags = static_cast<uint8_t>(on ? flags | flag : flags & ~flag);
  }
};
static_assert(sizeof(AgentSeries) == 24);

using AgentSeriesTable = SeriesTable<AgentSeries>;

struct AgentMetrics {
  explicit AgentMetrics(base::MetricsRegistry& registry)
      : wal(registry),
        active_series(registry.GetGauge("prometheus_agent_active_series",
                                        "Number of active series being tracked by the WAL "
                                        "storage")),
        deleted_series(registry.GetCounter("prometheus_agent_deleted_series",
                                           "Number of series removed from the WAL storage")),
        float_samples(registry.GetCounter("prometheus_agent_samples_appended_total",
                                          "Total number of samples appended to the storage",
                                          {{"type", "float"}})),
        histogram_samples(registry.GetCounter("prometheus_agent_samples_appended_total",
                                              "Total number of samples appended to the storage",
                                              {{"type", "histogram"}})),
        exemplars(registry.GetCounter("prometheus_agent_exemplars_appended_total",
                                      "Total number of exemplars appended to the storage")),
        out_of_order(registry.GetCounter("prometheus_agent_out_of_order_samples_total",
                                         "Total number of out of order samples ingestion failed "
                                         "attempts.",
                                         {{"type", "float"}})),
        corruptions(registry.GetCounter("prometheus_agent_corruptions_total",
                                        "Total number of WAL corruptions.")),
        truncate_seconds(registry.GetSummary("prometheus_agent_truncate_duration_seconds",
                                             "Duration of WAL truncation.")),
        replay_seconds(registry.GetGauge("prometheus_agent_data_replay_duration_seconds",
                                         "Time taken to replay the data on disk.")),
        clean_start(registry.GetGauge("prometheus_agent_clean_start",
                                      "-1: lockfile is disabled. 0: a lockfile from a previous "
                                      "execution was replaced. 1: lockfile creation was clean")) {}

  WalMetrics wal;
  base::Gauge& active_series;
  base::Counter& deleted_series;
  base::Counter& float_samples;
  base::Counter& histogram_samples;
  base::Counter& exemplars;
  base::Counter& out_of_order;
  base::Counter& corruptions;
  base::Summary& truncate_seconds;
  base::Gauge& replay_seconds;
  base::Gauge& clean_start;
};

}  // namespace tributary::tsdb
