// SampleCounts: how many samples a query, or a part of it that is evaluated at times of its own,
// looked at and read, counted as Prometheus counts them (util/stats/query_stats.go): a histogram is
// its size in units of a float sample; "looked at" counts a sample for each step whose window it
// lies in, "read" only for the first. Exists only when somebody asked for statistics.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "model/sample.h"
#include "promql/exec/block.h"
#include "promql/exec/samples.h"
#include "promql/exec/steps.h"

namespace tributary::promql {

struct WindowSpec;

// Adding is thread-safe; the rest is for when all has been added.
class SampleCounts {
 public:
  SampleCounts(const Steps& steps, bool per_step);

  // What an instant selector found.
  void AddRow(const Row& row);
  // What a range function saw. `read`: the samples come from the store, not from a subquery, which
  // has counted them already.
  void AddWindows(const Samples& samples, const WindowSpec& window, bool read);
  // Looked at, and read.
  void AddAt(size_t step, uint64_t samples, uint64_t read);

  // A part that had one value for all steps.
  void AddInvariant(const SampleCounts& once);
  // A subquery whose result windows of `range_ms` at `offset_ms` before the steps look at; what
  // they looked at counts there. REQUIRES: `inner` counts by step.
  void AddSubquery(const SampleCounts& inner, int64_t offset_ms, int64_t range_ms);
  // A subquery that is the query.
  void AddWhole(const SampleCounts& subquery);

  uint64_t total() const { return total_.load(std::memory_order_relaxed); }
  uint64_t read() const { return read_.load(std::memory_order_relaxed); }
  // Empty unless counted by step.
  std::vector<uint64_t> totals_per_step() const { return Loaded(totals_); }
  std::vector<uint64_t> reads_per_step() const { return Loaded(reads_); }

 private:
  using Counters = std::vector<std::atomic<uint64_t>>;
  static std::vector<uint64_t> Loaded(const Counters& counters);
  void AddToStep(size_t step, uint64_t samples, uint64_t read);

  const Steps steps_;
  std::atomic<uint64_t> total_{0};
  std::atomic<uint64_t> read_{0};
  Counters totals_, reads_;
};

}  // namespace tributary::promql
