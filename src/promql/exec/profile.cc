#include "promql/exec/profile.h"

#include <algorithm>

#include "base/clock.h"
#include "base/strings.h"
#include "promql/parse/ast.h"
#include "promql/parse/functions_table.h"

namespace tributary::promql {
namespace {

std::string NameOf(const Plan& plan) {
  switch (plan.kind) {
    case PlanKind::kNumber:
      return "constant";
    case PlanKind::kString:
      return "string";
    case PlanKind::kInstantSelector:
      return "select";
    case PlanKind::kRangeSelector:
      return "select range";
    case PlanKind::kSubquery:
      return "subquery";
    case PlanKind::kCall:
      return "function " + std::string(As<Call>(*plan.expr).function->name);
    case PlanKind::kAggregate:
      return "aggregate " + std::string(AggregateOpName(As<AggregateExpr>(*plan.expr).op));
    case PlanKind::kBinary:
      return "binary " + std::string(BinaryOpSymbol(As<BinaryExpr>(*plan.expr).op));
    case PlanKind::kNegate:
      return "negate";
    case PlanKind::kUnaryPlus:
      return "unary plus";
    case PlanKind::kStepInvariant:
      return "evaluate once";
  }
  return "";
}

std::string TextOf(std::string_view query, PosRange pos) {
  const auto start = static_cast<size_t>(std::max(pos.start, 0));
  const auto end = static_cast<size_t>(std::max(pos.end, 0));
  if (start >= end || end > query.size()) return "";
  return std::string(query.substr(start, end - start));
}

std::string MatchersText(storage::Matchers matchers) {
  std::vector<std::string> texts;
  for (const auto& matcher : matchers) texts.push_back(matcher.ToString());
  return "{" + base::Join(texts, ",") + "}";
}

}  // namespace

void Profiler::Begin(const Plan& plan, bool fused, std::string_view name, const Budget& budget) {
  OperatorProfile& parent = frames_.empty() ? top_ : *frames_.back().op;
  OperatorProfile& op = parent.inputs.emplace_back();
  op.name = name.empty() ? NameOf(plan) : std::string(name);
  op.text = TextOf(query_, plan.pos);
  op.fused = fused;
  if (plan.kind == PlanKind::kInstantSelector || plan.kind == PlanKind::kRangeSelector) {
    op.selection = plan.selection;
  }
  frames_.push_back({&op, base::SystemClock().MonotonicNs(), budget.read()});
}

void Profiler::End(const Budget& budget) {
  const Frame frame = frames_.back();
  frames_.pop_back();
  const int64_t ns = base::SystemClock().MonotonicNs() - frame.began_ns;
  const uint64_t samples = budget.read() - frame.samples_before;
  frame.op->seconds = static_cast<double>(ns - frame.inputs_ns) / 1e9;
  OperatorProfile* reader = frame.op;
  for (bool down = true; down;) {
    const auto fused = std::ranges::find_if(reader->inputs, &OperatorProfile::fused);
    down = fused != reader->inputs.end();
    if (down) reader = &*fused;
  }
  reader->samples += samples - frame.inputs_samples;
  if (frames_.empty()) return;
  frames_.back().inputs_ns += ns;
  frames_.back().inputs_samples += samples;
}

SelectionProfile& Profiler::SelectionAt(size_t index) {
  if (profile_.selections.size() <= index) profile_.selections.resize(index + 1);
  return profile_.selections[index];
}

void Profiler::NoteSelection(size_t index, const SelectionPlan& plan, uint64_t series,
                             double seconds) {
  SelectionProfile& selection = SelectionAt(index);
  selection.matchers = MatchersText(plan.matchers);
  selection.start = plan.hints.start;
  selection.end = plan.hints.end;
  selection.series = series;
  selection.seconds = seconds;
}

void Profiler::NoteExtraSelection(storage::Matchers matchers, const storage::SelectHints& hints,
                                  uint64_t series, double seconds) {
  profile_.selections.push_back(
      {MatchersText(matchers), hints.start, hints.end, 1, series, seconds});
}

void Profiler::NoteReader(size_t selection) { SelectionAt(selection).readers++; }

void Profiler::NoteTasks(size_t tasks) {
  if (!frames_.empty()) frames_.back().op->tasks += tasks;
}

void Profiler::NoteInputHeld() {
  if (!frames_.empty() && !frames_.back().op->inputs.empty()) {
    frames_.back().op->inputs.back().fused = false;
  }
}

QueryProfile Profiler::Take() {
  if (!top_.inputs.empty()) profile_.root = std::move(top_.inputs.front());
  return std::move(profile_);
}

void OperatorScope::SetRows(uint64_t rows) {
  if (profiler_ != nullptr) profiler_->frames_.back().op->rows = rows;
}

void OperatorScope::SetResult(const Block& block) {
  if (profiler_ == nullptr) return;
  OperatorProfile& op = *profiler_->frames_.back().op;
  op.rows = block.series.size();
  op.bytes = op.rows * block.steps.count * sizeof(double);
  for (const auto& s : block.series) {
    for (const auto& h : s.row.histograms) {
      if (h) op.bytes += HistogramSamples(*h) * sizeof(model::Sample);
    }
  }
}

}  // namespace tributary::promql
