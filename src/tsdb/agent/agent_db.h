// AgentDb: the agent's store. A WAL and the labels of live series; no samples in memory, no
// queries. Appends go to the WAL, remote write follows it through storage::WalSource. Directory and
// records are Prometheus's agent's (tsdb/agent).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/fs.h"
#include "base/metrics.h"
#include "base/result.h"
#include "storage/appender.h"
#include "storage/wal_source.h"
#include "tsdb/tsdb.h"

namespace tributary::tsdb {

struct AgentDbOptions {
  std::string path = "data-agent";
  uint64_t wal_segment_bytes = 128ull << 20;
  WalCompression wal_compression = WalCompression::kSnappy;
  int64_t truncate_frequency_ms = 2 * 3600 * 1000;
  int64_t min_wal_time_ms = 5 * 60 * 1000;
  // Records are not packed while no follower has more than this of the log before it.
  uint64_t most_unpacked_bytes = 16 << 20;
  // The log is truncated early when segments with more are delivered.
  uint64_t most_delivered_bytes = 256 << 20;
  // The same, as far as it is delivered or given up, when it holds more; 0: not.
  uint64_t max_wal_bytes = 0;
  int64_t out_of_order_window_ms = 0;
  bool keep_starts = true;   // start timestamps go into the log, with their samples
  bool start_zeros = false;  // one newer than all of its series goes there as a zero
  bool use_lock_file = true;
};

// Thread-safe.
class AgentDb : public storage::Appendable {
 public:
  static base::Result<std::unique_ptr<AgentDb>> Open(AgentDbOptions options, base::FileSystem& fs,
                                                     const base::Clock& clock,
                                                     base::MetricsRegistry& metrics);
  virtual base::Status Replay() = 0;
  virtual ReplayProgress progress() const = 0;
  virtual storage::WalSource& wal_source() = 0;
  virtual uint64_t active_series() const = 0;
  virtual base::Status Close() = 0;
};

}  // namespace tributary::tsdb
