// SeriesTable<S>: which series there are, by labels and by SeriesRef. The head keeps its series in
// one and the agent's store in another; S is what the store remembers of a series.
//
// Sharded by label hash, one lock a shard. A ref says where its series is, so that the way from a
// sample to its series is an array index:
//   bits 0..3 shard, 4..27 slot, 28..39 generation of the slot
// Refs stay below 2^40, which Prometheus needs of the refs in its log, and are not reused: a slot
// that served 4096 series is left empty. The label hash must be stable over restarts
// (model::HashLabels is), so that refs found in a log can be taken over.
//
// Lock order: a shard's mutex before the LabelTable's. Never two shards at once.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "base/mutex.h"
#include "model/labels.h"
#include "model/series_ref.h"
#include "tsdb/head/id_table.h"
#include "tsdb/head/label_table.h"
#include "tsdb/head/stable_array.h"

namespace tributary::tsdb {

// S derives from this. All zero bytes must be a valid empty S.
struct SeriesBase {
  uint32_t labels = 0;  // LabelRun; 0: the slot is empty
  uint16_t generation = 0;
  uint8_t flags = 0;  // the store's own
  uint8_t small = 0;  // the store's own
};

inline constexpr uint32_t kSeriesShards = 16;
inline constexpr uint32_t kMaxSeriesSlots = 1u << 24;  // a shard
inline constexpr uint16_t kMaxGeneration = 4095;

inline uint32_t ShardOf(model::SeriesRef ref) { return ref.value() & (kSeriesShards - 1); }
inline uint32_t SlotOf(model::SeriesRef ref) {
  return static_cast<uint32_t>(ref.value() >> 4) & (kMaxSeriesSlots - 1);
}
inline uint64_t GenerationOf(model::SeriesRef ref) { return ref.value() >> 28; }
inline model::SeriesRef MakeSeriesRef(uint32_t shard, uint32_t slot, uint16_t generation) {
  return model::SeriesRef(uint64_t{generation} << 28 | uint64_t{slot} << 4 | shard);
}
inline uint32_t ShardOfHash(uint64_t label_hash) {
  return static_cast<uint32_t>(label_hash) & (kSeriesShards - 1);
}

template <class S>
class SeriesTable {
 public:
  struct alignas(64) Shard {
    base::Mutex mutex;
    StableArray<S> slots TB_GUARDED_BY(mutex);
    IdTable by_labels TB_GUARDED_BY(mutex);  // slots
    std::vector<uint32_t> free TB_GUARDED_BY(mutex);
    uint32_t next_slot TB_GUARDED_BY(mutex) = 1;
    uint32_t count TB_GUARDED_BY(mutex) = 0;
  };

  explicit SeriesTable(LabelTable& labels) : labels_(labels) {}

  Shard& shard(uint32_t i) { return shards_[i]; }
  Shard& shard_of(model::SeriesRef ref) { return shards_[ShardOf(ref)]; }

  // Null when the ref is not one of a living series.
  static S* Find(Shard& shard, model::SeriesRef ref) TB_REQUIRES(shard.mutex) {
    const uint32_t slot = SlotOf(ref);
    if (slot >= shard.next_slot || slot == 0) return nullptr;
    S& series = shard.slots[slot];
    return series.labels != 0 && series.generation == GenerationOf(ref) ? &series : nullptr;
  }
  static void Prefetch(Shard& shard, model::SeriesRef ref) TB_REQUIRES(shard.mutex) {
    const uint32_t slot = SlotOf(ref);
    if (slot != 0 && slot < shard.next_slot) __builtin_prefetch(&shard.slots[slot], 1);
  }

  // The slot of the series with these labels, or IdTable::kNone.
  uint32_t FindByLabels(Shard& shard, model::LabelSpan labels, uint64_t hash) const
      TB_REQUIRES(shard.mutex) {
    return shard.by_labels.Find(hash, [&](uint32_t slot) TB_NO_THREAD_SAFETY_ANALYSIS {
      return labels_.Equal(LabelRun(shard.slots[slot].labels), labels);
    });
  }

  struct Made {
    S* series = nullptr;
    model::SeriesRef ref;
  };
  // Puts a new series under `run`, which it owns from now on. The generation is at least
  // `min_generation`. Null when the shard is full. REQUIRES: no series has these labels.
  Made Insert(Shard& shard, uint32_t shard_index, LabelRun run, uint64_t hash,
              uint16_t min_generation) TB_REQUIRES(shard.mutex) {
    uint32_t slot;
    if (!shard.free.empty()) {
      slot = shard.free.back();
      shard.free.pop_back();
    } else {
      if (shard.next_slot == kMaxSeriesSlots) return {};
      slot = shard.next_slot;
      shard.slots.Grow(slot + 1);
      ++shard.next_slot;
    }
    S& series = shard.slots[slot];
    const uint16_t generation = std::max(series.generation, min_generation);
    return Occupy(shard, shard_index, slot, generation, run, hash);
  }

  // Puts a new series at the place that `ref` names, as a log says it had. Null when the ref cannot
  // be kept: another place for these labels, or the place is taken. REQUIRES as Insert().
  Made InsertAt(Shard& shard, uint32_t shard_index, model::SeriesRef ref, LabelRun run,
                uint64_t hash) TB_REQUIRES(shard.mutex) {
    const uint32_t slot = SlotOf(ref);
    if (slot == 0 || ShardOf(ref) != shard_index || GenerationOf(ref) > kMaxGeneration) return {};
    shard.slots.Grow(slot + 1);
    if (shard.slots[slot].labels != 0) return {};
    shard.next_slot = std::max(shard.next_slot, slot + 1);
    return Occupy(shard, shard_index, slot, static_cast<uint16_t>(GenerationOf(ref)), run, hash);
  }

  // Removal has two steps. After Unlink() nobody finds the series by its labels any more; a new one
  // with the same labels gets another place.
  void Unlink(Shard& shard, uint32_t slot, uint64_t hash) TB_REQUIRES(shard.mutex) {
    shard.by_labels.Erase(hash, slot);
    --shard.count;
  }
  // Empties the slot and gives the run back. Whoever still holds the ref will find nothing; nobody
  // may hold the run.
  void Free(Shard& shard, uint32_t slot) TB_REQUIRES(shard.mutex) {
    labels_.Release(Empty(shard, slot));
  }

  // Both steps at once, for stores in which nobody comes to a series but under the shard's lock.
  // The run is to be released once nobody holds it.
  [[nodiscard]] LabelRun Erase(Shard& shard, uint32_t slot, uint64_t hash)
      TB_REQUIRES(shard.mutex) {
    Unlink(shard, slot, hash);
    return Empty(shard, slot);
  }

  // Before FreeGaps(): what the next series in this slot gets, which has none.
  void SetGeneration(Shard& shard, uint32_t slot, uint16_t generation) TB_REQUIRES(shard.mutex) {
    shard.slots.Grow(slot + 1);
    shard.next_slot = std::max(shard.next_slot, slot + 1);
    shard.slots[slot].generation = generation;
  }

  // After InsertAt() calls: slots that were passed over become free.
  void FreeGaps(Shard& shard) TB_REQUIRES(shard.mutex) {
    shard.free.clear();
    for (uint32_t slot = shard.next_slot; slot-- > 1;) {
      // One that may have served as many series as it can stays empty.
      if (shard.slots[slot].labels == 0 && shard.slots[slot].generation < kMaxGeneration) {
        shard.free.push_back(slot);
      }
    }
  }

 private:
  LabelRun Empty(Shard& shard, uint32_t slot) TB_REQUIRES(shard.mutex) {
    S& series = shard.slots[slot];
    const LabelRun run(series.labels);
    const uint16_t generation = series.generation;
    series = S{};
    series.generation = generation;
    if (generation < kMaxGeneration) {
      ++series.generation;
      shard.free.push_back(slot);
    }
    return run;
  }

  Made Occupy(Shard& shard, uint32_t shard_index, uint32_t slot, uint16_t generation, LabelRun run,
              uint64_t hash) TB_REQUIRES(shard.mutex) {
    S& series = shard.slots[slot];
    series = S{};
    series.generation = generation;
    series.labels = run.value();
    shard.by_labels.Insert(hash, slot);
    ++shard.count;
    return {&series, MakeSeriesRef(shard_index, slot, generation)};
  }

  LabelTable& labels_;
  std::array<Shard, kSeriesShards> shards_;
};

}  // namespace tributary::tsdb
