// Head and blocks as one Querier.
#pragma once

#include <memory>
#include <vector>

#include "storage/querier.h"

namespace tributary::tsdb {

// Answers with the union of `parts`; of equal timestamps of a series the sample of the later part
// counts. REQUIRES: at least one part.
std::unique_ptr<storage::Querier> MergeQueriers(
    std::vector<std::unique_ptr<storage::Querier>> parts);

}  // namespace tributary::tsdb
