#include "remote/receive/series_cache.h"

#include <algorithm>
#include <bit>
#include <new>
#include <sys/mman.h>

namespace tributary::remote {
namespace {

constexpr size_t kFirstBuckets = 1024;
constexpr uint8_t kStaleAfter = 2;  // generations
constexpr size_t kHugePage = size_t{2} << 20;

constexpr auto kRelaxed = std::memory_order_relaxed;

// A lookup lands anywhere: huge pages spare a large table the page walks.
bool WantsHugePages(size_t bytes) { return bytes >= 2 * kHugePage; }
std::align_val_t AlignmentFor(size_t bytes) {
  return std::align_val_t(WantsHugePages(bytes) ? kHugePage : size_t{64});
}

uint32_t TagOf(const base::Hash128& key) { return static_cast<uint32_t>(key.high >> 32); }

}  // namespace

SeriesCache::Table::Table(size_t size)
    : mask(size - 1),
      buckets(static_cast<Bucket*>(
          ::operator new(size * sizeof(Bucket), AlignmentFor(size * sizeof(Bucket))))) {
  const size_t bytes = size * sizeof(Bucket);
  if (WantsHugePages(bytes)) (void)::madvise(buckets, bytes, MADV_HUGEPAGE);
  for (size_t i = 0; i < size; ++i) new (buckets + i) Bucket();  // atomics start at zero
}

SeriesCache::Table::~Table() {
  ::operator delete(buckets, AlignmentFor((mask + 1) * sizeof(Bucket)));
}

SeriesCache::SeriesCache(size_t max_bytes)
    : max_buckets_(std::bit_floor(std::max(max_bytes / sizeof(Bucket), kFirstBuckets))),
      table_(std::make_shared<const Table>(kFirstBuckets)) {}

SeriesCache::Snapshot SeriesCache::Current() const {
  base::MutexLock lock(mutex_);
  return {table_, generation_};
}

model::SeriesRef SeriesCache::Snapshot::Find(const base::Hash128& key) const {
  const uint32_t tag = TagOf(key);
  for (size_t probe = 0; probe < kWindow; ++probe) {
    Bucket& bucket = table_->buckets[(key.low + probe) & table_->mask];
    for (size_t i = 0; i < kSlots; ++i) {
      const uint64_t ref = bucket.ref[i].load(kRelaxed);
      // Slots are filled in this order and never become free again.
      if (ref == 0) return model::SeriesRef(0);
      if ((bucket.check[i].load(kRelaxed) ^ ref) != key.low) continue;
      if (bucket.tag[i].load(kRelaxed) != tag) continue;
      if (bucket.generation[i].load(kRelaxed) != generation_) {
        bucket.generation[i].store(generation_, kRelaxed);
      }
      return model::SeriesRef(ref);
    }
  }
  return model::SeriesRef(0);
}

SeriesCache::Placed SeriesCache::PutInto(const Table& table, const base::Hash128& key, uint64_t ref,
                                         bool evict) {
  constexpr int kFree = 1 << 8;
  constexpr int kSame = 1 << 9;
  const uint32_t tag = TagOf(key);
  Bucket* into = nullptr;
  size_t slot = 0;
  int best = -1;  // an age, kFree or kSame
  for (size_t n = 0; n < kWindow * kSlots; ++n) {
    Bucket& bucket = table.buckets[(key.low + n / kSlots) & table.mask];
    const size_t i = n % kSlots;
    const uint64_t there = bucket.ref[i].load(kRelaxed);
    int rank = static_cast<uint8_t>(generation_ - bucket.generation[i].load(kRelaxed));
    if (there == 0) {
      // The key is nowhere behind a free slot. A stale one before it keeps the way short.
      if (best >= kStaleAfter) break;
      rank = kFree;
    } else if ((bucket.check[i].load(kRelaxed) ^ there) == key.low &&
               bucket.tag[i].load(kRelaxed) == tag) {
      rank = kSame;
    }
    if (rank > best) {
      best = rank;
      into = &bucket;
      slot = i;
    }
    if (rank >= kFree) break;
  }
  if (best < kStaleAfter && !evict) return Placed::kNowhere;
  if (best != kFree) into->ref[slot].store(0, kRelaxed);
  into->tag[slot].store(tag, kRelaxed);
  into->generation[slot].store(generation_, kRelaxed);
  into->check[slot].store(key.low ^ ref, kRelaxed);
  into->ref[slot].store(ref, kRelaxed);
  return best == kFree ? Placed::kInFreeSlot : Placed::kOverOther;
}

void SeriesCache::Put(const base::Hash128& key, model::SeriesRef ref) {
  base::MutexLock lock(mutex_);
  Placed placed = PutInto(*table_, key, ref.value(), false);
  if (placed == Placed::kNowhere) {
    // A full window in a half-empty table is chance; in a crowded one it is the rule.
    const bool crowded = taken_ > (table_->mask + 1) * kSlots * 6 / 10;
    if (crowded && table_->mask + 1 < max_buckets_) Rebuild();
    placed = PutInto(*table_, key, ref.value(), true);
  }
  if (placed == Placed::kInFreeSlot) ++taken_;
}

void SeriesCache::Rebuild() {
  const size_t size = table_->mask + 1;
  const auto for_each_in_use = [&](auto visit) TB_NO_THREAD_SAFETY_ANALYSIS {
    for (size_t b = 0; b < size; ++b) {
      const Bucket& bucket = table_->buckets[b];
      for (size_t i = 0; i < kSlots; ++i) {
        const uint64_t ref = bucket.ref[i].load(kRelaxed);
        const uint8_t generation = bucket.generation[i].load(kRelaxed);
        if (ref == 0 || static_cast<uint8_t>(generation_ - generation) >= kStaleAfter) continue;
        visit(base::Hash128{.low = bucket.check[i].load(kRelaxed) ^ ref,
                            .high = uint64_t{bucket.tag[i].load(kRelaxed)} << 32},
              ref);
      }
    }
  };
  size_t in_use = 0;
  for_each_in_use([&](const base::Hash128&, uint64_t) { ++in_use; });
  const bool grow = in_use > size * kSlots * 4 / 10;
  auto table = std::make_shared<const Table>(grow ? size * 2 : size);
  taken_ = 0;
  for_each_in_use([&](const base::Hash128& key, uint64_t ref) TB_NO_THREAD_SAFETY_ANALYSIS {
    if (PutInto(*table, key, ref, true) == Placed::kInFreeSlot) ++taken_;
  });
  table_ = std::move(table);
}

void SeriesCache::NextGeneration() {
  base::MutexLock lock(mutex_);
  ++generation_;
}

size_t SeriesCache::bytes() const {
  base::MutexLock lock(mutex_);
  return (table_->mask + 1) * sizeof(Bucket);
}

}  // namespace tributary::remote
