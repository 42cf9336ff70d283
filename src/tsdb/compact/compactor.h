// Compactor: head -> block -> bigger block -> gone, on a thread of its own.
//
// A range of the head becomes a block in this order, so that a crash anywhere loses nothing and
// leaves at most duplicates: block whole and renamed, directory synced, block readable, head
// truncated, checkpoint, log segments removed. Then the same with what came out of order, which
// makes blocks that overlap others; merging those is the first thing CompactBlocks() does.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mutex.h"
#include "base/result.h"
#include "tsdb/compact/block_set.h"
#include "tsdb/compact/compact_metrics.h"
#include "tsdb/compact/pending_deletions.h"
#include "tsdb/head/head.h"
#include "tsdb/tsdb.h"

namespace tributary::tsdb {

class Compactor {
 public:
  // All must outlive the compactor. `needed_from` tells the oldest segment of the log that a
  // follower still needs, UINT32_MAX when there is none; `log_bytes` the size of the log.
  Compactor(const DbOptions& options, base::FileSystem& fs, const base::Clock& clock, Head& head,
            BlockSet& blocks, CompactMetrics& metrics, std::function<uint32_t()> needed_from,
            std::function<uint64_t()> log_bytes);
  ~Compactor();  // Stop()

  // Runs RunOnce() whenever there may be something to do.
  void Start();
  // What is kept from now on; 0: no limit. Beyond it, blocks go with the next RunOnce().
  // Thread-safe.
  void SetRetention(int64_t time_ms, uint64_t bytes);
  // Whether blocks written from now on have XOR2 chunks. Thread-safe.
  void SetXor2(bool xor2) { xor2_.store(xor2); }
  // Series that are kept for another time. Thread-safe.
  void SetSelectorRetention(std::vector<SelectorRetention> rules) TB_EXCLUDES(mutex_);
  // Gives up what is under way and joins. Thread-safe.
  void Stop();

  // All that is to be done now. Like the calls below, waits for what else is under way.
  base::Status RunOnce() TB_EXCLUDES(working_);

  // Hides the samples in `time` of the series that all matchers select, in blocks and head.
  base::Status Delete(TimeInterval time, storage::Matchers matchers) TB_EXCLUDES(working_);
  // Deletions that go on in the background, also after a restart. Thread-safe.
  PendingDeletions& pending_deletions() { return pending_; }
  const PendingDeletions& pending_deletions() const { return pending_; }
  // Writes blocks with tombstones anew, without what was deleted.
  base::Status CleanTombstones() TB_EXCLUDES(working_);
  // Fills the directory, which is there, with links to all blocks and, `with_head`, a block of what
  // the head has in order.
  base::Status Snapshot(const std::string& dir, bool with_head) TB_EXCLUDES(working_);

 private:
  void Loop();
  base::Status RunOnceLocked() TB_REQUIRES(working_);
  base::Status DeleteLocked(TimeInterval time, storage::Matchers matchers) TB_REQUIRES(working_);
  base::Status CompleteDeletions() TB_REQUIRES(working_);
  base::Status CleanAllTombstones() TB_REQUIRES(working_);
  base::Status CleanTombstonesOf(const std::shared_ptr<Block>& block) TB_REQUIRES(working_);
  bool HeadIsFull() const;
  base::Status CompactHead();
  // A block for each range that has samples that came out of order.
  base::Status CompactOutOfOrder();
  // Writes the block, if there is a sample, and sees to it that it can be read. The selection is
  // let go before the return. False: there was none.
  base::Result<bool> WriteFromHead(
      BlockMeta meta, const std::function<std::unique_ptr<storage::SeriesSelection>()>& select);
  base::Status CompactBlocks();
  base::Status MergeBlocks(const BlockList& parents);
  base::Status ApplyRetention() TB_REQUIRES(working_);
  base::Status ApplySelectorRetention() TB_REQUIRES(working_);
  base::Status DropSeries(const std::shared_ptr<Block>& block, std::span<const uint32_t> refs)
      TB_REQUIRES(working_);
  std::shared_ptr<const std::vector<SelectorRetention>> Rules() const TB_EXCLUDES(mutex_);
  // Where the next sample after `time` may be, for heads with large gaps.
  model::Timestamp NextTime(model::Timestamp time);
  void ObserveChunk(const chunk::ChunkView& chunk);

  const DbOptions& options_;
  base::FileSystem& fs_;
  const base::Clock& clock_;
  Head& head_;
  BlockSet& blocks_;
  CompactMetrics& metrics_;
  const std::function<uint32_t()> needed_from_;
  const std::function<uint64_t()> log_bytes_;
  const std::vector<int64_t> ranges_;
  absl::flat_hash_set<std::string> failed_;  // blocks that could not be merged, until a restart

  std::atomic<int64_t> retention_time_ms_{0};
  std::atomic<bool> xor2_{false};
  std::atomic<uint64_t> retention_bytes_{0};
  std::atomic<bool> stopping_{false};
  mutable base::Mutex mutex_;
  base::CondVar wake_;
  std::shared_ptr<const std::vector<SelectorRetention>> rules_ TB_GUARDED_BY(mutex_);
  bool stop_ TB_GUARDED_BY(mutex_) = false;
  // Held by whoever changes blocks and head, for as long as that takes; before mutex_.
  base::Mutex working_;
  // Under these rules and the retention of the rest, by block: the retention last applied to it.
  std::shared_ptr<const std::vector<SelectorRetention>> applied_rules_ TB_GUARDED_BY(working_);
  int64_t applied_default_ms_ TB_GUARDED_BY(working_) = 0;
  absl::flat_hash_map<std::string, int64_t> applied_ TB_GUARDED_BY(working_);
  PendingDeletions pending_;
  std::thread thread_;
};

}  // namespace tributary::tsdb
