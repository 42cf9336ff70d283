// Where a script's samples lie while it is evaluated: the same answers must come out of memory, a
// head, blocks, and blocks with a head beside them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "chunk/encoding.h"
#include "model/labels.h"
#include "storage/appender.h"
#include "storage/querier.h"

namespace tributary::promqltest {

enum class StoreKind : uint8_t {
  kMemory,
  kHead,
  kBlocks,         // one, merged from two
  kBlocksAndHead,  // the older half in a block, the newer in the head
};

class ScriptStore : public storage::Queryable, public storage::Appendable {
 public:
  // At most so many samples share a chunk.
  static std::unique_ptr<ScriptStore> Create(StoreKind kind, size_t samples_per_chunk);

  // As storage::MemoryStore: stays in memory whatever the kind.
  virtual void AddChunk(const model::Labels& labels, const chunk::ChunkView& chunk) = 0;
  // To be called between the last commit and the first query: moves samples to where they belong.
  virtual base::Status Settle() = 0;
};

}  // namespace tributary::promqltest
