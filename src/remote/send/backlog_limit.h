// BacklogLimit: how much undelivered log a destination keeps. Beyond it the oldest is given up, so
// that an outage without end costs a bounded disk and what is kept is what is still of interest.
#pragma once

#include <cstdint>
#include <deque>

#include "storage/wal_source.h"

namespace tributary::remote {

// Thread-compatible.
class BacklogLimit {
 public:
  // 0: no limit.
  BacklogLimit(uint64_t max_bytes, int64_t max_age_ms)
      : max_bytes_(max_bytes), max_age_ns_(max_age_ms * 1'000'000) {}

  // Remembers, once a minute, where the log ended. The age of log is the time since then: samples
  // may carry any time, and log from before the start counts as written at the start.
  void Observe(int64_t now_ns, storage::WalPosition end);

  bool TooLarge(uint64_t bytes_behind) const { return max_bytes_ > 0 && bytes_behind > max_bytes_; }
  // There is an eighth of the limit left.
  bool HasRoom(uint64_t bytes_behind) const { return bytes_behind <= max_bytes_ / 8 * 7; }
  // Why the log at `position`, with so much behind it, is to be given up; nullptr when it is kept.
  const char* Exceeded(int64_t now_ns, storage::WalPosition position, uint64_t bytes_behind) const;

 private:
  struct Mark {
    int64_t at_ns;
    storage::WalPosition end;
  };
  const uint64_t max_bytes_;
  const int64_t max_age_ns_;
  // Ascending; the first is the newest that is older than the limit, if one is.
  std::deque<Mark> marks_;
};

}  // namespace tributary::remote
