// Manager: one Queue for each remote_write entry, each following the WAL on its own.
//
// A queue's delivered position is kept in <state_dir>/<name>.json and written after
// acknowledgements: a restart, also after kill -9, resumes there and resends at most what was not
// acknowledged or not yet noted. A new queue begins at the end of the log. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fs.h"
#include "base/metrics.h"
#include "base/result.h"
#include "config/config.h"
#include "storage/wal_source.h"

namespace tributary::remote {

struct SendOptions {
  std::string state_dir;               // holds delivered positions
  int64_t flush_deadline_ms = 60'000;  // at Stop()
  std::string user_agent;
};

class SendManager {
 public:
  static std::unique_ptr<SendManager> Create(SendOptions options, storage::WalSource& source,
                                             base::FileSystem& fs, const base::Clock& clock,
                                             base::MetricsRegistry& metrics);
  virtual ~SendManager() = default;
  // Makes the running queues those of `config`; unchanged ones go on untouched.
  virtual base::Status Apply(std::shared_ptr<const config::Config> config) = 0;
  // Sends what can be sent within the flush deadline, notes positions, ends.
  virtual void Stop() = 0;
};

}  // namespace tributary::remote
