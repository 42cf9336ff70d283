// /api/v1/query, query_range, query_exemplars; explain, which is ours.
#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"
#include "promql/engine.h"
#include "promql/observe/query_profile_json.h"
#include "promql/observe/query_stats_json.h"
#include "promql/parse/ast.h"
#include "storage/exemplar_querier.h"
#include "web/api_params.h"
#include "web/envelope.h"
#include "web/routes.h"
#include "web/value_json.h"

namespace tributary::web {
namespace {

using base::ErrorCode;

constexpr int64_t kMaxPoints = 11'000;
constexpr std::string_view kTruncated = "results truncated due to limit";

// What instant and range queries have in common.
struct CommonParams {
  uint64_t limit = 0;
  promql::QueryOptions options;
  std::string_view stats;
  promql::StatsSteps steps;
};

// "10.0.0.7:40312" -> "10.0.0.7", "[::1]:40312" -> "::1".
std::string HostOf(std::string_view address) {
  address = address.substr(0, address.rfind(':'));
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  return std::string(address);
}

// Answers the call and returns false when a parameter is wrong.
bool ParseTimeout(Call& call, promql::QueryOptions* options) {
  const std::string_view text = call.param("timeout");
  if (text.empty()) return true;
  const auto timeout = ParseApiDuration(text);
  if (!timeout) {
    RespondInvalidParam(call.response, "timeout", timeout.error().message());
    return false;
  }
  if (*timeout <= 0) {
    RespondError(call.response, ErrorType::kTimeout, "query timed out in query execution");
    return false;
  }
  options->timeout_ms = *timeout;
  return true;
}

bool ParseOptions(const Context& context, Call& call, CommonParams* params) {
  params->stats = call.param("stats");
  params->options.count_samples = !params->stats.empty() || params->options.explain;
  params->options.per_step_stats = context.options.per_step_stats && params->stats == "all";
  params->options.grid = true;
  params->options.origin.user = call.user;
  params->options.origin.client_ip = HostOf(call.request.remote_address());
  params->options.origin.method = call.request.method();
  params->options.origin.path = call.request.path();
  params->options.cancelled = [&request = call.request] { return request.cancelled(); };
  const std::string_view lookback = call.param("lookback_delta");
  if (lookback.empty()) return true;
  const auto parsed = ParseApiDuration(lookback);
  if (!parsed) {
    RespondError(call.response, ErrorType::kBadData,
                 "error parsing lookback delta duration: " + parsed.error().message());
    return false;
  }
  params->options.lookback_delta_ms = std::max<int64_t>(0, *parsed);
  return true;
}

bool ParseCommonLimit(Call& call, CommonParams* params) {
  const auto limit = ParseLimit(call.param("limit"));
  if (!limit) {
    RespondInvalidParam(call.response, "limit", limit.error().message());
    return false;
  }
  params->limit = *limit;
  return true;
}

void RespondQueryError(Call& call, const base::Error& error) {
  if (error.code() == ErrorCode::kInvalidArgument) {
    return RespondInvalidParam(call.response, "query", error.message());
  }
  RespondError(call.response, error);
}

template <class T>
bool Truncate(std::vector<T>& rows, uint64_t limit) {
  if (rows.size() <= limit) return false;
  rows.resize(limit);
  return true;
}

bool TruncateValue(promql::Value* value, uint64_t limit) {
  if (limit == 0) return false;
  if (auto* vector = std::get_if<promql::Vector>(value)) return Truncate(*vector, limit);
  if (auto* matrix = std::get_if<promql::Matrix>(value)) return Truncate(*matrix, limit);
  if (auto* grid = std::get_if<promql::Grid>(value)) return Truncate(grid->rows, limit);
  return false;
}

void RespondProfile(Call& call, const promql::QueryResult& result) {
  if (call.param("format") == "text") {
    return RespondPlain(call.response, 200,
                        promql::RenderQueryProfile(*result.profile, result.stats));
  }
  Envelope envelope(call.response);
  promql::WriteQueryProfile(envelope.data(), *result.profile, result.stats);
  envelope.Finish(result.annotations.warnings, result.annotations.infos);
}

void RespondResult(const Context& context, Call& call, const CommonParams& params,
                   base::Result<promql::QueryResult> outcome) {
  if (!outcome) return RespondQueryError(call, outcome.error());
  promql::QueryResult& result = *outcome;
  if (result.profile) return RespondProfile(call, result);
  std::vector<std::string> warnings = std::move(result.annotations.warnings);
  std::vector<std::string> infos = std::move(result.annotations.infos);
  if (TruncateValue(&result.value, params.limit)) warnings.emplace_back(kTruncated);
  if (!params.stats.empty() && params.stats != "true" && params.stats != "all") {
    warnings.push_back(
        fmt::format("value {} for parameter \"stats\" is deprecated and will be rejected in the "
                    "next major release, use \"true\" or \"all\"",
                    base::Quote(params.stats)));
  }
  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  json.BeginObject();
  json.Key("resultType");
  json.String(ResultTypeName(result.value));
  json.Key("result");
  WriteResult(json, result.value, context.services.pool);
  if (!params.stats.empty()) {
    json.Key("stats");
    promql::WriteQueryStats(json, result.stats, params.steps);
  }
  json.EndObject();
  envelope.Finish(warnings, infos);
}

void AnswerInstant(const Context& context, Call& call, bool explain) {
  CommonParams params;
  params.options.explain = explain;
  if (!ParseCommonLimit(call, &params)) return;
  const auto t = ParseTimeParam(call, "time", context.services.clock->NowMs());
  if (!t) return RespondInvalidParam(call.response, "time", t.error().message());
  if (!ParseTimeout(call, &params.options) || !ParseOptions(context, call, &params)) return;
  params.steps.start = *t;
  RespondResult(context, call, params,
                context.services.engine->Instant(*context.services.queryable, call.param("query"),
                                                 *t, params.options));
}

void AnswerRange(const Context& context, Call& call, bool explain) {
  CommonParams params;
  params.options.explain = explain;
  if (!ParseCommonLimit(call, &params)) return;
  const auto start = ParseTime(call.param("start"));
  if (!start) return RespondInvalidParam(call.response, "start", start.error().message());
  const auto end = ParseTime(call.param("end"));
  if (!end) return RespondInvalidParam(call.response, "end", end.error().message());
  if (*end < *start) {
    return RespondInvalidParam(call.response, "end", "end timestamp must not be before start time");
  }
  const auto step = ParseApiDuration(call.param("step"));
  if (!step) return RespondInvalidParam(call.response, "step", step.error().message());
  if (*step <= 0) {
    return RespondInvalidParam(call.response, "step",
                               "zero or negative query resolution step widths are not accepted. "
                               "Try a positive integer");
  }
  // As unsigned: the distance of the bounds of time does not fit a signed number.
  const uint64_t distance = static_cast<uint64_t>(*end) - static_cast<uint64_t>(*start);
  if (distance / static_cast<uint64_t>(*step) > kMaxPoints) {
    return RespondError(call.response, ErrorType::kBadData,
                        "exceeded maximum resolution of 11,000 points per timeseries. Try "
                        "decreasing the query resolution (?step=XX)");
  }
  if (!ParseTimeout(call, &params.options) || !ParseOptions(context, call, &params)) return;
  params.steps = {*start, *step};
  RespondResult(context, call, params,
                context.services.engine->Range(*context.services.queryable, call.param("query"),
                                               *start, *end, *step, params.options));
}

void Instant(const Context& context, Call& call) { AnswerInstant(context, call, false); }
void Range(const Context& context, Call& call) { AnswerRange(context, call, false); }

// Runs the query as `query` or, when there is a step, as `query_range` would, and tells how it went
// instead of what came of it: as JSON, or as text with format=text.
void Explain(const Context& context, Call& call) {
  const std::string_view format = call.param("format");
  if (!format.empty() && format != "json" && format != "text") {
    return RespondInvalidParam(call.response, "format",
                               "unknown format " + base::Quote(format) + ", use json or text");
  }
  if (call.param("step").empty()) return AnswerInstant(context, call, true);
  AnswerRange(context, call, true);
}

// The matchers of every selector in the expression, one set a selector.
void CollectSelectors(const promql::Expr& expr, MatcherSets* sets) {
  if (const auto* selector = promql::DynAs<promql::VectorSelector>(&expr)) {
    sets->push_back(selector->matchers);
  }
  promql::ForEachChild(expr, [&](const promql::Expr& child) { CollectSelectors(child, sets); });
}

void WriteSeriesExemplars(wire::JsonWriter& json, const storage::SeriesExemplars& series) {
  json.BeginObject();
  json.Key("seriesLabels");
  WriteLabels(json, series.labels);
  json.Key("exemplars");
  json.BeginArray();
  for (const model::Exemplar& exemplar : series.exemplars) {
    json.BeginObject();
    json.Key("labels");
    WriteLabels(json, exemplar.labels);
    json.Key("value");
    json.String(base::FormatFloat(exemplar.value));
    json.Key("timestamp");
    json.Double(static_cast<double>(exemplar.t) / 1000);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

void Exemplars(const Context& context, Call& call) {
  const auto start = ParseTimeParam(call, "start", model::kMinTime);
  if (!start) return RespondInvalidParam(call.response, "start", start.error().message());
  const auto end = ParseTimeParam(call, "end", model::kMaxTime);
  if (!end) return RespondInvalidParam(call.response, "end", end.error().message());
  if (*end < *start) {
    return RespondError(call.response, ErrorType::kBadData,
                        "end timestamp must not be before start timestamp");
  }
  const auto expr = ParseQueryParam(context, call);
  if (!expr) return RespondError(call.response, ErrorType::kBadData, expr.error().message());
  MatcherSets sets;
  CollectSelectors(**expr, &sets);
  if (sets.empty()) return call.response.SetStatus(204);
  const auto found = context.services.db->SelectExemplars(*start, *end, sets);
  if (!found) return RespondError(call.response, ErrorType::kExecution, found.error().message());
  Envelope envelope(call.response);
  envelope.data().BeginArray();
  for (const storage::SeriesExemplars& series : *found) {
    WriteSeriesExemplars(envelope.data(), series);
  }
  envelope.data().EndArray();
  envelope.Finish();
}

}  // namespace

void AddQueryRoutes(Router& router, const Context& context) {
  const auto add = [&](const char* pattern, void (*serve)(const Context&, Call&),
                       Needs needs = Needs::kStore) {
    router.Add(pattern, ApiRoute(kGet | kPost, /*server_only=*/true, needs),
               [&context, serve](Call& call) { serve(context, call); });
  };
  add("/api/v1/query", Instant);
  add("/api/v1/query_range", Range);
  add("/api/v1/query_exemplars", Exemplars, Needs::kReady);
  add("/api/v1/explain", Explain);
}

}  // namespace tributary::web
