// Classic histogram series (_bucket, _count, _sum) as native histograms with custom buckets, as
// `load_with_nhcb` adds them.
#pragma once

#include <vector>

#include "base/result.h"
#include "script.h"

namespace tributary::promqltest {

// One series per classic histogram found among `series`, under its name without suffix. Fails when
// counts are negative, not cumulative, or do not agree.
base::Result<std::vector<LoadSeries>> ToCustomBuckets(const std::vector<LoadSeries>& series);

}  // namespace tributary::promqltest
