// HeadView: what one querier of the head sees of a series: samples in order from where the head
// begins, beside them those that came out of order, without commits that were not complete when
// it was made. Thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "chunk/encoding.h"
#include "storage/querier.h"
#include "tsdb/block/time_interval.h"
#include "tsdb/head/head_state.h"
#include "tsdb/head/isolation.h"
#include "tsdb/head/ooo_chunks.h"

namespace tributary::tsdb {

class HeadView {
 public:
  enum class Samples : uint8_t {
    kAll,
    kInOrder,
    kMarkedOutOfOrder,  // for the compaction that marked them; of all commits
  };

  // `complete` must outlive the view. REQUIRES: a pin on head.readers, taken before.
  HeadView(HeadState& head, const Isolation::View& complete, Samples samples, TimeInterval range);

  // False: there is nothing in the time of the view.
  bool MayHaveData() const;

  // Both need the lock of the series' shard.
  bool HasChunks(uint32_t shard, uint32_t slot, const MemSeries& series) const;
  // Appends by time; the bytes are borrowed from the head or are in `buffer`.
  base::Status Chunks(uint32_t shard, uint32_t slot, const MemSeries& series,
                      storage::ChunkBuffer* buffer, std::vector<chunk::ChunkView>* out) const;

 private:
  bool SeesOutOfOrder(const MemSeries& series) const {
    return series.Has(MemSeries::kOutOfOrder) && samples_ != Samples::kInOrder;
  }
  OutOfOrderChunks::Part Part() const;
  // What was deleted of a series.
  std::vector<TimeInterval> Deleted(uint32_t shard, uint32_t slot, const MemSeries& series) const;
  void InOrder(uint32_t shard, uint32_t slot, const MemSeries& series, storage::ChunkBuffer* buffer,
               std::vector<chunk::ChunkView>* out) const;

  HeadState& head_;
  const Isolation::View& complete_;
  const Samples samples_;
  const TimeInterval range_;
  const TimeInterval in_order_;
  const uint64_t hidden_;
};

}  // namespace tributary::tsdb
