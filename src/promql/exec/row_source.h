// RowSource: a per-series operator that has not run yet. Whoever consumes it (a block, an
// aggregation) pulls row by row, in any order and from many threads, and may throw a row away
// before the next one is made: that is how selector, function and aggregation run in one pass.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "model/labels.h"
#include "promql/exec/block.h"
#include "promql/exec/context.h"
#include "promql/exec/samples.h"
#include "storage/querier.h"

namespace tributary::promql {

// Immutable, thread-safe.
class RowSource {
 public:
  virtual ~RowSource() = default;
  virtual const Steps& steps() const = 0;
  virtual size_t size() const = 0;
  // Labels of the result.
  virtual model::Labels LabelsOf(size_t i) const = 0;
  virtual bool drop_name(size_t i) const = 0;
  // One label of all results.
  virtual storage::LabelColumn Column(std::string_view label_name) const = 0;
  // Two results may have the same labels, which is an error if both have samples.
  virtual bool may_collide() const = 0;
  // Fills a row of steps().count values; what it held before does not matter.
  virtual base::Status Fill(size_t i, ReadScratch* scratch, Row* row) const = 0;
};

// Series between two looks at the clock and the client.
inline constexpr size_t kSeriesPerCheck = 128;
// Whether rows of this many series are worth several threads: there are many series, or few with
// many steps.
inline bool WorthThreads(size_t series, size_t steps) {
  constexpr size_t kSeries = 500;
  constexpr size_t kValues = size_t{1} << 17;
  return series >= kSeries || series * steps >= kValues;
}
// Series in a task when rows are made in parallel.
inline size_t SeriesPerTask(size_t steps) {
  constexpr size_t kMost = 128;
  constexpr size_t kValues = size_t{1} << 15;
  return std::clamp<size_t>(kValues / std::max<size_t>(steps, 1), 1, kMost);
}

// Runs it. Series without any sample are left out; the rest keep their order.
base::Result<Block> Materialize(QueryContext& context, const RowSource& source);

// One label of all series of a block; its values are views into the block.
storage::LabelColumn ColumnOf(const Block& block, std::string_view label_name);

// A block's rows; takes it over.
std::unique_ptr<RowSource> MakeBlockRows(Block block);

// The labels without those that describe the metric: __name__, __type__, __unit__.
model::Labels DropMetricLabels(const model::Labels& labels);

base::Error SameLabelsetError();
// An error when two series have the same labels.
base::Status CheckDistinctLabels(const Block& block);
// Makes one series of those with the same labels; an error where two are present at a step.
base::Status MergeSameLabels(Block* block);

}  // namespace tributary::promql
