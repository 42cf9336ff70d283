// RowSource: a per-series operator that has not run yet. Whoever consumes it (a block, an
// aggregation) pulls row by row, in any order and from many threads, and may throw a row away
// before the next one is made: that is how selector, function and aggregation run in one pass.
#pragma once

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

// Series per task when rows are made in parallel, and the least number that is worth it.
inline constexpr size_t kSeriesPerShard = 128;
inline constexpr size_t kParallelThreshold = 500;

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
