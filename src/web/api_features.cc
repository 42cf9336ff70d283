// /api/v1/features: what this server can do, by category. Names are Prometheus's
// (util/features and who registers there); a feature of it that we do not have is false, and
// discovery mechanisms and template functions that we do not have are left out.
#include <map>
#include <string>

#include "promql/engine.h"
#include "promql/parse/ast.h"
#include "promql/parse/functions_table.h"
#include "web/envelope.h"
#include "web/routes.h"

namespace tributary::web {
namespace {

using Category = std::map<std::string, bool>;

void AddApi(const Context& context, Category* api) {
  *api = {{"admin", context.options.admin_api},
          {"exclude_alerts", true},
          {"label_values_match", true},
          {"lifecycle", context.services.reload != nullptr},
          {"openapi_3.1", true},
          {"openapi_3.2", true},
          {"otlp_write_receiver", false},
          {"query_stats", true},
          {"query_warnings", true},
          {"remote_write_receiver", context.services.write != nullptr},
          {"search", context.options.search_api},
          {"search_fuzz_alg_jarowinkler", true},
          {"search_fuzz_alg_subsequence", true},
          {"time_range_labels", true},
          {"time_range_series", true}};
}

void AddPromql(const promql::Features& features, bool per_step_stats, FeatureMap* all) {
  (*all)["promql"] = {{"anchored", features.extended_range_selectors},
                      {"at_modifier", true},
                      {"bool", true},
                      {"by", true},
                      {"delayed_name_removal", features.delayed_name_removal},
                      {"duration_expr", true},
                      {"fill", features.binop_fill_modifiers},
                      {"fill_left", features.binop_fill_modifiers},
                      {"fill_right", features.binop_fill_modifiers},
                      {"group_left", true},
                      {"group_right", true},
                      {"ignoring", true},
                      {"negative_offset", true},
                      {"offset", true},
                      {"on", true},
                      {"per_query_lookback_delta", true},
                      {"per_step_stats", per_step_stats},
                      {"smoothed", features.extended_range_selectors},
                      {"subqueries", true},
                      {"type_and_unit_labels", features.type_and_unit_labels},
                      {"without", true}};
  Category& functions = (*all)["promql_functions"];
  for (const promql::Function& function : promql::AllFunctions()) {
    functions[std::string(function.name)] =
        !function.experimental || features.experimental_functions;
  }
  Category& operators = (*all)["promql_operators"];
  for (const char* matching : {"=~", "!~", "@"}) operators[matching] = true;
  for (auto op = promql::BinaryOp::kAdd; op <= promql::BinaryOp::kUnless;
       op = static_cast<promql::BinaryOp>(static_cast<int>(op) + 1)) {
    operators[std::string(promql::BinaryOpSymbol(op))] = true;
  }
  for (auto op = promql::AggregateOp::kAvg; op <= promql::AggregateOp::kLimitRatio;
       op = static_cast<promql::AggregateOp>(static_cast<int>(op) + 1)) {
    const bool experimental =
        op == promql::AggregateOp::kLimitK || op == promql::AggregateOp::kLimitRatio;
    operators[std::string(promql::AggregateOpName(op))] =
        !experimental || features.experimental_functions;
  }
}

void Features(const Context& context, Call& call) {
  FeatureMap all = context.options.features;
  AddApi(context, &all["api"]);
  if (context.services.engine != nullptr) {
    AddPromql(context.services.engine->options().features, context.options.per_step_stats, &all);
  }
  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  json.BeginObject();
  for (const auto& [name, category] : all) {
    json.Key(name);
    json.BeginObject();
    for (const auto& [feature, enabled] : category) {
      json.Key(feature);
      json.Bool(enabled);
    }
    json.EndObject();
  }
  json.EndObject();
  envelope.Finish();
}

}  // namespace

void AddFeatureRoute(Router& router, const Context& context) {
  router.Add("/api/v1/features", ApiRoute(), [&context](Call& call) { Features(context, call); });
}

}  // namespace tributary::web
