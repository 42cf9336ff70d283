// Head: the newest samples, in memory, with the log behind them.
//
// A sample goes Appender -> log -> its series' open chunk -> closed chunk; Truncate() drops what
// has become a block. Readers borrow closed chunks and copy open ones. See head_state.h for how the
// parts hang together and for what a reader sees of a commit in flight.
//
// Thread-safe, except where a method says otherwise.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/metrics.h"
#include "base/result.h"
#include "storage/appender.h"
#include "storage/querier.h"
#include "storage/wal_source.h"
#include "tsdb/head/head_replay.h"
#include "tsdb/head/head_state.h"
#include "tsdb/head/ooo_head.h"
#include "tsdb/tsdb.h"

namespace tributary::tsdb {

class Head final : public storage::Appendable, public storage::Queryable {
 public:
  // `wal_metrics` counts the damage that replay finds; may be null, else outlives the head.
  Head(HeadOptions options, base::MetricsRegistry& registry, const WalMetrics* wal_metrics);
  ~Head() override;

  // Brings back what the log says, and takes over the head chunk files; a torn tail is cut off,
  // other damage is passed over; both are logged and counted. Call once, before anything else.
  base::Status Replay(base::FileSystem& fs, ReplayOptions options);
  // Commits go to this log from now on. Call before the first appender; it must outlive them.
  void LogTo(WalWriter* wal) { state_.wal = wal; }

  std::unique_ptr<storage::Appender> NewAppender() override;
  base::Result<std::unique_ptr<storage::Querier>> NewQuerier(model::Timestamp min_time,
                                                             model::Timestamp max_time) override;

  // All series with samples in order in [min_time, max_time], sorted by labels: what compaction
  // writes into a block. Keeps what it reads alive.
  std::unique_ptr<storage::SeriesSelection> SelectForBlock(model::Timestamp min_time,
                                                           model::Timestamp max_time);

  // Returns once every appender that was there before the call is gone. Call before
  // SelectForBlock().
  void WaitForAppenders() { state_.appenders.WaitForEarlier(); }

  // Hides the samples in `time` (both ends inclusive) of the series that all matchers select, also
  // from SelectForBlock(); what is appended later is not deleted. On success that is in the log.
  base::Status Delete(TimeInterval time, storage::Matchers matchers);

  // Forgets samples before `min_time`, in whole chunks, and series that have none left. Waits for
  // the queriers and appenders that were there before it. From the call on, older samples are out
  // of bounds and new queriers begin at `min_time`, so the block must be in place by then. One call
  // at a time.
  void Truncate(model::Timestamp min_time);

  // Writes full chunks that are in memory into a head chunk file, as soon as it is worth one, and
  // maps it. Waits for the queriers that were there before. Not beside Truncate(). Does nothing
  // without a directory for them (ReplayOptions::chunks_dir).
  base::Status WriteChunks();

  // Writes a snapshot (docs/format/head_snapshot.md) when so much was logged since the last one
  // that a start would take longer for it than for the snapshot; `always`: when anything worth it
  // was. Not beside Truncate() and WriteChunks(). Does nothing without a directory for them
  // (ReplayOptions::snapshots_dir).
  base::Status WriteSnapshot(base::FileSystem& fs, bool always);

  // Rewrites the older two thirds of the finished segments of the log as a checkpoint, without
  // samples before `min_time` and series that are gone, and removes them. Keeps what a follower
  // at `needed_from` (a segment) has not read. One call at a time.
  base::Status TruncateLog(base::FileSystem& fs, model::Timestamp min_time, uint32_t needed_from,
                           WalCompression compression);

  // INT64_MAX and INT64_MIN while empty.
  int64_t min_time() const { return state_.min_time.load(); }
  int64_t max_time() const { return state_.max_time.load(); }
  uint64_t num_series() const { return state_.num_series.load(); }
  uint64_t NumChunks() const;
  uint64_t chunk_file_bytes() const { return state_.chunk_files.bytes(); }
  // Gives back the memory that reading them has taken. Not beside WriteChunks() or Truncate().
  void ReleaseChunkFilePages() const { state_.chunk_files.ReleasePages(); }
  // How far behind the newest sample of the head others may come, 0: not behind the newest of
  // their own series. They are logged to `log` (which must outlive the appenders; null: not at
  // all); once one was given, others are not looked at.
  void SetOutOfOrderWindow(int64_t window_ms, WalWriter* log) {
    WalWriter* none = nullptr;
    state_.out_of_order_wal.compare_exchange_strong(none, log);
    state_.out_of_order_window_ms.store(window_ms);
    state_.exemplars.SetOutOfOrderWindow(window_ms);
  }
  OutOfOrderHead& out_of_order() { return out_of_order_; }
  ExemplarStore& exemplars() const { return state_.exemplars; }
  HeadStats Stats(size_t limit) const;

  // As storage::WalSource.
  Gate& readers() const { return state_.readers; }  // a pin is a hold on texts
  void FindRuns(std::span<const model::SeriesRef> refs, std::span<LabelRun> runs) const;
  const LabelTable& labels() const { return state_.labels; }
  bool MetadataOf(model::SeriesRef ref, model::Metadata* out) const;

 private:
  void DropOldChunks(int64_t min_time);
  std::vector<uint32_t> UnlinkDying();
  size_t UnmappedBytes();
  base::Status TakeSnapshot(base::FileSystem& fs);
  // Before series records leave the log.
  base::Status RenewSnapshot(base::FileSystem& fs);

  mutable HeadState state_;
  OutOfOrderHead out_of_order_{state_};
  size_t unmapped_before_ = 0;  // what the last WriteChunks() left in memory
  std::string snapshots_dir_;
  uint64_t snapshot_bytes_ = 0;  // of the newest one; 0: there is none
  // What was logged when it was taken. Counts from the start of the process, and goes below zero
  // for what was there before.
  int64_t logged_at_snapshot_ = 0;
  std::vector<std::unique_ptr<base::MetricsRegistry::CallbackHandle>> callbacks_;
};

}  // namespace tributary::tsdb
