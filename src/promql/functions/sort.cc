// sort, sort_desc, sort_by_label, sort_by_label_desc. Order matters in instant queries only.
#include <algorithm>
#include <cmath>
#include <compare>

#include "promql/functions/go_sort.h"
#include "promql/functions/natural_order.h"
#include "promql/functions/vector_function.h"

namespace tributary::promql {
namespace {

void SortByValue(Block* block, bool descending) {
  GoSort(&block->series, [&](const BlockSeries& a, const BlockSeries& b) {
    const double x = a.row.values[0], y = b.row.values[0];
    return std::isnan(y) || (descending ? x > y : x < y);
  });
}

void SortByLabels(const VectorCall& call, Block* block, bool descending) {
  auto compare = [&](const BlockSeries& a, const BlockSeries& b) -> std::strong_ordering {
    for (size_t i = 1; i < call.plan.children.size(); i++) {
      const std::string& name = call.text(i);
      const auto x = a.labels.Get(name), y = b.labels.Get(name);
      if (x == y) continue;
      return NaturallyLess(x, y) ? std::strong_ordering::less : std::strong_ordering::greater;
    }
    return a.labels <=> b.labels;
  };
  std::ranges::stable_sort(block->series, [&](const BlockSeries& a, const BlockSeries& b) {
    return descending ? compare(b, a) < 0 : compare(a, b) < 0;
  });
}

}  // namespace

base::Result<Block> CallSort(VectorCall& call) {
  Block block = std::move(call.args[0]);
  const bool by_value = call.id == FunctionId::kSort || call.id == FunctionId::kSortDesc;
  if (by_value) {
    for (auto& s : block.series) s.row.histograms.clear();
    block.DropEmpty();
  }
  if (!call.steps.instant()) {
    call.context.annotations().SortInRangeQuery(call.plan.pos);
    return block;
  }
  switch (call.id) {
    case FunctionId::kSort:
      SortByValue(&block, false);
      break;
    case FunctionId::kSortDesc:
      SortByValue(&block, true);
      break;
    case FunctionId::kSortByLabel:
      SortByLabels(call, &block, false);
      break;
    default:
      SortByLabels(call, &block, true);
      break;
  }
  return block;
}

}  // namespace tributary::promql
