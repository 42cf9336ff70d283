// QueryContext: what all operators of one running query share. Thread-safe except where said.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/threads.h"
#include "promql/engine.h"
#include "promql/exec/annotations.h"
#include "promql/exec/budget.h"
#include "promql/plan/plan.h"
#include "storage/querier.h"

namespace tributary::promql {

class QueryContext {
 public:
  struct Options {
    Features features;
    int64_t lookback_delta_ms = 300'000;
    uint64_t max_samples = 0;
    uint64_t max_bytes = 0;
    int64_t deadline_ns = 0;  // on the monotonic clock
    std::function<bool()> cancelled;
    QueryProgress* progress = nullptr;
  };

  // All borrowed, and must outlive the context.
  QueryContext(const QueryPlan& plan, storage::Querier& querier, base::ThreadPool& pool,
               Options options)
      : plan_(plan),
        querier_(querier),
        pool_(pool),
        options_(std::move(options)),
        budget_(options_.max_samples, options_.max_bytes, options_.progress),
        selections_(plan.selections.size()) {}

  const Features& features() const { return options_.features; }
  bool delayed_name_removal() const { return options_.features.delayed_name_removal; }
  int64_t lookback_delta_ms() const { return options_.lookback_delta_ms; }
  Budget& budget() { return budget_; }
  AnnotationSink& annotations() { return annotations_; }

  // An error once the query was cancelled or ran out of time; cheap, call it every few thousand
  // values.
  base::Status Check(std::string_view stage = "expression evaluation") const {
    return CheckGivenUp(options_, stage);
  }
  static base::Status CheckGivenUp(const Options& options, std::string_view stage);

  // The series of a planned selection, read once and kept until the end of the query. Not to be
  // called by two threads at a time.
  base::Result<const storage::SeriesSelection*> Selection(size_t index);
  // A selection that is not in the plan. Not to be called by two threads at a time.
  base::Result<std::unique_ptr<storage::SeriesSelection>> Select(
      storage::Matchers matchers, const storage::SelectHints& hints) {
    return querier_.Select(matchers, hints);
  }

  // Runs body(0..n-1) and returns the first error by index. In parallel when `parallel`.
  base::Status ForEach(size_t n, bool parallel, const std::function<base::Status(size_t)>& body);

 private:
  const QueryPlan& plan_;
  storage::Querier& querier_;
  base::ThreadPool& pool_;
  const Options options_;
  Budget budget_;
  AnnotationSink annotations_;
  std::vector<std::unique_ptr<storage::SeriesSelection>> selections_;
};

}  // namespace tributary::promql
