#include <algorithm>
#include <atomic>
#include <numeric>

#include <absl/container/flat_hash_map.h>

#include "promql/exec/aggregate.h"
#include "promql/exec/aggregate_cells.h"
#include "promql/exec/grouping.h"
#include "promql/functions/histogram_sum.h"

namespace tributary::promql {
namespace {

// Groups at least this many are folded group by group, which needs no merging.
constexpr size_t kManyGroups = 64;
constexpr size_t kTasksPerPart = 4;
constexpr size_t kMostParts = 16;
constexpr size_t kMostPartBytes = size_t{64} << 20;

enum class HistogramRole : uint8_t {
  kSum,
  kMean,
  kCounts,   // like any sample
  kIgnored,  // with an info
};

// The histograms of one group at one step.
struct HistogramCell {
  HistogramSum sum;
  HistogramMean mean;
  bool incompatible = false;
};

template <class Cell>
class Fold {
 public:
  Fold(QueryContext& context, const Plan& plan, const RowSource& rows, HistogramRole role)
      : context_(context),
        op_(As<AggregateExpr>(*plan.expr).op),
        pos_(plan.children[0]->pos),
        rows_(rows),
        role_(role),
        steps_(rows.steps().count) {}

  base::Result<Block> Run(const Grouping& grouping) {
    Block out(rows_.steps());
    for (size_t g = 0; g < grouping.size(); g++) {
      ASSIGN_OR_RETURN(BlockSeries * series,
                       out.Add(&context_.budget(), grouping.labels[g], grouping.drop_name[g]));
      (void)series;
    }
    const size_t n = rows_.size();
    if (!WorthThreads(n, steps_)) {
      std::vector<size_t> all(n);
      std::iota(all.begin(), all.end(), 0);
      RETURN_IF_ERROR(FoldGroups(grouping, all, 0, grouping.size(), &out));
    } else if (grouping.size() >= kManyGroups) {
      RETURN_IF_ERROR(RunByGroup(grouping, &out));
    } else {
      ASSIGN_OR_RETURN(const bool done, RunByPart(grouping, &out));
      if (!done) {
        // Sums of histograms depend on their order: one thread.
        std::vector<size_t> all(n);
        std::iota(all.begin(), all.end(), 0);
        RETURN_IF_ERROR(FoldGroups(grouping, all, 0, grouping.size(), &out));
      }
    }
    out.DropEmpty();
    RETURN_IF_ERROR(out.ChargeSamples(&context_.budget()));
    return out;
  }

 private:
  using HistogramCells = absl::flat_hash_map<size_t, HistogramCell>;

  bool combines_histograms() const {
    return role_ == HistogramRole::kSum || role_ == HistogramRole::kMean;
  }

  static void AddFloats(std::span<const double> values, Cell* cells) {
    for (size_t step = 0; step < values.size(); step++) {
      if (!IsAbsent(values[step])) cells[step].Add(values[step]);
    }
  }

  // For aggregations that do not combine histograms.
  void NoteHistogram(Cell* cell) {
    if (role_ == HistogramRole::kCounts) {
      cell->Add(0);
    } else {
      context_.annotations().HistogramIgnoredInAggregation(AggregateOpName(op_), pos_);
    }
  }

  void CombineHistogram(size_t series, const model::FloatHistogram& h, HistogramCell* to) {
    if (to->incompatible) return;
    const auto status = role_ == HistogramRole::kSum ? to->sum.Add(h) : to->mean.Add(h);
    if (status) return;
    to->incompatible = true;
    context_.annotations().MixedExponentialCustomHistograms(
        rows_.LabelsOf(series).Get(model::kMetricName), pos_);
  }

  // Folds the series of groups [first, last), in the order given, into their rows.
  base::Status FoldGroups(const Grouping& grouping, std::span<const size_t> series, size_t first,
                          size_t last, Block* out) {
    std::vector<Cell> cells((last - first) * steps_);
    HistogramCells histograms;
    std::vector<double> values(steps_);
    Row row{values, {}};
    ReadScratch scratch;
    for (size_t k = 0; k < series.size(); k++) {
      if (k % kSeriesPerCheck == 0) RETURN_IF_ERROR(context_.Check());
      const size_t i = series[k];
      RETURN_IF_ERROR(rows_.Fill(i, &scratch, &row));
      const size_t base = (grouping.group_of[i] - first) * steps_;
      AddFloats(row.values, cells.data() + base);
      for (size_t step = 0; step < row.histograms.size(); step++) {
        const auto* h = row.histogram(step);
        if (h == nullptr) continue;
        if (combines_histograms()) {
          CombineHistogram(i, *h, &histograms[base + step]);
        } else {
          NoteHistogram(&cells[base + step]);
        }
      }
      row.histograms.clear();
    }
    for (size_t g = first; g < last; g++) {
      Row& to = out->series[g].row;
      for (size_t step = 0; step < steps_; step++) {
        to.values[step] = cells[(g - first) * steps_ + step].Value();
      }
    }
    for (const auto& [key, cell] : histograms) {
      FinishHistogram(cell, key % steps_, &out->series[first + key / steps_].row);
    }
    return {};
  }

  void FinishHistogram(const HistogramCell& cell, size_t step, Row* to) {
    if (!IsAbsent(to->values[step])) {
      to->Clear(step);
      context_.annotations().MixedFloatsHistogramsInAggregation(pos_);
      return;
    }
    const bool is_sum = role_ == HistogramRole::kSum;
    if (is_sum ? cell.sum.bounds_reconciled() : cell.mean.bounds_reconciled()) {
      context_.annotations().MismatchedCustomBuckets(HistogramOperation::kAggregation, pos_);
    }
    if (cell.incompatible) return;
    auto result = is_sum ? cell.sum.Total() : cell.mean.Mean();
    if (!result) return;
    if (is_sum ? cell.sum.counter_resets_collide() : cell.mean.counter_resets_collide()) {
      context_.annotations().CounterResetCollision(HistogramOperation::kAggregation, pos_);
    }
    model::Compact(&*result);
    to->Set(step, std::make_shared<model::FloatHistogram>(std::move(*result)));
  }

  base::Status RunByGroup(const Grouping& grouping, Block* out) {
    // Series in order of their group, and where each group begins.
    std::vector<size_t> begin(grouping.size() + 1);
    for (uint32_t g : grouping.group_of) begin[g + 1]++;
    std::partial_sum(begin.begin(), begin.end(), begin.begin());
    std::vector<size_t> order(grouping.group_of.size());
    auto next = begin;
    for (size_t i = 0; i < order.size(); i++) order[next[grouping.group_of[i]]++] = i;
    struct Shard {
      size_t first, last;
    };
    std::vector<Shard> shards;
    for (size_t g = 0, first = 0; g < grouping.size(); g++) {
      if (begin[g + 1] - begin[first] < SeriesPerTask(steps_) && g + 1 < grouping.size()) continue;
      shards.push_back({first, g + 1});
      first = g + 1;
    }
    return context_.ForEach(shards.size(), true, [&](size_t s) {
      const auto [first, last] = shards[s];
      const std::span<const size_t> series(order.data() + begin[first], begin[last] - begin[first]);
      return FoldGroups(grouping, series, first, last, out);
    });
  }

  // Parts of the series are folded apart and merged in order: the result depends on their number,
  // which depends on sizes only. False when histograms were met and nothing was done.
  base::Result<bool> RunByPart(const Grouping& grouping, Block* out) {
    const size_t n = rows_.size();
    const size_t cells_per_part = grouping.size() * steps_;
    const size_t parts =
        std::clamp<size_t>(std::min(n / (kTasksPerPart * SeriesPerTask(steps_)),
                                    kMostPartBytes / (cells_per_part * sizeof(Cell))),
                           1, kMostParts);
    std::vector<std::vector<Cell>> cells(parts);
    std::atomic<bool> has_histograms{false};
    auto run = [&](size_t part) -> base::Status {
      auto& to = cells[part];
      to.resize(cells_per_part);
      std::vector<double> values(steps_);
      Row row{values, {}};
      ReadScratch scratch;
      HistogramCells combined;  // stays empty: roles that combine leave at the first histogram
      const size_t begin = n * part / parts, end = n * (part + 1) / parts;
      for (size_t i = begin; i < end; i++) {
        if (i % kSeriesPerCheck == 0) RETURN_IF_ERROR(context_.Check());
        if (has_histograms.load(std::memory_order_relaxed)) return {};
        RETURN_IF_ERROR(rows_.Fill(i, &scratch, &row));
        if (!row.histograms.empty()) {
          if (combines_histograms()) {
            has_histograms.store(true, std::memory_order_relaxed);
            return {};
          }
          for (size_t step = 0; step < steps_; step++) {
            if (row.histogram(step) != nullptr) {
              NoteHistogram(&to[grouping.group_of[i] * steps_ + step]);
            }
          }
          row.histograms.clear();
        }
        AddFloats(row.values, to.data() + grouping.group_of[i] * steps_);
      }
      return {};
    };
    RETURN_IF_ERROR(context_.ForEach(parts, true, run));
    if (has_histograms.load()) return false;
    for (size_t part = 1; part < parts; part++) {
      for (size_t k = 0; k < cells_per_part; k++) cells[0][k].Merge(cells[part][k]);
    }
    for (size_t g = 0; g < grouping.size(); g++) {
      auto to = out->series[g].row.values;
      for (size_t step = 0; step < steps_; step++) to[step] = cells[0][g * steps_ + step].Value();
    }
    return true;
  }

  QueryContext& context_;
  const AggregateOp op_;
  const PosRange pos_;
  const RowSource& rows_;
  const HistogramRole role_;
  const size_t steps_;
};

template <class Cell>
base::Result<Block> Run(QueryContext& context, const Plan& plan, const RowSource& rows,
                        HistogramRole role) {
  const auto& aggregate = As<AggregateExpr>(*plan.expr);
  return Fold<Cell>(context, plan, rows, role)
      .Run(GroupRows(rows, aggregate.grouping, aggregate.without));
}

}  // namespace

base::Result<Block> FoldRows(QueryContext& context, const Plan& plan, const RowSource& rows) {
  switch (As<AggregateExpr>(*plan.expr).op) {
    case AggregateOp::kSum:
      return Run<SumCell>(context, plan, rows, HistogramRole::kSum);
    case AggregateOp::kAvg:
      return Run<AvgCell>(context, plan, rows, HistogramRole::kMean);
    case AggregateOp::kCount:
      return Run<CountCell>(context, plan, rows, HistogramRole::kCounts);
    case AggregateOp::kGroup:
      return Run<GroupCell>(context, plan, rows, HistogramRole::kCounts);
    case AggregateOp::kMax:
      return Run<MaxCell>(context, plan, rows, HistogramRole::kIgnored);
    case AggregateOp::kMin:
      return Run<MinCell>(context, plan, rows, HistogramRole::kIgnored);
    case AggregateOp::kStddev:
      return Run<VarianceCell<true>>(context, plan, rows, HistogramRole::kIgnored);
    case AggregateOp::kStdvar:
      return Run<VarianceCell<false>>(context, plan, rows, HistogramRole::kIgnored);
    default:
      return base::Internal("not an aggregation that folds");
  }
}

}  // namespace tributary::promql
