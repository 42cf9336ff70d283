// The samples of series that one commit brings both floats and histograms of. Commits apply all
// floats before all histograms; these few have to go one by one, or a histogram would find a later
// float before it.
#pragma once

#include <variant>
#include <vector>

#include "storage/appender.h"
#include "storage/wal_source.h"

namespace tributary::tsdb {

using MixedSample = std::variant<storage::RefSample, storage::RefHistogram>;

// Takes them out of both lists, in the order of time. The rest keeps its order.
std::vector<MixedSample> TakeMixed(std::vector<storage::RefSample>* floats,
                                   std::vector<storage::RefHistogram>* histograms);

}  // namespace tributary::tsdb
