// What the head tells about itself, under Prometheus's names. The handles live as long as the
// registry.
#pragma once

#include "base/metrics.h"

namespace tributary::tsdb {

struct HeadMetrics {
  explicit HeadMetrics(base::MetricsRegistry& registry);

  base::Counter& series_created;
  base::Counter& series_removed;
  base::Counter& series_not_found;
  base::Counter& float_samples;
  base::Counter& histogram_samples;
  base::Counter& out_of_order_floats;
  base::Counter& out_of_order_histograms;
  base::Counter& out_of_bound_floats;
  base::Counter& out_of_bound_histograms;
  base::Counter& too_old_floats;
  base::Counter& too_old_histograms;
  base::Counter& out_of_order_floats_appended;
  base::Counter& out_of_order_histograms_appended;
  base::Histogram& out_of_order_delta_seconds;
  base::Counter& wbl_unknown_samples;
  base::Counter& wbl_unknown_histograms;
  base::Counter& truncations;
  base::Counter& truncations_failed;
  base::Summary& gc_seconds;
  base::Counter& checkpoint_creations;
  base::Counter& checkpoint_creations_failed;
  base::Counter& checkpoint_deletions;
  base::Counter& checkpoint_deletions_failed;
  base::Counter& replay_unknown_refs;
  base::Counter& replay_unknown_records;
  base::Counter& snapshots;
  base::Counter& snapshots_failed;
};

}  // namespace tributary::tsdb
