// Stored series as a SampleSource: decodes the chunks of a selection.
#pragma once

#include <memory>

#include "promql/exec/samples.h"

namespace tributary::promql {

struct SelectionSamplesOptions {
  bool start_timestamps = false;
  // Histograms come without buckets, only with count, sum and whether the counter was reset.
  bool skip_histogram_buckets = false;
};

// Borrows `selection`.
std::unique_ptr<SampleSource> MakeSelectionSamples(const storage::SeriesSelection& selection,
                                                   SelectionSamplesOptions options);

}  // namespace tributary::promql
