// SeriesCache: which series of the store a fingerprint of encoded labels stands for.
//
// A cache in front of the store's own identity: several fingerprints (label order, protocol) may
// lead to one series, and forgetting an entry costs a look at its labels, nothing else. Keys are
// 128-bit hashes with a secret seed, of which 96 bits and the place are compared.
//
// A key lives in its home cache line or one of the next seven. Entries not seen for two generations
// make room, then the oldest of those lines. A table that is crowded with entries in use
// doubles until it reaches its bound.
//
// Thread-safe. Lookups take no lock: every slot proves itself (see Bucket).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/hash.h"
#include "base/mutex.h"
#include "model/series_ref.h"

namespace tributary::remote {

class SeriesCache {
 private:
  static constexpr size_t kSlots = 3;   // a bucket
  static constexpr size_t kWindow = 8;  // buckets

  // One cache line. A slot is free when its ref is 0. `check` is the key's low half XOR the ref: a
  // reader that sees a ref of one entry beside the check of another finds a key that is not its
  // own, except once in 2^64, so that readers need no lock and writers need not wait for them.
  struct alignas(64) Bucket {
    std::atomic<uint64_t> check[kSlots];
    std::atomic<uint64_t> ref[kSlots];
    std::atomic<uint32_t> tag[kSlots];  // upper half of the key's high half
    std::atomic<uint8_t> generation[kSlots];
  };
  struct Table {
    explicit Table(size_t size);
    ~Table();
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;
    const size_t mask;
    Bucket* const buckets;  // owned; mask + 1 of them
  };

 public:
  // `max_bytes` bounds the table (rounded down to a power of two, at least 64 KiB); while it grows,
  // the old one is there too.
  explicit SeriesCache(size_t max_bytes);

  // The table of this moment, for the lookups of one batch.
  class Snapshot {
   public:
    void Prefetch(const base::Hash128& key) const {
      __builtin_prefetch(&table_->buckets[key.low & table_->mask]);
    }
    // 0 when the key is not known.
    model::SeriesRef Find(const base::Hash128& key) const;

   private:
    friend class SeriesCache;
    Snapshot(std::shared_ptr<const Table> table, uint8_t generation)
        : table_(std::move(table)), generation_(generation) {}
    std::shared_ptr<const Table> table_;
    uint8_t generation_;
  };
  Snapshot Current() const;

  // Sets or replaces what `key` stands for.
  void Put(const base::Hash128& key, model::SeriesRef ref);

  // Called at regular intervals: ages what is not looked up any more.
  void NextGeneration();

  size_t bytes() const;

 private:
  enum class Placed : unsigned char { kInFreeSlot, kOverOther, kNowhere };
  // Takes a free slot or that of a stale entry; with `evict` any other if need be.
  Placed PutInto(const Table& table, const base::Hash128& key, uint64_t ref, bool evict)
      TB_REQUIRES(mutex_);
  // Moves what is in use to a new table, a larger one when it is much.
  void Rebuild() TB_REQUIRES(mutex_);

  const size_t max_buckets_;
  mutable base::Mutex mutex_;  // nothing else is locked under it
  std::shared_ptr<const Table> table_ TB_GUARDED_BY(mutex_);
  size_t taken_ TB_GUARDED_BY(mutex_) = 0;  // slots that are not free
  uint8_t generation_ TB_GUARDED_BY(mutex_) = 0;
};

}  // namespace tributary::remote
