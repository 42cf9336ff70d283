#include "promql/functions/absent.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace tributary::promql {
namespace {

const VectorSelector* SelectorOf(const Plan& arg) {
  if (arg.kind == PlanKind::kInstantSelector) return &As<VectorSelector>(*arg.expr);
  if (arg.kind == PlanKind::kRangeSelector) return &As<MatrixSelector>(*arg.expr).vector();
  return nullptr;
}

model::Labels LabelsOfAbsent(const Plan& arg) {
  const VectorSelector* selector = SelectorOf(arg);
  if (selector == nullptr) return {};
  // Prometheus looks at the matchers in the order in which its storage leaves them: first those
  // that select, then those that only take away.
  std::vector<const model::Matcher*> matchers;
  std::set<std::string> must_be_set;
  for (const auto& matcher : selector->matchers) {
    matchers.push_back(&matcher);
    if (!matcher.MatchesEmpty()) must_be_set.insert(matcher.name());
  }
  std::ranges::stable_partition(matchers, [&](const model::Matcher* matcher) {
    if (!must_be_set.contains(matcher->name())) return false;
    const bool negative = matcher->type() == model::MatchType::kNotEqual ||
                          matcher->type() == model::MatchType::kNotRegexp;
    return !(negative && matcher->MatchesEmpty());
  });
  model::LabelsBuilder builder;
  std::set<std::string> equal;
  for (const model::Matcher* selecting : matchers) {
    const model::Matcher& matcher = *selecting;
    if (matcher.name() == model::kMetricName) continue;
    if (matcher.type() == model::MatchType::kEqual && equal.insert(matcher.name()).second) {
      builder.Set(matcher.name(), matcher.value());
    } else {
      builder.Del(matcher.name());
    }
  }
  return builder.Build();
}

}  // namespace

base::Result<Block> MakeAbsentBlock(QueryContext& context, const Plan& call, const Block& present) {
  const Steps& steps = present.steps;
  std::vector<bool> found(steps.count, false);
  for (const auto& s : present.series) {
    for (size_t i = 0; i < steps.count; i++) {
      if (s.row.present(i)) found[i] = true;
    }
  }
  Block out(steps);
  if (std::ranges::all_of(found, [](bool b) { return b; })) return out;
  const bool over_range = call.children[0]->type == ValueType::kMatrix;
  ASSIGN_OR_RETURN(BlockSeries * series,
                   out.Add(&context.budget(), LabelsOfAbsent(*call.children[0]), over_range));
  for (size_t i = 0; i < steps.count; i++) {
    if (!found[i]) series->row.Set(i, 1.0);
  }
  return out;
}

}  // namespace tributary::promql
