// QueryContext: what all operators of one running query share. Thread-safe except where said.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
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

class Profiler;
class SampleCounts;

class QueryContext {
 public:
  struct Options {
    Features features;
    int64_t lookback_delta_ms = 300'000;
    uint64_t max_samples = 0;
    uint64_t max_bytes = 0;
    uint64_t max_series = 0;
    std::string_view query;   // the text that places in errors refer to
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
  // Null unless the query is to be explained. Not for operators' shards.
  Profiler* profiler() const { return profiler_; }
  void set_profiler(Profiler* profiler) { profiler_ = profiler; }
  // Where the part that is being evaluated counts its samples; null unless somebody asked.
  SampleCounts* counts() const { return counts_; }
  // Returns what was there.
  SampleCounts* SwapCounts(SampleCounts* counts) { return std::exchange(counts_, counts); }

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
  // `pos` is who asks.
  base::Result<std::unique_ptr<storage::SeriesSelection>> Select(storage::Matchers matchers,
                                                                 const storage::SelectHints& hints,
                                                                 PosRange pos);

  // The error with which `plan` ended; one of the byte budget is told where in the query it was,
  // once, by the innermost operator.
  base::Error Locate(base::Error error, const Plan& plan);

  // Runs body(0..n-1) and returns the first error by index. In parallel when `parallel`.
  base::Status ForEach(size_t n, bool parallel, const std::function<base::Status(size_t)>& body);

 private:
  base::Status CountSeries(size_t series, PosRange pos);
  // "sum(x) at 1:5", the text cut to what fits on a line.
  std::string Excerpt(PosRange pos) const;

  const QueryPlan& plan_;
  storage::Querier& querier_;
  base::ThreadPool& pool_;
  const Options options_;
  Budget budget_;
  AnnotationSink annotations_;
  std::vector<std::unique_ptr<storage::SeriesSelection>> selections_;
  Profiler* profiler_ = nullptr;
  SampleCounts* counts_ = nullptr;
  uint64_t series_ = 0;
  bool located_ = false;
};

}  // namespace tributary::promql
