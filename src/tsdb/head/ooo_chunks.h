// OutOfOrderChunks: the samples of one shard that came out of order. Kept beside the series, so
// that a series whose samples come in order pays nothing for them: MemSeries::kOutOfOrder says
// that there is an entry here.
//
// An entry has an open chunk, which is a sorted array, and sealed chunks, which are encoded, never
// change, and may overlap each other and the chunks in order (Prometheus: tsdb/ooo_head.go; there
// sealed chunks are in files, here they are in memory, and the log has all samples anyway).
//
// A compaction marks what is sealed when it begins; that goes into blocks and is dropped at its
// end, whatever comes meanwhile.
//
// All calls need the shard's lock.
#pragma once

#include <cstdint>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/result.h"
#include "chunk/encoding.h"
#include "storage/querier.h"
#include "tsdb/block/stored_sample.h"
#include "tsdb/head/chunk_memory.h"
#include "tsdb/head/isolation.h"

namespace tributary::tsdb {

class OutOfOrderChunks {
 public:
  // Which of a series' samples are meant.
  enum class Part : uint8_t {
    kAll,
    kMarked,    // those that a compaction has marked
    kUnmarked,  // those that it has not
  };
  enum class Found : uint8_t { kNothing, kSameValue, kOtherValue };

  // What there is at the sample's time. Of the sealed chunks only the newest are looked through,
  // so that this costs little however much came out of order.
  Found Find(uint32_t slot, const StoredSample& sample);

  // False when the open chunk has a sample at that time. A chunk of `capacity` samples is sealed
  // first. `commit` brought it; null: a replay, and everybody sees it.
  bool Insert(uint32_t slot, StoredSample sample, uint32_t capacity,
              const Isolation::Commit* commit);

  bool Overlaps(uint32_t slot, TimeInterval range, Part part) const;
  // Appends the chunks that overlap, by no order. Sealed ones stay where they are until
  // DropMarked(); what is open is encoded into `buffer`. Without the samples of commits that `view`
  // does not see; null: it sees all.
  base::Status Chunks(uint32_t slot, TimeInterval range, Part part, const Isolation::View* view,
                      storage::ChunkBuffer* buffer, std::vector<chunk::ChunkView>* out);

  // Seals what is open and marks all that is sealed. `visit` is told of each chunk marked.
  template <class F>
  void SealAndMark(uint32_t slot, F&& visit) {
    Series* series = FindSeries(slot);
    if (series == nullptr) return;
    Seal(series);
    series->marked = series->sealed;
    for (uint32_t chunk = series->marked; chunk != 0; chunk = sealed_.header(chunk).previous) {
      visit(ViewOf(chunk));
    }
  }
  // Nobody may be looking at the chunks any more. True when the series has nothing left, and is
  // gone from here.
  bool DropMarked(uint32_t slot);

  std::vector<uint32_t> slots() const;
  // Of all samples; {INT64_MAX, INT64_MIN} when there are none.
  TimeInterval Range() const { return range_; }
  // Finds the range anew, after chunks were dropped.
  void RecomputeRange();
  uint64_t num_chunks() const { return num_chunks_; }

 private:
  struct Series {
    std::vector<StoredSample> open;
    uint32_t sealed = 0;  // the newest sealed chunk, 0: none
    uint32_t marked = 0;  // the newest marked chunk; those before it are marked, too
  };

  // A sample whose commit some reader may not see.
  struct Recent {
    int64_t t = 0;
    CommitNumber commit = 0;
  };

  void NoteCommit(uint32_t slot, int64_t t, const Isolation::Commit& commit);
  base::Status HideRecent(const std::vector<Recent>& recent, const Isolation::View& view,
                          storage::ChunkBuffer* buffer, size_t first,
                          std::vector<chunk::ChunkView>* chunks) const;
  Series* FindSeries(uint32_t slot);
  const Series* FindSeries(uint32_t slot) const;
  void Seal(Series* series);
  chunk::ChunkView ViewOf(uint32_t chunk);

  static constexpr TimeInterval kNoTime{INT64_MAX, INT64_MIN};

  absl::flat_hash_map<uint32_t, Series> series_;               // by slot
  mutable ClosedChunks sealed_;                                // its look-ups are not const
  absl::flat_hash_map<uint32_t, std::vector<Recent>> recent_;  // by slot
  size_t num_recent_ = 0;
  size_t sweep_at_ = 1024;
  TimeInterval range_ = kNoTime;
  uint64_t num_chunks_ = 0;
};

}  // namespace tributary::tsdb
