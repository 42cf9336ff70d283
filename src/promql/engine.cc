#include "promql/engine.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/mutex.h"
#include "promql/exec/context.h"
#include "promql/exec/evaluator.h"
#include "promql/exec/profile.h"
#include "promql/exec/sample_counts.h"
#include "promql/parse/parser.h"
#include "promql/plan/plan.h"

namespace tributary::promql {
namespace {

double SecondsSince(int64_t start_ns) {
  return static_cast<double>(base::SystemClock().MonotonicNs() - start_ns) / 1e9;
}

// prometheus_engine_*, under Prometheus's names and help texts.
class EngineMetrics {
 public:
  explicit EngineMetrics(base::MetricsRegistry& registry, size_t max_concurrency)
      : queries_(registry.GetGauge("prometheus_engine_queries",
                                   "The current number of queries being executed or waiting.")),
        samples_(registry.GetCounter("prometheus_engine_query_samples_total",
                                     "The total number of samples loaded by all queries.")),
        queue_(Slice(registry, "queue_time")),
        prepare_(Slice(registry, "prepare_time")),
        eval_(Slice(registry, "inner_eval")),
        sort_(Slice(registry, "result_sort")) {
    registry
        .GetGauge("prometheus_engine_queries_concurrent_max",
                  "The max number of concurrent queries.")
        .Set(static_cast<double>(max_concurrency));
  }

  void Begin() { queries_.Add(1); }
  void End(const QueryStats& stats) {
    queries_.Add(-1);
    samples_.Add(static_cast<double>(stats.total_samples));
    queue_.Observe(stats.queue_seconds);
    prepare_.Observe(stats.prepare_seconds);
    eval_.Observe(stats.eval_seconds);
    sort_.Observe(stats.sort_seconds);
  }

 private:
  static base::Summary& Slice(base::MetricsRegistry& registry, const char* slice) {
    return registry.GetSummary("prometheus_engine_query_duration_seconds", "Query timings",
                               {0.5, 0.9, 0.99}, {{"slice", slice}});
  }

  base::Gauge& queries_;
  base::Counter& samples_;
  base::Summary& queue_;
  base::Summary& prepare_;
  base::Summary& eval_;
  base::Summary& sort_;
};

// Lets at most so many queries run at a time.
class Gate {
 public:
  explicit Gate(size_t limit) : limit_(limit) {}

  // Waits for a place; an error when the query is given up first.
  base::Status Enter(const std::function<base::Status()>& check) {
    constexpr auto kPollInterval = std::chrono::milliseconds(50);
    base::MutexLock lock(mutex_);
    while (limit_ != 0 && running_ >= limit_) {
      RETURN_IF_ERROR(check());
      left_.WaitFor(mutex_, kPollInterval);
    }
    running_++;
    return {};
  }
  void Leave() {
    base::MutexLock lock(mutex_);
    running_--;
    left_.NotifyOne();
  }

 private:
  const size_t limit_;
  base::Mutex mutex_;
  base::CondVar left_;
  size_t running_ TB_GUARDED_BY(mutex_) = 0;
};

Vector ToVector(Block block, model::Timestamp t) {
  Vector vector;
  vector.reserve(block.series.size());
  for (auto& s : block.series) {
    const bool is_histogram = s.row.histogram(0) != nullptr;
    vector.push_back({.metric = std::move(s.labels),
                      .t = t,
                      .v = is_histogram ? 0 : s.row.values[0],
                      .h = is_histogram ? std::move(s.row.histograms[0]) : nullptr});
  }
  return vector;
}

Matrix ToMatrix(Block block) {
  Matrix matrix;
  matrix.reserve(block.series.size());
  for (auto& s : block.series) {
    Series series{.metric = std::move(s.labels), .floats = {}, .histograms = {}};
    series.floats.reserve(
        static_cast<size_t>(std::ranges::count_if(s.row.values, std::not_fn(IsAbsent))));
    for (size_t step = 0; step < block.steps.count; step++) {
      const auto t = block.steps.at(step);
      if (s.row.histogram(step) != nullptr) {
        series.histograms.push_back({t, std::move(s.row.histograms[step])});
      } else if (!IsAbsent(s.row.values[step])) {
        series.floats.push_back({t, s.row.values[step]});
      }
    }
    if (!series.floats.empty() || !series.histograms.empty()) matrix.push_back(std::move(series));
  }
  return matrix;
}

Grid ToGrid(Block block) {
  Grid grid{.start = block.steps.start, .step_ms = block.steps.step_ms, .rows = {}, .memory = {}};
  grid.rows.reserve(block.series.size());
  for (auto& s : block.series) {
    if (!s.row.HasAny()) continue;
    grid.rows.push_back({std::move(s.labels), s.row.values, std::move(s.row.histograms)});
  }
  block.series = {};
  block.LeaveBudget();
  grid.memory = std::make_shared<Block>(std::move(block));
  return grid;
}

void SortByLabels(Matrix* matrix) { std::ranges::stable_sort(*matrix, {}, &Series::metric); }
void SortByLabels(Grid* grid) { std::ranges::stable_sort(grid->rows, {}, &Grid::Row::metric); }

Steps StepsOf(const PlanOptions& options) {
  Steps steps{.start = options.start};
  if (options.step_ms != 0) {
    steps.step_ms = options.step_ms;
    steps.count = static_cast<size_t>((options.end - options.start) / options.step_ms) + 1;
    steps.lone_of_range = steps.count == 1 && options.start != options.end;
  }
  return steps;
}

class EngineImpl final : public Engine {
 public:
  EngineImpl(EngineOptions options, base::ThreadPool& pool, base::MetricsRegistry& metrics)
      : options_(std::move(options)),
        default_step_ms_(options_.default_step_ms),
        pool_(pool),
        metrics_(metrics, options_.max_concurrency),
        gate_(options_.max_concurrency) {}

  base::Result<QueryResult> Instant(storage::Queryable& source, std::string_view query,
                                    model::Timestamp t, const QueryOptions& options) override {
    return Run(source, query, {.start = t, .end = t, .step_ms = 0}, options);
  }

  base::Result<QueryResult> Range(storage::Queryable& source, std::string_view query,
                                  model::Timestamp start, model::Timestamp end, int64_t step_ms,
                                  const QueryOptions& options) override {
    return Run(source, query, {.start = start, .end = end, .step_ms = step_ms}, options);
  }

  void SetDefaultStep(int64_t step_ms) override { default_step_ms_.store(step_ms); }
  const EngineOptions& options() const override { return options_; }

 private:
  base::Result<QueryResult> Run(storage::Queryable& source, std::string_view query,
                                PlanOptions plan_options, const QueryOptions& query_options) {
    const int64_t began_ns = base::SystemClock().MonotonicNs();
    QueryResult result;
    metrics_.Begin();
    auto status = RunCounted(source, query, plan_options, query_options, began_ns, &result);
    metrics_.End(result.stats);
    RETURN_IF_ERROR(std::move(status));
    return result;
  }

  base::Status RunCounted(storage::Queryable& source, std::string_view query,
                          PlanOptions plan_options, const QueryOptions& query_options,
                          int64_t began_ns, QueryResult* result) {
    int64_t timeout_ms = options_.timeout_ms;
    if (query_options.timeout_ms > 0) timeout_ms = std::min(timeout_ms, query_options.timeout_ms);
    const QueryContext::Options context_options{
        .features = options_.features,
        .lookback_delta_ms = query_options.lookback_delta_ms > 0 ? query_options.lookback_delta_ms
                                                                 : options_.lookback_delta_ms,
        .max_samples = options_.max_samples,
        .max_bytes = options_.max_bytes,
        .max_series = options_.max_series,
        .query = query,
        .deadline_ns = began_ns + timeout_ms * 1'000'000,
        .cancelled = query_options.cancelled,
        .progress = query_options.progress,
    };
    // No sample is so far away, and nearer times can be shifted without overflow.
    constexpr model::Timestamp kFarthest = model::Timestamp{1} << 60;
    plan_options.start = std::clamp(plan_options.start, -kFarthest, kFarthest);
    plan_options.end = std::clamp(plan_options.end, -kFarthest, kFarthest);
    plan_options.lookback_delta_ms = context_options.lookback_delta_ms;
    plan_options.default_step_ms = default_step_ms_.load();

    RETURN_IF_ERROR(
        gate_.Enter([&] { return QueryContext::CheckGivenUp(context_options, "query queue"); }));
    struct Leaver {
      Gate& gate;
      ~Leaver() { gate.Leave(); }
    } leaver{gate_};
    result->stats.queue_seconds = SecondsSince(began_ns);
    if (query_options.progress != nullptr) query_options.progress->running.store(true);
    if (query_options.started) query_options.started();

    const int64_t prepare_ns = base::SystemClock().MonotonicNs();
    const ParserOptions parser_options{
        .experimental_functions = options_.features.experimental_functions,
        .extended_range_selectors = options_.features.extended_range_selectors,
        .binop_fill_modifiers = options_.features.binop_fill_modifiers,
    };
    ASSIGN_OR_RETURN(const ExprPtr expr, ParseExpr(query, parser_options));
    const bool range = plan_options.step_ms != 0;
    const ValueType type = TypeOf(*expr);
    if (range && type != ValueType::kScalar && type != ValueType::kVector) {
      return base::InvalidArgument("invalid expression type \"" +
                                   std::string(DocumentedType(type)) +
                                   "\" for range query, must be Scalar or instant Vector");
    }
    ASSIGN_OR_RETURN(const QueryPlan plan, MakePlan(*expr, plan_options));
    ASSIGN_OR_RETURN(const auto querier, source.NewQuerier(plan.mint, plan.maxt));
    QueryContext context(plan, *querier, pool_, context_options);
    std::optional<Profiler> profiler;
    if (query_options.explain) context.set_profiler(&profiler.emplace(query));
    std::optional<SampleCounts> counts;
    if (query_options.count_samples || query_options.per_step_stats) {
      context.SwapCounts(&counts.emplace(StepsOf(plan_options), query_options.per_step_stats));
    }
    result->stats.prepare_seconds = SecondsSince(prepare_ns);

    const int64_t eval_ns = base::SystemClock().MonotonicNs();
    auto status = Evaluate(context, *plan.root, plan_options, query_options.grid, result);
    result->stats.eval_seconds = SecondsSince(eval_ns);
    result->stats.total_samples = context.budget().read();
    if (counts) {
      result->stats.total_samples = counts->total();
      result->stats.samples_read = counts->read();
      result->stats.samples_per_step = counts->totals_per_step();
      result->stats.samples_read_per_step = counts->reads_per_step();
    }
    if (profiler) result->profile = std::make_unique<QueryProfile>(profiler->Take());
    result->stats.peak_samples = context.budget().peak();
    result->stats.peak_bytes = context.budget().peak_bytes();
    result->annotations = context.annotations().Render(query);
    return status;
  }

  static base::Status Evaluate(QueryContext& context, const Plan& root, const PlanOptions& options,
                               bool grid, QueryResult* result) {
    Evaluator evaluator(context);
    if (root.type == ValueType::kString) {
      result->value = String{options.start, root.text};
      return {};
    }
    if (root.type == ValueType::kMatrix) {
      ASSIGN_OR_RETURN(Matrix matrix, evaluator.EvalMatrix(root, options.start));
      SortTimed(&matrix, result);
      result->value = std::move(matrix);
      return {};
    }
    const bool range = options.step_ms != 0;
    ASSIGN_OR_RETURN(Block block, evaluator.Eval(root, StepsOf(options)));
    if (context.delayed_name_removal()) RETURN_IF_ERROR(DropFlaggedNames(&block));
    if (range && grid) {
      Grid rows = ToGrid(std::move(block));
      SortTimed(&rows, result);
      result->value = std::move(rows);
    } else if (range) {
      Matrix matrix = ToMatrix(std::move(block));
      SortTimed(&matrix, result);
      result->value = std::move(matrix);
    } else if (root.type == ValueType::kScalar) {
      if (block.series.empty()) return base::Internal("scalar expression without a value");
      result->value = Scalar{options.start, block.series[0].row.values[0]};
    } else {
      result->value = ToVector(std::move(block), options.start);
    }
    return {};
  }

  template <class Rows>
  static void SortTimed(Rows* rows, QueryResult* result) {
    const int64_t sort_ns = base::SystemClock().MonotonicNs();
    SortByLabels(rows);
    result->stats.sort_seconds = SecondsSince(sort_ns);
  }

  const EngineOptions options_;
  std::atomic<int64_t> default_step_ms_;
  base::ThreadPool& pool_;
  EngineMetrics metrics_;
  Gate gate_;
};

}  // namespace

std::unique_ptr<Engine> Engine::Create(EngineOptions options, base::ThreadPool& pool,
                                       base::MetricsRegistry& metrics) {
  return std::make_unique<EngineImpl>(std::move(options), pool, metrics);
}

}  // namespace tributary::promql
