// OutOfOrderHead: what becomes of the samples that came out of order, after they were appended:
// their own log (wbl/, docs/format/wbl.md) is replayed, they are compacted, and forgotten.
//
// They wait in HeadState::out_of_order, whatever the window is now: it decides about new samples
// only. A compaction has three steps: Seal(), a block for each range of SelectMarked(), and, when
// the blocks can be read, Truncate().
//
// Thread-safe, except that Replay() comes before anything else and that the steps of a compaction
// are taken by one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "model/sample.h"
#include "storage/querier.h"
#include "tsdb/head/head_state.h"

namespace tributary::tsdb {

class OutOfOrderHead {
 public:
  explicit OutOfOrderHead(HeadState& head) : head_(head) {}

  // Brings back what the log in `dir` says; the head's own log was replayed before, as it has the
  // series. A torn tail is cut off, other damage is passed over; both are logged and counted.
  base::Status Replay(base::FileSystem& fs, const std::string& dir);

  bool empty() const { return head_.out_of_order_series.load() == 0; }
  uint64_t NumChunks() const;

  // Marks all that is there for this compaction. Returns the begins of the ranges of `width_ms`,
  // aligned, that have marked samples, ascending. Waits for the appenders that were there before.
  base::Result<std::vector<model::Timestamp>> Seal(int64_t width_ms);
  // The series with marked chunks in [min_time, max_time], sorted by labels. Keeps what it reads
  // alive.
  std::unique_ptr<storage::SeriesSelection> SelectMarked(model::Timestamp min_time,
                                                         model::Timestamp max_time);
  // Forgets what Seal() marked, and the log of it. Waits for the queriers that were there before.
  base::Status Truncate(base::FileSystem& fs);

 private:
  HeadState& head_;
  uint32_t first_needed_segment_ = 0;  // of the log; lower ones have nothing but marked samples
};

// Puts a sample beside those in order. False when one was there at its time, or the series is gone.
// `commit` brought it; null: a replay.
bool InsertOutOfOrder(HeadState& head, const storage::RefSample& sample,
                      const Isolation::Commit* commit);
bool InsertOutOfOrder(HeadState& head, const storage::RefHistogram& histogram,
                      const Isolation::Commit* commit);

// Whether the head has a sample of that series at that time, and what its value is. REQUIRES: the
// lock of the series' shard.
OutOfOrderChunks::Found FindSample(HeadState& head, model::SeriesRef ref, const MemSeries& series,
                                   const StoredSample& sample);

// The sample by itself.
StoredSample ToStored(const storage::RefSample& sample);
StoredSample ToStored(const storage::RefHistogram& histogram);

}  // namespace tributary::tsdb
