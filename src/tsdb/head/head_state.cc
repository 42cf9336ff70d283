#include "tsdb/head/head_state.h"

#include <utility>

namespace tributary::tsdb {
namespace {

// Appenders that need more than this keep no buffers for the next one.
constexpr size_t kMaxKeptSamples = 64 * 1024;
constexpr size_t kMaxKeptScratch = 64;

void LowerTo(std::atomic<int64_t>* value, int64_t to) {
  int64_t now = value->load(std::memory_order_relaxed);
  while (to < now && !value->compare_exchange_weak(now, to)) {
  }
}
void RaiseTo(std::atomic<int64_t>* value, int64_t to) {
  int64_t now = value->load(std::memory_order_relaxed);
  while (to > now && !value->compare_exchange_weak(now, to)) {
  }
}

}  // namespace

void AppendScratch::Clear() {
  staged.clear();
  sorted.clear();
  order.clear();
  unlogged.clear();
  histograms.clear();
  out_of_order.clear();
  out_of_order_histograms.clear();
  late.clear();
  late_histograms.clear();
  exemplars.clear();
  exemplar_series.clear();
  metadata.clear();
  labels.clear();
  records.Clear();
}

base::Result<model::SeriesRef> HeadState::GetOrCreate(model::LabelSpan label_span, uint64_t hash,
                                                      bool* created) {
  *created = false;
  if (label_span.empty()) return base::InvalidArgument("empty labelset: invalid sample");
  if (label_span.size() > LabelTable::kMaxLabels) {
    return base::ResourceExhausted("a series has " + std::to_string(label_span.size()) +
                                   " labels, the limit is " +
                                   std::to_string(LabelTable::kMaxLabels));
  }
  const uint32_t shard_index = ShardOfHash(hash);
  Shard& shard = series.shard(shard_index);
  const auto find = [&]() TB_REQUIRES(shard.mutex) -> model::SeriesRef {
    const uint32_t slot = series.FindByLabels(shard, label_span, hash);
    if (slot == IdTable::kNone) return {};
    MemSeries& found = shard.slots[slot];
    found.flags &= static_cast<uint8_t>(~MemSeries::kDying);
    return MakeSeriesRef(shard_index, slot, found.generation);
  };
  {
    base::MutexLock lock(shard.mutex);
    if (const model::SeriesRef ref = find(); ref.value() != 0) return ref;
  }
  // Interning happens outside of the shard's lock, as samples of known series wait for that one.
  const LabelRun run = labels.Intern(label_span);
  model::SeriesRef ref;
  {
    base::MutexLock lock(shard.mutex);
    ref = find();
    if (ref.value() == 0) {
      const auto made = series.Insert(shard, shard_index, run, hash,
                                      min_generation.load(std::memory_order_relaxed));
      if (made.series != nullptr) {
        ref = made.ref;
        *created = true;
        // Under the shard's lock: whoever finds the series must also find it by its labels.
        index.Add({static_cast<uint32_t>(ref.value()) & ((1u << 28) - 1), run});
      }
    }
  }
  if (!*created) {
    labels.Release(run);
    if (ref.value() == 0) {
      return base::ResourceExhausted("the head holds no more than " +
                                     std::to_string(kMaxSeriesSlots) + " series in a shard");
    }
    return ref;
  }
  num_series.fetch_add(1, std::memory_order_relaxed);
  return ref;
}

model::SeriesRef HeadState::Find(model::LabelSpan label_span) {
  const uint64_t hash = model::HashLabels(label_span);
  const uint32_t shard_index = ShardOfHash(hash);
  Shard& shard = series.shard(shard_index);
  base::MutexLock lock(shard.mutex);
  const uint32_t slot = series.FindByLabels(shard, label_span, hash);
  if (slot == IdTable::kNone) return {};
  return MakeSeriesRef(shard_index, slot, shard.slots[slot].generation);
}

bool HeadState::Has(model::SeriesRef ref) {
  Shard& shard = series.shard_of(ref);
  base::MutexLock lock(shard.mutex);
  return SeriesTable<MemSeries>::Find(shard, ref) != nullptr;
}

void HeadState::CoverTime(int64_t min, int64_t max) {
  LowerTo(&min_time, min);
  RaiseTo(&max_time, max);
}

model::SeriesRef HeadState::Resolve(model::SeriesRef ref) const {
  if (!has_foreign_refs.load(std::memory_order_acquire)) return ref;
  base::MutexLock lock(foreign_mutex);
  const auto it = foreign_refs.find(ref.value());
  return it == foreign_refs.end() ? ref : model::SeriesRef(it->second);
}

model::SeriesRef HeadState::LoggedRef(model::SeriesRef ref) const {
  if (!has_foreign_refs.load(std::memory_order_acquire)) return ref;
  base::MutexLock lock(foreign_mutex);
  const auto it = logged_refs.find(ref.value());
  return it == logged_refs.end() ? ref : model::SeriesRef(it->second);
}

std::unique_ptr<AppendScratch> HeadState::TakeScratch() {
  base::MutexLock lock(scratch_mutex);
  if (scratch.empty()) return std::make_unique<AppendScratch>();
  std::unique_ptr<AppendScratch> taken = std::move(scratch.back());
  scratch.pop_back();
  return taken;
}

void HeadState::GiveBack(std::unique_ptr<AppendScratch> used) {
  if (used->staged.capacity() > kMaxKeptSamples || used->histograms.capacity() > 1024 ||
      used->out_of_order.capacity() > kMaxKeptSamples ||
      used->out_of_order_histograms.capacity() > 1024 || used->late_histograms.capacity() > 1024 ||
      used->exemplars.capacity() > 1024) {
    return;
  }
  used->Clear();
  base::MutexLock lock(scratch_mutex);
  if (scratch.size() < kMaxKeptScratch) scratch.push_back(std::move(used));
}

}  // namespace tributary::tsdb
