#include "promql/exec/context.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/clock.h"
#include "promql/exec/profile.h"
#include "promql/parse/parser.h"

namespace tributary::promql {
namespace {

// The one selector that is read below `plan`; null when there are none or several.
const Plan* OnlySelector(const Plan& plan) {
  if (plan.kind == PlanKind::kInstantSelector || plan.kind == PlanKind::kRangeSelector) {
    return &plan;
  }
  const Plan* only = nullptr;
  for (const auto& child : plan.children) {
    const bool reads = child->type == ValueType::kVector || child->type == ValueType::kMatrix;
    const Plan* found = OnlySelector(*child);
    if (found == nullptr) {
      if (reads) return nullptr;
      continue;
    }
    if (only != nullptr && only->selection != found->selection) return nullptr;
    only = found;
  }
  return only;
}

double SecondsSince(int64_t began_ns) {
  return static_cast<double>(base::SystemClock().MonotonicNs() - began_ns) / 1e9;
}

}  // namespace

base::Status QueryContext::CheckGivenUp(const Options& options, std::string_view stage) {
  const QueryProgress* progress = options.progress;
  if ((progress != nullptr && progress->cancel.load(std::memory_order_relaxed)) ||
      (options.cancelled && options.cancelled())) {
    return base::Error(base::ErrorCode::kCancelled, fmt::format("query was canceled in {}", stage));
  }
  if (options.deadline_ns != 0 && base::SystemClock().MonotonicNs() > options.deadline_ns) {
    return base::Error(base::ErrorCode::kTimeout, fmt::format("query timed out in {}", stage));
  }
  return {};
}

base::Result<const storage::SeriesSelection*> QueryContext::Selection(size_t index) {
  auto& selection = selections_[index];
  if (profiler_ != nullptr) profiler_->NoteReader(index);
  if (!selection) {
    const SelectionPlan& plan = plan_.selections[index];
    const int64_t began_ns = profiler_ != nullptr ? base::SystemClock().MonotonicNs() : 0;
    auto selected = querier_.Select(plan.matchers, plan.hints);
    if (!selected) return selected.error().Context("expanding series");
    RETURN_IF_ERROR(CountSeries((*selected)->size(), plan.pos));
    selection = std::move(*selected);
    if (profiler_ != nullptr) {
      profiler_->NoteSelection(index, plan, selection->size(), SecondsSince(began_ns));
    }
  }
  return selection.get();
}

base::Result<std::unique_ptr<storage::SeriesSelection>> QueryContext::Select(
    storage::Matchers matchers, const storage::SelectHints& hints, PosRange pos) {
  const int64_t began_ns = profiler_ != nullptr ? base::SystemClock().MonotonicNs() : 0;
  ASSIGN_OR_RETURN(auto selected, querier_.Select(matchers, hints));
  RETURN_IF_ERROR(CountSeries(selected->size(), pos));
  if (profiler_ != nullptr) {
    profiler_->NoteExtraSelection(matchers, hints, selected->size(), SecondsSince(began_ns));
  }
  return selected;
}

base::Status QueryContext::CountSeries(size_t series, PosRange pos) {
  series_ += series;
  if (options_.max_series == 0 || series_ <= options_.max_series) return {};
  return base::Error(
      base::ErrorCode::kExecution,
      fmt::format("query would read {} series, {} of them for {}; --query.max-series allows {}",
                  series_, series, Excerpt(pos), options_.max_series));
}

base::Error QueryContext::Locate(base::Error error, const Plan& plan) {
  if (located_ || !budget_.over_bytes()) return error;
  located_ = true;
  const Plan* selector = OnlySelector(plan);
  return {error.code(),
          fmt::format("query would hold more memory than the {} bytes that --query.max-bytes "
                      "allows, for {}",
                      budget_.max_bytes(), Excerpt((selector != nullptr ? *selector : plan).pos))};
}

std::string QueryContext::Excerpt(PosRange pos) const {
  constexpr size_t kLongest = 200;
  const auto start = static_cast<size_t>(std::max(pos.start, 0));
  if (start > options_.query.size()) return "a selector";
  std::string_view text =
      options_.query.substr(start, static_cast<size_t>(std::max(pos.end, 0)) - start);
  std::string_view more;
  if (text.size() > kLongest) {
    size_t end = kLongest;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) end--;
    text = text.substr(0, end);
    more = "…";
  }
  return fmt::format("{}{} at {}", text, more, LineColumn(options_.query, pos.start));
}

base::Status QueryContext::ForEach(size_t n, bool parallel,
                                   const std::function<base::Status(size_t)>& body) {
  if (!parallel || n < 2) {
    for (size_t i = 0; i < n; i++) RETURN_IF_ERROR(body(i));
    return {};
  }
  if (profiler_ != nullptr) profiler_->NoteTasks(n);
  std::vector<base::Status> statuses(n);
  std::atomic<bool> failed{false};
  pool_.ParallelFor(n, [&](size_t i) {
    if (failed.load(std::memory_order_relaxed)) return;
    statuses[i] = body(i);
    if (!statuses[i]) failed.store(true, std::memory_order_relaxed);
  });
  for (auto& status : statuses) RETURN_IF_ERROR(std::move(status));
  return {};
}

}  // namespace tributary::promql
