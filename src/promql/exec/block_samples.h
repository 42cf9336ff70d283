// The results of a subquery as a source of samples.
#pragma once

#include <memory>

#include "promql/exec/samples.h"

namespace tributary::promql {

// Takes the block over. Counter resets between its histograms are told from the data, not from
// hints that were about other neighbours.
std::unique_ptr<SampleSource> MakeBlockSamples(Block block);

}  // namespace tributary::promql
