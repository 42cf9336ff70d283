// AgentStore: the series of an agent and the log they are written to; what its appender, replay
// and truncation work on. agent_db.h is the face of all this.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/result.h"
#include "storage/appender.h"
#include "storage/wal_source.h"
#include "tsdb/agent/agent_db.h"
#include "tsdb/agent/agent_series.h"
#include "tsdb/head/gate.h"
#include "tsdb/wal/wal_cursor.h"
#include "tsdb/wal/wal_writer.h"

namespace tributary::tsdb {

struct AgentStore {
  AgentStore(AgentDbOptions store_options, base::FileSystem& file_system,
             const base::Clock& store_clock, base::MetricsRegistry& registry)
      : options(std::move(store_options)),
        fs(file_system),
        clock(store_clock),
        metrics(registry),
        series(labels) {}

  std::string WalDir() const { return base::JoinPath(options.path, "wal"); }

  const AgentDbOptions options;
  base::FileSystem& fs;
  const base::Clock& clock;
  AgentMetrics metrics;

  LabelTable labels;
  AgentSeriesTable series;
  // Appenders hold a pin; who removes series waits for those that may have found them.
  Gate appenders;
  Gate text_readers;  // hold texts of `labels`
  std::atomic<uint64_t> active_series{0};

  // Refs in log segments written by someone who numbers differently -> ours. Filled by replay,
  // constant afterwards.
  absl::flat_hash_map<uint64_t, model::SeriesRef> aliases;

  std::unique_ptr<WalWriter> writer;   // set by replay
  WalSourceBase* followers = nullptr;  // set once there can be some
  // Segments that hold only labels since this start. Touched by truncation only.
  absl::flat_hash_set<uint32_t> reduced;

  // The living series under `ref`, following aliases.
  model::SeriesRef Resolve(model::SeriesRef ref) const {
    if (aliases.empty()) {
      return ref;
    }
    const auto it = aliases.find(ref.value());
    return it == aliases.end() ? ref : it->second;
  }

  // Of what is logged now. To pack what is read once, right away, and then needed no more costs
  // more than its bytes on the disk do.
  WalCompression CompressionNow() const {
    return DeliverySucceeds() ? WalCompression::kNone : options.wal_compression;
  }

 private:
  // There are followers, and none of them has more than a little of the log before it.
  bool DeliverySucceeds() const {
    const auto delivered = followers != nullptr ? followers->LeastDelivered() : std::nullopt;
    const storage::WalPosition end = writer->end();
    return delivered && delivered->segment + 1 >= end.segment &&
           followers->BytesBetween(*delivered, end) <= options.most_unpacked_bytes;
  }
};

// agent_appender.cc
std::unique_ptr<storage::Appender> NewAgentAppender(AgentStore& store);

// agent_replay.cc: fills the store from its log. Damage is contained: named in the log, counted,
// passed over. `progress` is kept up to date.
base::Status ReplayAgentWal(AgentStore& store, std::atomic<uint32_t>* progress_segment);

// agent_truncate.cc: removes segments that every follower has passed, what nobody needs of those
// between, and series nobody has written to lately.
base::Status TruncateAgentWal(AgentStore& store);
// True: the log is larger than it should be, and it can be made smaller.
base::Result<bool> AgentWalIsTooLarge(AgentStore& store);

}  // namespace tributary::tsdb
