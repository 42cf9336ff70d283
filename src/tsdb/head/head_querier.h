// The head's storage::Querier.
#pragma once

#include <memory>
#include <vector>

#include "storage/querier.h"
#include "tsdb/head/head_state.h"

namespace tributary::tsdb {

// Sees what is not before the head's min_valid_time at the moment of the call, and of what came out
// of order what is not in blocks; keeps it alive.
std::unique_ptr<storage::Querier> MakeHeadQuerier(HeadState& head, model::Timestamp min_time,
                                                  model::Timestamp max_time);

// All series with samples in order in the time given, sorted by labels; pins what it reads.
std::unique_ptr<storage::SeriesSelection> MakeSortedSelection(HeadState& head,
                                                              model::Timestamp min_time,
                                                              model::Timestamp max_time);
// The same for the samples out of order that the compaction under way has marked.
std::unique_ptr<storage::SeriesSelection> MakeMarkedSelection(HeadState& head,
                                                              model::Timestamp min_time,
                                                              model::Timestamp max_time);

// The series that all matchers select, oldest first, whatever the times of their samples.
// REQUIRES: a pin on head.readers.
std::vector<IndexedSeries> SelectSeries(const LabelTable& labels, const SeriesIndex& index,
                                        storage::Matchers matchers);

}  // namespace tributary::tsdb
