// LogFollower: reads the log for one destination and keeps account of what is delivered.
//
// The log is read in order, in one lane. What has piled up in an outage can be set aside: then the
// fresh lane goes on at the end of the log, and a second one holds what lies before, until it is
// empty. That can happen again meanwhile; the lane aside is a list of ranges then. How far each has
// come is on disk and known to the store, which keeps what is not delivered. Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/fs.h"
#include "base/result.h"
#include "remote/send/position_file.h"
#include "storage/wal_source.h"

namespace tributary::remote {

enum class Lane : unsigned char { kFresh, kAside };

class LogFollower {
 public:
  // Goes on where delivery stopped, or at the end of the log the first time. The position is kept
  // in `path`, and `name` is the follower's in `source`, which outlives it.
  static base::Result<std::unique_ptr<LogFollower>> Open(storage::WalSource& source,
                                                         base::FileSystem& fs, std::string name,
                                                         std::string path);

  // As WalCursor::Read(), from one of the lanes; of the lane aside, not across the border of two
  // ranges, and only what begins where the last settled reading ended. REQUIRES: the lane is there.
  base::Status Read(Lane lane, size_t max_items, storage::WalBatch* batch);
  // What was read from `begin` up to `end` is delivered, or given up; the oldest of its range.
  void Settle(storage::WalPosition begin, storage::WalPosition end);
  // What is not settled becomes the end of the lane aside, and the fresh lane begins at the end of
  // the log.
  base::Status SetAside();

  bool has_aside() const { return !delivered_.aside.empty(); }
  Lane oldest() const { return has_aside() ? Lane::kAside : Lane::kFresh; }
  // What was read at `begin` is still in the fresh lane, and not settled.
  bool IsFresh(storage::WalPosition begin) const { return begin == delivered_.fresh; }
  // Everything before it is settled.
  storage::WalPosition delivered() const { return delivered_.oldest(); }
  // Where reading goes on.
  storage::WalPosition position(Lane lane) const {
    return lane == Lane::kFresh ? fresh_position_ : delivered_.aside.front().begin;
  }
  // Log of the lane that was not read.
  uint64_t BytesAhead(Lane lane) const;
  uint64_t BytesKept() const { return BytesAhead(Lane::kAside) + BytesAhead(Lane::kFresh); }

  // Waits for `bytes` more in the fresh lane. REQUIRES: bytes > 0.
  void Wait(int64_t timeout_ms, uint64_t bytes) { fresh_->Wait(timeout_ms, bytes); }

 private:
  LogFollower(storage::WalSource& source, std::string name, std::unique_ptr<PositionFile> file)
      : source_(source), name_(std::move(name)), file_(std::move(file)) {}

  base::Status OpenAside();
  void Note();

  storage::WalSource& source_;
  const std::string name_;
  const std::unique_ptr<PositionFile> file_;
  Delivered delivered_;
  storage::WalPosition fresh_position_;
  std::unique_ptr<storage::WalCursor> fresh_;
  std::unique_ptr<storage::WalCursor> aside_;  // null: opened when it is read
  storage::WalPosition aside_position_;        // of the cursor
};

}  // namespace tributary::remote
