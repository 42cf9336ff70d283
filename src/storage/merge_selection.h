// Several selections of the same question (head, blocks) as one.
#pragma once

#include <memory>
#include <vector>

#include "storage/querier.h"

namespace tributary::storage {

// The union by labels. A series that several inputs have gets the chunks of all, by min_time; among
// chunks of equal min_time those of later inputs come later. Inputs must not hold the same labels
// twice. The result owns the inputs.
//
// In the order of the first input, what only later ones have behind it. No labels are written out.
std::unique_ptr<SeriesSelection> UniteSelections(
    std::vector<std::unique_ptr<SeriesSelection>> inputs);
// Sorted by labels.
std::unique_ptr<SeriesSelection> MergeSelections(
    std::vector<std::unique_ptr<SeriesSelection>> inputs);

}  // namespace tributary::storage
