// Matchers -> series of one index. Lists of series that matchers name outright are intersected;
// what is left is asked about the candidates, once for each distinct value.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "storage/querier.h"
#include "tsdb/index/index_reader.h"

namespace tributary::tsdb {

// Refs of the series that all matchers select, ascending, which is the order of their labels. Each
// was accepted by IndexReader::ReadSeries(). Fails when the index is damaged in a needed place.
base::Result<std::vector<uint32_t>> SelectPostings(const IndexReader& index,
                                                   storage::Matchers matchers);

}  // namespace tributary::tsdb
