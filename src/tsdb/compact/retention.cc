#include "tsdb/compact/retention.h"

#include <algorithm>

namespace tributary::tsdb {

RetentionVerdict BeyondRetention(std::vector<std::shared_ptr<Block>> blocks, int64_t retention_ms,
                                 uint64_t retention_bytes, uint64_t other_bytes) {
  RetentionVerdict verdict;
  std::ranges::stable_sort(blocks, std::ranges::greater(),
                           [](const auto& b) { return b->meta().max_time; });
  // From these positions on, newest first, all go.
  size_t keep = blocks.size();
  if (retention_ms > 0) {
    for (size_t i = 1; i < keep; ++i) {
      if (blocks[0]->meta().max_time - blocks[i]->meta().max_time >= retention_ms) {
        keep = i;
        verdict.by_time = true;
      }
    }
  }
  if (retention_bytes > 0) {
    uint64_t bytes = other_bytes;
    for (size_t i = 0; i < keep; ++i) {
      bytes += blocks[i]->size_bytes();
      if (bytes > retention_bytes) {
        keep = i;
        verdict.by_size = true;
      }
    }
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (i >= keep || blocks[i]->meta().deletable) verdict.remove.push_back(blocks[i]);
  }
  return verdict;
}

}  // namespace tributary::tsdb
