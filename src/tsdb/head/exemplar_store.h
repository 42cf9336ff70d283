// ExemplarStore: the newest exemplars of all series, at most a fixed number of them. The oldest by
// arrival goes first. Rules of Prometheus's tsdb/exemplar.go. Thread-safe; its lock is a leaf.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/metrics.h"
#include "base/mutex.h"
#include "model/exemplar.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "storage/exemplar_querier.h"

namespace tributary::tsdb {

class ExemplarStore {
 public:
  enum class Outcome : unsigned char {
    kAdded,
    kDisabled,      // the store holds none
    kDuplicate,     // the newest one of its series again
    kOutOfOrder,    // older than the newest of its series; counted
    kTooLongLabels  // more than 128 characters; counted
  };

  ExemplarStore(uint64_t max_exemplars, base::MetricsRegistry& registry);
  ~ExemplarStore();

  // What Add() would say now (kAdded when it would be added).
  Outcome Check(const model::Labels& series, const model::Exemplar& exemplar) TB_EXCLUDES(mutex_);
  Outcome Add(const model::Labels& series, model::Exemplar exemplar) TB_EXCLUDES(mutex_);

  // 0 turns the store off. Keeps the newest that fit.
  void Resize(uint64_t max_exemplars) TB_EXCLUDES(mutex_);
  // Exemplars up to this much older than the newest of their series are taken.
  void SetOutOfOrderWindow(int64_t window_ms) { window_ms_.store(window_ms); }
  bool enabled() const { return max_.load(std::memory_order_relaxed) != 0; }

  using Visitor = std::function<void(const model::Labels& series, const model::Exemplar&)>;
  // Calls visit() for all, oldest arrival first, under the store's lock.
  void EachByArrival(const Visitor& visit) const TB_EXCLUDES(mutex_);

  // As storage::ExemplarQueryable.
  std::vector<storage::SeriesExemplars> Select(
      model::Timestamp start, model::Timestamp end,
      std::span<const std::vector<model::Matcher>> matcher_sets) const TB_EXCLUDES(mutex_);

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  // The exemplars of one series, linked by time.
  struct Chain {
    model::Labels labels;
    uint32_t oldest = kNone;
    uint32_t newest = kNone;
  };
  struct Entry {
    model::Exemplar exemplar;
    uint32_t previous = kNone;
    uint32_t next = kNone;
    Chain* chain = nullptr;
  };

  Outcome CheckLocked(const Chain* chain, const model::Exemplar& exemplar) const
      TB_REQUIRES(mutex_);
  const Chain* FindChain(const model::Labels& series) const TB_REQUIRES(mutex_);
  void Count(Outcome outcome);
  void Insert(const model::Labels& series, model::Exemplar exemplar) TB_REQUIRES(mutex_);
  void Unlink(Entry* entry) TB_REQUIRES(mutex_);
  void SetGauges() TB_REQUIRES(mutex_);

  mutable base::Mutex mutex_;
  std::atomic<uint64_t> max_;
  std::atomic<int64_t> window_ms_{0};
  std::vector<Entry> ring_ TB_GUARDED_BY(mutex_);  // grows up to max_
  size_t next_ TB_GUARDED_BY(mutex_) = 0;          // the place of the next one
  absl::flat_hash_map<model::Labels, std::unique_ptr<Chain>, model::LabelsHash> chains_
      TB_GUARDED_BY(mutex_);

  base::Counter& appended_;
  base::Counter& out_of_order_;
  base::Counter& too_long_;
  base::Gauge& in_storage_;
  base::Gauge& series_in_storage_;
  base::Gauge& last_timestamp_;
  base::Gauge& max_gauge_;
};

}  // namespace tributary::tsdb
