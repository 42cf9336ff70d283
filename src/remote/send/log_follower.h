// LogFollower: reads the log for one destination and keeps account of what is delivered.
//
// The log is read in order, in one lane. What has piled up in an outage can be set aside: then the
// fresh lane goes on at the end of the log, and a second one holds what lies before, until it is
// empty. How far each has come is on disk and known to the store, which keeps what is not
// delivered. Used by one thread.
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

  // As WalCursor::Read(), from one of the lanes. REQUIRES: that lane is there.
  base::Status Read(Lane lane, size_t max_items, storage::WalBatch* batch);
  // All that was read from the lane is delivered, or given up.
  void Settle(Lane lane);
  // What is not settled up to the end of the log becomes the lane aside; what was read of it stays
  // read. REQUIRES: !has_aside().
  base::Status SetAside();

  bool has_aside() const { return aside_ != nullptr; }
  Lane oldest() const { return has_aside() ? Lane::kAside : Lane::kFresh; }
  // Everything before it is settled.
  storage::WalPosition delivered() const { return delivered_.oldest(); }
  // Where reading goes on.
  storage::WalPosition position(Lane lane) const {
    return lane == Lane::kFresh ? fresh_position_ : aside_position_;
  }
  // Log of the lane that was not read.
  uint64_t BytesAhead(Lane lane) const;
  // Log from where the oldest lane is read to the end: what is kept for this destination.
  uint64_t BytesKept() const { return source_.BytesBetween(position(oldest()), source_.End()); }

  // Waits for `bytes` more in the fresh lane. REQUIRES: bytes > 0.
  void Wait(int64_t timeout_ms, uint64_t bytes) { fresh_->Wait(timeout_ms, bytes); }

 private:
  LogFollower(storage::WalSource& source, std::string name, std::unique_ptr<PositionFile> file)
      : source_(source), name_(std::move(name)), file_(std::move(file)) {}

  void Note();

  storage::WalSource& source_;
  const std::string name_;
  const std::unique_ptr<PositionFile> file_;
  Delivered delivered_;
  storage::WalPosition fresh_position_, aside_position_;
  std::unique_ptr<storage::WalCursor> fresh_;
  std::unique_ptr<storage::WalCursor> aside_;  // null: nothing is set aside
};

}  // namespace tributary::remote
