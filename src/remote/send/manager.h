// Manager: one Queue for each remote_write entry, each following the WAL on its own.
//
// A queue's delivered position is kept in <state_dir>/<name>.json and written after
// acknowledgements: a restart, also after kill -9, resumes there and resends at most what was not
// acknowledged or not yet noted. A new queue begins at the end of the log. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/fs.h"
#include "base/metrics.h"
#include "base/result.h"
#include "config/config.h"
#include "model/metadata.h"
#include "storage/wal_source.h"

namespace tributary::remote {

// Metric family name and what is known of it.
using FamilyMetadata = std::pair<std::string, model::Metadata>;

struct SendOptions {
  std::string state_dir;               // holds delivered positions
  int64_t flush_deadline_ms = 60'000;  // at Stop()
  std::string user_agent;
  // Undelivered log beyond it is given up by each destination, oldest first; 0: never.
  uint64_t max_backlog_bytes = 0;
  int64_t max_backlog_age_ms = 0;
  // What would go beyond the bytes is passed over instead, and not logged where nobody takes it.
  bool keep_oldest = false;
  // What active targets say of their families; may be empty.
  std::function<std::vector<FamilyMetadata>()> families = nullptr;
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
