// Queries of one block.
#pragma once

#include <memory>

#include "storage/querier.h"
#include "tsdb/block/block.h"

namespace tributary::tsdb {

// Selections are sorted, keep the block alive and may outlive the querier.
std::unique_ptr<storage::Querier> MakeBlockQuerier(std::shared_ptr<const Block> block,
                                                   model::Timestamp min_time,
                                                   model::Timestamp max_time);

}  // namespace tributary::tsdb
