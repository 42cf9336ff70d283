// The head's storage::Appender.
#pragma once

#include <memory>

#include "storage/appender.h"
#include "tsdb/head/head_state.h"

namespace tributary::tsdb {

std::unique_ptr<storage::Appender> MakeHeadAppender(HeadState& head);

// What becomes of a float sample for `series`, by Prometheus's rules. `min_valid` and `head_max`
// are what the appender saw when it began. REQUIRES: the lock of the series' shard.
storage::AppendOutcome CheckFloat(const MemSeries& series, int64_t t, double v, int64_t min_valid,
                                  int64_t head_max, int64_t out_of_order_window_ms);

// The same for a histogram.
storage::AppendOutcome CheckHistogram(const HeadShard& shard, const MemSeries& series,
                                      const storage::RefHistogram& h, int64_t min_valid,
                                      int64_t head_max, int64_t out_of_order_window_ms);

}  // namespace tributary::tsdb
