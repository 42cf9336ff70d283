// Block: the value of an instant-vector or scalar expression at all steps: series x steps.
//
// The values of a series are one flat array, one entry a step. An entry is a float, or absent (a
// bit pattern that no result can have: the staleness marker's), or, where the series has
// histograms, a histogram. A scalar is one series without labels that is present at every step.
// The order of series is the order of an instant vector's elements.
//
// Movable, owned by one thread at a time. Rows of different series may be written by different
// threads.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "model/histogram.h"
#include "model/labels.h"
#include "model/sample.h"
#include "promql/exec/budget.h"
#include "promql/exec/steps.h"

namespace tributary::promql {

using HistogramPtr = std::shared_ptr<const model::FloatHistogram>;

inline constexpr uint64_t kAbsentBits = model::kStaleNaNBits;
inline double Absent() { return std::bit_cast<double>(kAbsentBits); }
inline bool IsAbsent(double v) { return std::bit_cast<uint64_t>(v) == kAbsentBits; }

// What a histogram counts for in the budget.
uint64_t HistogramSamples(const model::FloatHistogram& h);

// The values of one series being written or read. `histograms` is empty when there is none;
// where it has one, values[i] is absent.
struct Row {
  std::span<double> values;
  std::vector<HistogramPtr> histograms;

  void Reset() {
    for (double& v : values) v = Absent();
    histograms.clear();
  }
  void Set(size_t step, double v) { values[step] = v; }
  void Set(size_t step, HistogramPtr h) {
    if (histograms.empty()) histograms.resize(values.size());
    histograms[step] = std::move(h);
  }
  const model::FloatHistogram* histogram(size_t step) const {
    return histograms.empty() ? nullptr : histograms[step].get();
  }
  bool present(size_t step) const {
    return !IsAbsent(values[step]) || (!histograms.empty() && histograms[step] != nullptr);
  }
  void Clear(size_t step) {
    values[step] = Absent();
    if (!histograms.empty()) histograms[step] = nullptr;
  }
  bool HasAny() const;
  uint64_t CountSamples() const;
};

struct BlockSeries {
  model::Labels labels;
  // The metric name (and what else describes the metric) goes away at the end of the query.
  bool drop_name = false;
  Row row;
};

class Block {
 public:
  Block() = default;
  explicit Block(const Steps& s) : steps(s) {}

  // A row with every step absent. The pointer is good until the next Add or change of `series`.
  // Charges bytes; samples are charged by ChargeSamples().
  base::Result<BlockSeries*> Add(Budget* budget, model::Labels labels, bool drop_name);
  // A row's memory alone, `rows` of them in one piece, not initialised.
  base::Result<double*> AddSlab(Budget* budget, size_t rows);
  // Charges for all samples present, instead of what was charged before.
  base::Status ChargeSamples(Budget* budget);
  // For a block that outlives its query.
  void LeaveBudget();
  // Removes series that are absent at every step.
  void DropEmpty();
  // Takes over memory that rows moved here point into.
  void AdoptMemory(Block&& other);

  Steps steps;
  std::vector<BlockSeries> series;

 private:
  std::vector<std::unique_ptr<double[]>> slabs_;
  size_t slab_rows_left_ = 0;
  double* slab_next_ = nullptr;
  Charge bytes_;
  Charge samples_;
};

}  // namespace tributary::promql
