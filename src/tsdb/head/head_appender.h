// The head's storage::Appender.
#pragma once

#include <memory>

#include "storage/appender.h"
#include "tsdb/head/head_state.h"

namespace tributary::tsdb {

std::unique_ptr<storage::Appender> MakeHeadAppender(HeadState& head);

// What an appender saw when it began.
struct AppendBounds {
  int64_t min_valid = 0;  // before it, nothing is taken in order
  int64_t head_max = 0;   // the newest sample of the head
  int64_t out_of_order_window_ms = 0;

  // Of a sample that cannot be taken in order; kAppended when it is to be put beside the others.
  storage::AppendOutcome OutOfOrder(int64_t t) const {
    if (out_of_order_window_ms > 0) {
      const uint64_t behind = static_cast<uint64_t>(head_max) - static_cast<uint64_t>(t);
      return t >= head_max || behind <= static_cast<uint64_t>(out_of_order_window_ms)
                 ? storage::AppendOutcome::kAppended
                 : storage::AppendOutcome::kTooOld;
    }
    return t < min_valid ? storage::AppendOutcome::kOutOfBounds
                         : storage::AppendOutcome::kOutOfOrder;
  }
};

struct AppendVerdict {
  storage::AppendOutcome outcome = storage::AppendOutcome::kAppended;
  bool in_order = true;
};

// What becomes of a float sample for `series`, by Prometheus's rules. REQUIRES: the lock of the
// series' shard.
AppendVerdict CheckFloat(const MemSeries& series, int64_t t, double v, const AppendBounds& bounds);

// The same for a histogram.
AppendVerdict CheckHistogram(const HeadShard& shard, const MemSeries& series,
                             const storage::RefHistogram& h, const AppendBounds& bounds);

}  // namespace tributary::tsdb
