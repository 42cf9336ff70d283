#include "runner.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

#include "compare.h"
#include "nhcb.h"
#include "promql/parse/parser.h"
#include "script.h"
#include "start_chunks.h"

namespace tributary::promqltest {
namespace {

using promql::Expr;
using promql::ExprKind;
using promql::FunctionId;

// Their value depends on the time of evaluation even when all selectors are pinned.
bool DependsOnTime(FunctionId id) {
  switch (id) {
    case FunctionId::kDaysInMonth:
    case FunctionId::kDayOfMonth:
    case FunctionId::kDayOfWeek:
    case FunctionId::kDayOfYear:
    case FunctionId::kEnd:
    case FunctionId::kHour:
    case FunctionId::kMinute:
    case FunctionId::kMonth:
    case FunctionId::kYear:
    case FunctionId::kPredictLinear:
    case FunctionId::kRange:
    case FunctionId::kStart:
    case FunctionId::kStep:
    case FunctionId::kTime:
    case FunctionId::kTimestamp:
      return true;
    default:
      return false;
  }
}

// Pins selectors outside subqueries, and outermost subqueries, that no timestamp pins yet. False
// when the expression depends on the time of evaluation in another way.
bool Pin(Expr& expr, int64_t t) {
  const auto pin = [t](promql::AtModifier* at) {
    if (at->kind != promql::AtKind::kTimestamp) *at = {promql::AtKind::kTimestamp, t};
  };
  if (auto* selector = promql::DynAs<promql::VectorSelector>(&expr)) pin(&selector->at);
  if (auto* subquery = promql::DynAs<promql::SubqueryExpr>(&expr)) {
    pin(&subquery->at);
    return true;
  }
  const auto* call = promql::DynAs<promql::Call>(&expr);
  bool pinned = call == nullptr || !DependsOnTime(call->function->id);
  promql::ForEachChild(expr, [&](Expr& child) { pinned = Pin(child, t) && pinned; });
  return pinned;
}

bool DependsOnRange(const std::string& query) {
  static const RE2 kDependsOnRange(R"((start|end|range|step)\(\))");
  return RE2::PartialMatch(query, kDependsOnRange);
}

struct InstantQuery {
  std::string expr;
  int64_t t = 0;
};

std::vector<InstantQuery> Variants(const EvalCommand& eval) {
  const int64_t t = eval.eval_ms;
  std::vector<InstantQuery> out = {{eval.expr, t}};
  const auto parsed = promql::ParseExpr(eval.expr, {.experimental_functions = true,
                                                    .extended_range_selectors = true,
                                                    .binop_fill_modifiers = true});
  if (!parsed || !Pin(**parsed, t)) return out;
  const std::string text = promql::Print(**parsed);
  const std::vector<int64_t> times = t == 0 ? std::vector<int64_t>{-1000, 0, 1000}
                                            : std::vector<int64_t>{-10 * t, 0, t / 5, t, 10 * t};
  for (const int64_t at : times) out.push_back({text, at});
  return out;
}

class ScriptRun {
 public:
  ScriptRun(promql::Engine& engine, const RunOptions& options)
      : engine_(engine), options_(options) {
    Clear();
  }

  void Clear() { store_ = ScriptStore::Create(options_.store, options_.samples_per_chunk); }
  base::Status Load(const LoadCommand& load);
  Mismatch Eval(const EvalCommand& eval);

 private:
  base::Status Append(const LoadSeries& series);
  Mismatch EvalRange(const EvalCommand& eval);
  Mismatch EvalStepByStep(const EvalCommand& eval);
  Mismatch EvalInstant(const EvalCommand& eval, const InstantQuery& query);
  Mismatch EvalAsRange(const EvalCommand& eval, const InstantQuery& query, bool scalar);

  promql::Engine& engine_;
  const RunOptions options_;
  std::unique_ptr<ScriptStore> store_;
};

// A commit for each run of floats or histograms: what one commit brings has no order between them.
base::Status ScriptRun::Append(const LoadSeries& series) {
  std::vector<model::Label> span;
  series.labels.ToSpan(&span);
  auto appender = store_->NewAppender();
  ASSIGN_OR_RETURN(const model::SeriesRef ref, appender->GetOrCreate(span, series.labels.Hash()));
  bool after_histogram = false;
  for (const LoadSample& sample : series.samples) {
    // The end of a histogram series is marked by a histogram.
    const bool stale_histogram = !sample.h && after_histogram && model::IsStaleNaN(sample.v);
    const bool is_histogram = sample.h != nullptr || stale_histogram;
    if (is_histogram != after_histogram) {
      RETURN_IF_ERROR(appender->Commit());
      appender = store_->NewAppender();
    }
    after_histogram = is_histogram;
    storage::AppendOutcome outcome{};
    if (stale_histogram) {
      model::FloatHistogram stale;
      stale.sum = model::StaleNaN();
      outcome = appender->AppendHistogram(ref, sample.t, stale);
    } else if (sample.h) {
      outcome = appender->AppendHistogram(ref, sample.t, *sample.h);
    } else {
      const storage::RefSample one{ref, sample.t, sample.v};
      appender->Append({&one, 1}, {&outcome, 1});
    }
    if (storage::IsRejected(outcome)) {
      return base::InvalidArgument(fmt::format("{} at {}: {}", series.labels.ToMetricString(),
                                               sample.t, storage::AppendOutcomeText(outcome)));
    }
  }
  return appender->Commit();
}

base::Status ScriptRun::Load(const LoadCommand& load) {
  for (const LoadSeries& series : load.series) {
    if (!HasStartTimes(series)) {
      RETURN_IF_ERROR(Append(series));
      continue;
    }
    for (const StartChunk& chunk : EncodeWithStartTimes(series)) {
      store_->AddChunk(series.labels, chunk.view);
    }
  }
  if (load.with_nhcb) {
    ASSIGN_OR_RETURN(const auto converted, ToCustomBuckets(load.series));
    for (const LoadSeries& series : converted) RETURN_IF_ERROR(Append(series));
  }
  return store_->Settle();
}

Mismatch ScriptRun::Eval(const EvalCommand& eval) {
  if (eval.is_range) return EvalRange(eval);
  for (const InstantQuery& query : Variants(eval)) {
    if (auto mismatch = EvalInstant(eval, query)) {
      return fmt::format("{} at {}: {}", query.expr, query.t, *mismatch);
    }
  }
  return std::nullopt;
}

Mismatch ScriptRun::EvalRange(const EvalCommand& eval) {
  const auto result =
      engine_.Range(*store_, eval.expr, eval.start_ms, eval.end_ms, eval.step_ms, {});
  if (!result) return CheckFailure(eval, result.error().message());
  if (eval.fail) return "expected an error but got none";
  if (auto mismatch = CheckAnnotations(eval, result->annotations)) return mismatch;
  if (auto mismatch = CompareValue(eval, result->value)) return mismatch;
  if (!options_.step_by_step || DependsOnRange(eval.expr)) return std::nullopt;
  if (auto mismatch = EvalStepByStep(eval)) return "step by step: " + *mismatch;
  return std::nullopt;
}

Mismatch ScriptRun::EvalStepByStep(const EvalCommand& eval) {
  std::map<model::Labels, promql::Series> rows;
  for (int64_t t = eval.start_ms; t <= eval.end_ms; t += eval.step_ms) {
    auto result = engine_.Range(*store_, eval.expr, t, t, eval.step_ms, {});
    if (!result) return fmt::format("at {}: {}", t, result.error().message());
    for (promql::Series& column : std::get<promql::Matrix>(result->value)) {
      promql::Series& row = rows[column.metric];
      row.metric = column.metric;
      std::ranges::move(column.floats, std::back_inserter(row.floats));
      std::ranges::move(column.histograms, std::back_inserter(row.histograms));
    }
  }
  promql::Matrix matrix;
  for (auto& [labels, row] : rows) matrix.push_back(std::move(row));
  return CompareValue(eval, matrix);
}

Mismatch ScriptRun::EvalInstant(const EvalCommand& eval, const InstantQuery& query) {
  const auto result = engine_.Instant(*store_, query.expr, query.t, {});
  if (!result) return CheckFailure(eval, result.error().message());
  if (eval.fail) return "expected an error but got none";
  if (auto mismatch = CheckAnnotations(eval, result->annotations)) return mismatch;
  if (auto mismatch = CompareValue(eval, result->value)) return mismatch;
  if (eval.only_instant || DependsOnRange(query.expr)) return std::nullopt;
  return EvalAsRange(eval, query, std::holds_alternative<promql::Scalar>(result->value));
}

Mismatch ScriptRun::EvalAsRange(const EvalCommand& eval, const InstantQuery& query, bool scalar) {
  constexpr int64_t kMinute = 60'000;
  const auto result =
      engine_.Range(*store_, query.expr, query.t - kMinute, query.t + kMinute, kMinute, {});
  if (!result) return "in range mode: failed: " + result.error().message();
  if (eval.ordered) return std::nullopt;  // ranges are always sorted by labels
  const auto* matrix = std::get_if<promql::Matrix>(&result->value);
  if (matrix == nullptr) return "in range mode: the result is no matrix";
  Mismatch mismatch = CheckSorted(*matrix);
  promql::Vector middle;
  for (const promql::Series& series : *matrix) {
    for (const model::Sample& s : series.floats) {
      if (s.t == query.t) middle.push_back({series.metric, s.t, s.v, nullptr});
    }
    for (const auto& s : series.histograms) {
      if (s.t == query.t) middle.push_back({series.metric, s.t, 0, s.h});
    }
  }
  if (!mismatch) {
    if (!scalar) {
      mismatch = CompareVector(eval, middle);
    } else if (middle.empty()) {
      mismatch = "no point in the middle";
    } else {
      mismatch = CompareScalar(eval, middle[0].v);
    }
  }
  if (mismatch) return "in range mode: " + *mismatch;
  return std::nullopt;
}

}  // namespace

promql::EngineOptions ScriptEngineOptions() {
  promql::EngineOptions options;
  options.lookback_delta_ms = 300'000;
  options.timeout_ms = 100'000;
  options.default_step_ms = 60'000;
  options.max_samples = 10'000;
  options.features = {.experimental_functions = true,
                      .extended_range_selectors = true,
                      .binop_fill_modifiers = true,
                      .delayed_name_removal = true,
                      .use_start_timestamps = true};
  return options;
}

base::Result<std::vector<EvalOutcome>> RunScript(std::string_view text, promql::Engine& engine,
                                                 const RunOptions& options) {
  ASSIGN_OR_RETURN(const std::vector<Command> commands, ParseScript(text));
  ScriptRun run(engine, options);
  std::vector<EvalOutcome> outcomes;
  for (const Command& command : commands) {
    if (const auto* load = std::get_if<LoadCommand>(&command)) {
      if (auto status = run.Load(*load); !status) {
        return status.error().Context(fmt::format("line {}", load->line));
      }
    } else if (const auto* eval = std::get_if<EvalCommand>(&command)) {
      outcomes.push_back({eval->line, eval->expr, run.Eval(*eval).value_or("")});
    } else {
      run.Clear();
    }
  }
  return outcomes;
}

}  // namespace tributary::promqltest
