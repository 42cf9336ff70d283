// Which blocks are too old or too many, by Prometheus's rules (tsdb/db.go: BeyondTimeRetention,
// BeyondSizeRetention).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "tsdb/block/block.h"

namespace tributary::tsdb {

struct RetentionVerdict {
  std::vector<std::shared_ptr<Block>> remove;
  bool by_time = false;
  bool by_size = false;
};

// `retention_ms` and `retention_bytes`: 0 is no limit. `other_bytes`: what else of the store is on
// the disk. Blocks that call themselves deletable are removed, too.
RetentionVerdict BeyondRetention(std::vector<std::shared_ptr<Block>> blocks, int64_t retention_ms,
                                 uint64_t retention_bytes, uint64_t other_bytes);

}  // namespace tributary::tsdb
