#include "promql/exec/context.h"

#include <fmt/format.h>

#include "base/clock.h"

namespace tributary::promql {

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
  if (!selection) {
    const SelectionPlan& plan = plan_.selections[index];
    auto selected = querier_.Select(plan.matchers, plan.hints);
    if (!selected) return selected.error().Context("expanding series");
    selection = std::move(*selected);
  }
  return selection.get();
}

base::Status QueryContext::ForEach(size_t n, bool parallel,
                                   const std::function<base::Status(size_t)>& body) {
  if (!parallel || n < 2) {
    for (size_t i = 0; i < n; i++) RETURN_IF_ERROR(body(i));
    return {};
  }
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
