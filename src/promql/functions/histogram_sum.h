// Sums and means of histograms with Kahan compensation, for sum, avg and their _over_time forms.
#pragma once

#include <optional>

#include "base/result.h"
#include "model/float_histogram.h"

namespace tributary::promql {

class HistogramSum {
 public:
  bool empty() const { return !sum_.has_value(); }

  // An error when exponential and custom buckets meet; the sum is of no use then.
  base::Status Add(const model::FloatHistogram& h);
  // REQUIRES: !empty(). Neither compacted nor free of empty buckets.
  base::Result<model::FloatHistogram> Total() const;
  const model::FloatHistogram& sum() const { return *sum_; }

  bool bounds_reconciled() const { return bounds_reconciled_; }
  // Both hints "reset" and "not reset" were seen.
  bool counter_resets_collide() const { return reset_seen_ && not_reset_seen_; }

 private:
  friend class HistogramMean;
  void NoteHint(const model::FloatHistogram& h);

  std::optional<model::FloatHistogram> sum_;
  std::optional<model::FloatHistogram> compensation_;
  bool bounds_reconciled_ = false;
  bool reset_seen_ = false;
  bool not_reset_seen_ = false;
};

// Sums until that overflows, then goes on with an incremental mean.
class HistogramMean {
 public:
  bool empty() const { return total_.empty(); }
  base::Status Add(const model::FloatHistogram& h);
  base::Result<model::FloatHistogram> Mean() const;
  bool bounds_reconciled() const { return total_.bounds_reconciled(); }
  bool counter_resets_collide() const { return total_.counter_resets_collide(); }

 private:
  HistogramSum total_;  // holds the mean once incremental
  double count_ = 0;
  bool incremental_ = false;
};

}  // namespace tributary::promql
