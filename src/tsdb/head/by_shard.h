// ByShard: visits the entries of a batch shard by shard, so that each lock is taken once. Reuse
// one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/mutex.h"
#include "model/series_ref.h"
#include "tsdb/head/series_table.h"

namespace tributary::tsdb {

class ByShard {
 public:
  // Calls visit(shard, i) for every entry, with the lock of its series' shard held. An entry is a
  // SeriesRef or has one under `ref`.
  template <class S, class Entry, class F>
  void ForEach(SeriesTable<S>& series, std::span<const Entry> entries, F&& visit) {
    std::array<uint32_t, kSeriesShards + 1> begin{};
    for (const Entry& entry : entries) {
      ++begin[ShardOf(RefOf(entry)) + 1];
    }
    for (size_t s = 0; s < kSeriesShards; ++s) {
      begin[s + 1] += begin[s];
    }
    order_.resize(entries.size());
    auto next = begin;
    for (uint32_t i = 0; i < entries.size(); ++i) {
      order_[next[ShardOf(RefOf(entries[i]))]++] = i;
    }
    for (uint32_t s = 0; s < kSeriesShards; ++s) {
      if (begin[s] == begin[s + 1]) {
        continue;
      }
      auto& shard = series.shard(s);
      base::MutexLock lock(shard.mutex);
      for (uint32_t at = begin[s]; at < begin[s + 1]; ++at) {
        if (at + kAhead < begin[s + 1]) {
          SeriesTable<S>::Prefetch(shard, RefOf(entries[order_[at + kAhead]]));
        }
        visit(shard, order_[at]);
      }
    }
  }

 private:
  static model::SeriesRef RefOf(model::SeriesRef ref) { return ref; }
  template <class Entry>
  static model::SeriesRef RefOf(const Entry& entry) {
    return entry.ref;
  }

  static constexpr uint32_t kAhead = 8;  // of the visit: the series' memory is on its way by then

  std::vector<uint32_t> order_;
};

}  // namespace tributary::tsdb
