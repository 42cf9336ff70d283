// quantile and count_values: aggregations that need all values of a group at once.
#include <algorithm>
#include <cmath>

#include <absl/container/flat_hash_map.h>

#include "base/strings.h"
#include "model/float_histogram.h"
#include "promql/exec/aggregate.h"
#include "promql/exec/grouping.h"
#include "promql/functions/go_math.h"
#include "promql/functions/quantile.h"

namespace tributary::promql {
namespace {

void WarnOfQuantiles(QueryContext& context, const std::vector<double>& params, PosRange pos) {
  double min = params[0], max = params[0];
  bool any_nan = false;
  for (double q : params) {
    min = GoMin(min, q);
    max = GoMax(max, q);
    any_nan |= std::isnan(q);
  }
  auto& annotations = context.annotations();
  if (any_nan) annotations.InvalidQuantile(std::numeric_limits<double>::quiet_NaN(), pos);
  if (max > 1) annotations.InvalidQuantile(max, pos);
  if (min < 0) annotations.InvalidQuantile(min, pos);
}

std::vector<std::vector<const Row*>> RowsByGroup(const Block& input, const Grouping& grouping) {
  std::vector<std::vector<const Row*>> rows(grouping.size());
  for (size_t i = 0; i < input.series.size(); i++) {
    rows[grouping.group_of[i]].push_back(&input.series[i].row);
  }
  return rows;
}

}  // namespace

base::Result<Block> AggregateQuantile(QueryContext& context, const Plan& plan, Block input,
                                      const std::vector<double>& params) {
  const auto& aggregate = As<AggregateExpr>(*plan.expr);
  WarnOfQuantiles(context, params, plan.children[1]->pos);
  const Grouping grouping = GroupBlock(input, aggregate.grouping, aggregate.without);
  const auto rows = RowsByGroup(input, grouping);
  Block out(input.steps);
  for (size_t g = 0; g < grouping.size(); g++) {
    ASSIGN_OR_RETURN(BlockSeries * series,
                     out.Add(&context.budget(), grouping.labels[g], grouping.drop_name[g]));
    (void)series;
  }
  auto run = [&](size_t g) -> base::Status {
    RETURN_IF_ERROR(context.Check());
    std::vector<double> values;
    for (size_t step = 0; step < out.steps.count; step++) {
      values.clear();
      for (const Row* row : rows[g]) {
        if (row->histogram(step) != nullptr) {
          context.annotations().HistogramIgnoredInAggregation("quantile", plan.children[0]->pos);
        } else if (!IsAbsent(row->values[step])) {
          values.push_back(row->values[step]);
        }
      }
      if (!values.empty()) out.series[g].row.Set(step, Quantile(params[step], values));
    }
    return {};
  };
  RETURN_IF_ERROR(
      context.ForEach(grouping.size(), WorthThreads(input.series.size(), out.steps.count), run));
  out.DropEmpty();
  RETURN_IF_ERROR(out.ChargeSamples(&context.budget()));
  return out;
}

base::Result<Block> CountValues(QueryContext& context, const Plan& plan, Block input,
                                const std::string& label) {
  const auto& aggregate = As<AggregateExpr>(*plan.expr);
  Block out(input.steps);
  absl::flat_hash_map<std::string, size_t> series;  // by labels
  std::vector<model::Label> kept;
  auto listed = [&](std::string_view name) {
    return std::ranges::find(aggregate.grouping, name) != aggregate.grouping.end();
  };
  for (size_t i = 0; i < input.series.size(); i++) {
    if (i % kSeriesPerCheck == 0) RETURN_IF_ERROR(context.Check());
    const BlockSeries& s = input.series[i];
    for (size_t step = 0; step < out.steps.count; step++) {
      if (!s.row.present(step)) continue;
      const auto* h = s.row.histogram(step);
      const std::string value =
          h != nullptr ? model::ToString(*h) : base::FormatFloat(s.row.values[step]);
      // The value takes part as if the series had carried it as a label.
      model::LabelsBuilder builder(s.labels);
      const model::Labels with_value = builder.Set(label, value).Build();
      kept.clear();
      for (const auto& l : with_value) {
        const bool keep = aggregate.without ? !listed(l.name) && l.name != model::kMetricName
                                            : listed(l.name) || l.name == label;
        if (keep) kept.push_back(l);
      }
      model::Labels labels = model::Labels::FromSpan(kept);
      auto [it, added] = series.try_emplace(labels.packed(), out.series.size());
      if (added) {
        ASSIGN_OR_RETURN(BlockSeries * to, out.Add(&context.budget(), std::move(labels), false));
        (void)to;
      }
      double& count = out.series[it->second].row.values[step];
      count = IsAbsent(count) ? 1 : count + 1;
    }
  }
  RETURN_IF_ERROR(out.ChargeSamples(&context.budget()));
  return out;
}

}  // namespace tributary::promql
