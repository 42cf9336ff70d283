// Several selections of the same question (head, blocks) as one.
#pragma once

#include <memory>
#include <vector>

#include "storage/querier.h"

namespace tributary::storage {

// The union by labels, sorted by labels. A series that several inputs have gets the chunks of all,
// by min_time; among chunks of equal min_time those of later inputs come later. Inputs must not
// hold the same labels twice. The result owns the inputs.
std::unique_ptr<SeriesSelection> MergeSelections(
    std::vector<std::unique_ptr<SeriesSelection>> inputs);

}  // namespace tributary::storage
