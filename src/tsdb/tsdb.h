// tsdb: keeps samples and gives them back.
// Head (newest hours, in memory, WAL behind it) -> Block (immutable) -> bigger Block.
// Promises: an acknowledged sample survives kill -9; a reader never waits for a compaction; the
// directory is Prometheus's, in both directions.
// Speaks storage::Appender, storage::Querier, storage::WalSource. Knows nothing of PromQL, scraping
// or HTTP. Read on: head/head.h, wal/wal.h, agent/agent_db.h, docs/life-of-a-sample.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/fs.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/threads.h"
#include "storage/appender.h"
#include "storage/exemplar_querier.h"
#include "storage/querier.h"
#include "storage/wal_source.h"
#include "tsdb/block/block_meta.h"

namespace tributary::tsdb {

enum class WalCompression : unsigned char { kNone, kSnappy, kZstd };

struct DbOptions {
  std::string path = "data";
  uint64_t wal_segment_bytes = 128ull << 20;
  WalCompression wal_compression = WalCompression::kSnappy;
  bool wal_fsync_on_ack = false;  // a 2xx survives power loss
  bool use_lock_file = true;
  int64_t min_block_duration_ms = 2 * 3600 * 1000;
  int64_t max_block_duration_ms = 0;  // 0: 10 % of the retention time, at most 31 d
  int64_t compaction_poll_ms = 1000;  // how often the compactor looks for work
  int64_t retention_time_ms = 15ll * 24 * 3600 * 1000;
  uint64_t retention_size_bytes = 0;
  int64_t out_of_order_window_ms = 0;
  uint32_t samples_per_chunk = 120;
  uint64_t min_chunk_file_bytes = 1 << 20;    // of full chunks in memory, before a file is made
  uint64_t min_snapshot_log_bytes = 4 << 20;  // logged before a snapshot of the head is taken
  uint64_t max_exemplars = 0;
  bool start_zeros = false;  // where a sample tells when its counter began, a zero is put there
  bool xor2 = false;         // floats are XOR2 in blocks; the head keeps and maps XOR in any case
};

// How long the series that all matchers select are kept.
struct SelectorRetention {
  std::vector<model::Matcher> matchers;
  int64_t keep_ms = 0;  // above 0
};

// Samples up to `until` of the series with this label are being deleted.
struct PendingDeletion {
  std::string id;
  std::string label, value;
  model::Timestamp until = 0;
};

struct NameCount {
  std::string name;
  uint64_t count = 0;
};

// For /api/v1/status/tsdb.
struct HeadStats {
  uint64_t num_series = 0;
  uint64_t num_label_pairs = 0;
  uint64_t chunk_count = 0;
  int64_t min_time = 0;
  int64_t max_time = 0;
  std::vector<NameCount> series_by_metric_name;
  std::vector<NameCount> values_by_label_name;
  std::vector<NameCount> memory_by_label_name;
  std::vector<NameCount> series_by_label_pair;
};

// For /api/v1/status/walreplay: segment numbers.
struct ReplayProgress {
  uint32_t min = 0;
  uint32_t max = 0;
  uint32_t current = 0;
};

// Thread-safe.
class Db : public storage::Appendable,
           public storage::Queryable,
           public storage::ExemplarQueryable {
 public:
  // Locks the directory and opens the blocks. Replay() brings the rest of the data back; before it
  // returns nothing else may be called, except progress(), NewAppender() and NewQuerier().
  //
  // While it runs, writes are taken and logged aside, with fewer verdicts (a sample out of order is
  // taken, however late, as it cannot be told from others yet); they are moved to the others at the
  // end. Questions about times of which all is in blocks are answered; others wait, and are
  // kUnavailable when that takes long: an answer is never made of part of the data.
  static base::Result<std::unique_ptr<Db>> Open(DbOptions options, base::FileSystem& fs,
                                                const base::Clock& clock, base::ThreadPool& pool,
                                                base::MetricsRegistry& metrics);
  // Reads WAL and head files on all cores, repairing a torn tail (said in the log and counted).
  virtual base::Status Replay() = 0;
  virtual ReplayProgress progress() const = 0;
  virtual HeadStats Stats(size_t limit) const = 0;
  virtual storage::WalSource& wal_source() = 0;
  virtual void SetOutOfOrderWindow(int64_t window_ms) = 0;
  // How long and how many bytes are kept; 0: no limit. Takes effect within a minute.
  virtual void SetRetention(int64_t time_ms, uint64_t bytes) = 0;
  // DbOptions::xor2, for blocks written from now on.
  virtual void SetXor2(bool xor2) = 0;
  // Series with a retention of their own; the first rule that selects a series counts. They go when
  // their whole block is older than that, by a rewrite of the block.
  virtual void SetSelectorRetention(std::vector<SelectorRetention> rules) = 0;
  // How many of the newest exemplars are kept; 0: none.
  virtual void SetMaxExemplars(uint64_t max_exemplars) = 0;
  // The blocks that are read now, by min_time.
  virtual std::vector<BlockMeta> Blocks() const = 0;
  // As Prometheus's admin API. Each waits for a compaction that is under way.
  // Deletes the samples in [min_time, max_time] of the series that all matchers select, as far as
  // there are any now: they are gone from answers, and from the disk with the next compaction.
  virtual base::Status Delete(model::Timestamp min_time, model::Timestamp max_time,
                              storage::Matchers matchers) = 0;
  // Deletes all samples so far of the series with this label value, from answers and the disk, in
  // the background. Once it returns the deletion is completed even if the process is killed.
  virtual base::Status DeleteInBackground(std::string label, std::string value) = 0;
  virtual std::vector<PendingDeletion> PendingDeletions() const = 0;
  // Gets what was deleted from blocks off the disk.
  virtual base::Status CleanTombstones() = 0;
  // A copy of the store in `snapshots/` of its directory, its blocks linked; returns the name.
  virtual base::Result<std::string> Snapshot(bool with_head) = 0;
  // Syncs and releases everything. Appenders and queriers must be gone.
  virtual base::Status Close() = 0;
};

}  // namespace tributary::tsdb
