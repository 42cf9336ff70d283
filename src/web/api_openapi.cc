// /api/v1/openapi.yaml: what the API offers, as an OpenAPI 3.1 (or, asked for, 3.2) document, made
// from the tables below.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/strings.h"
#include "base/version.h"
#include "web/global_url.h"
#include "web/routes.h"

namespace tributary::web {
namespace {

enum class Type : uint8_t { kText, kCount, kNumber, kFlag };

struct Parameter {
  std::string_view name;
  Type type;
  std::string_view about;
};

constexpr std::array kParameters = {
    Parameter{"batch_size", Type::kCount, "Results in one line of the answer."},
    Parameter{"case_sensitive", Type::kFlag, "Whether upper and lower case differ."},
    Parameter{"cluster", Type::kText, "Name of the cluster."},
    Parameter{"end", Type::kText, "End of the time range: RFC 3339 or Unix seconds."},
    Parameter{"exclude_alerts", Type::kFlag, "Leave the alerts of alerting rules out."},
    Parameter{"file[]", Type::kText, "Only rule groups of these files."},
    Parameter{"format", Type::kText, "json or text."},
    Parameter{"fuzz_alg", Type::kText, "subsequence or jarowinkler."},
    Parameter{"fuzz_threshold", Type::kCount, "Least score of a match, from 0 to 100."},
    Parameter{"group_limit", Type::kCount, "Most rule groups in one answer."},
    Parameter{"group_next_token", Type::kText, "Where the answer before ended."},
    Parameter{"id", Type::kText, "Which of the active queries."},
    Parameter{"include_metadata", Type::kFlag, "Add type, help and unit of metrics."},
    Parameter{"include_score", Type::kFlag, "Add the score of each result."},
    Parameter{"label", Type::kText, "Name of the label."},
    Parameter{"labels", Type::kText, "Labels as a JSON object."},
    Parameter{"limit", Type::kCount, "Most results to return; 0: all."},
    Parameter{"limit_per_metric", Type::kCount, "Most entries for one metric."},
    Parameter{"lookback_delta", Type::kText, "How far back to look for a sample."},
    Parameter{"match[]", Type::kText, "Series selectors; a series has to fit one of them."},
    Parameter{"match_target", Type::kText, "Only targets whose labels fit this selector."},
    Parameter{"metric", Type::kText, "Only this metric."},
    Parameter{"metric_name_pattern", Type::kText, "Regular expression for whole metric names."},
    Parameter{"name", Type::kText, "Name of the label, as it is or escaped as U__."},
    Parameter{"openapi_version", Type::kText, "3.1 or 3.2."},
    Parameter{"query", Type::kText, "PromQL expression."},
    Parameter{"rule_group[]", Type::kText, "Only rule groups of these names."},
    Parameter{"rule_name[]", Type::kText, "Only rules of these names."},
    Parameter{"scrapePool", Type::kText, "Name of a scrape pool."},
    Parameter{"search[]", Type::kText, "Terms of which one has to fit; at most 32."},
    Parameter{"skip_head", Type::kFlag, "Leave out what is not in blocks yet."},
    Parameter{"sort_by", Type::kText, "alpha or score."},
    Parameter{"sort_dir", Type::kText, "asc or dsc."},
    Parameter{"start", Type::kText, "Start of the time range: RFC 3339 or Unix seconds."},
    Parameter{"state", Type::kText, "active, dropped or any."},
    Parameter{"stats", Type::kText, "true or all: add statistics of the query."},
    Parameter{"step", Type::kText, "Time between two points: a duration or seconds."},
    Parameter{"time", Type::kText, "When to evaluate: RFC 3339 or Unix seconds; now if absent."},
    Parameter{"timeout", Type::kText, "Most time the query may take."},
    Parameter{"type", Type::kText, "alert or record."},
};

struct Operation {
  std::string_view path;
  unsigned methods;
  std::string_view summary;
  std::string_view parameters;  // names; "!": required
};

constexpr std::array kOperations = {
    Operation{"/query", kGet | kPost, "Evaluates a query at one time.",
              "query! time timeout limit lookback_delta stats"},
    Operation{"/query_range", kGet | kPost, "Evaluates a query at many times.",
              "query! start! end! step! timeout limit lookback_delta stats"},
    Operation{"/explain", kGet | kPost,
              "Evaluates a query and tells what each operator did; with a step, over a range.",
              "query! time start end step timeout lookback_delta format"},
    Operation{"/query_exemplars", kGet | kPost, "Exemplars of the series in a query.",
              "query! start end"},
    Operation{"/format_query", kGet | kPost, "Lays a query out.", "query!"},
    Operation{"/parse_query", kGet | kPost, "The syntax tree of a query.", "query!"},
    Operation{"/labels", kGet | kPost, "Names of labels.", "match[] start end limit"},
    Operation{"/label/{name}/values", kGet, "Values of a label.", "name! match[] start end limit"},
    Operation{"/series", kGet | kPost, "Series that fit selectors.", "match[]! start end limit"},
    Operation{"/search/metric_names", kGet | kPost, "Metric names that fit what was typed.",
              "match[] search[] fuzz_threshold fuzz_alg case_sensitive sort_by sort_dir "
              "include_score include_metadata limit batch_size start end"},
    Operation{"/search/label_names", kGet | kPost, "Label names that fit what was typed.",
              "match[] search[] fuzz_threshold fuzz_alg case_sensitive sort_by sort_dir "
              "include_score limit batch_size start end"},
    Operation{"/search/label_values", kGet | kPost, "Label values that fit what was typed.",
              "label! match[] search[] fuzz_threshold fuzz_alg case_sensitive sort_by sort_dir "
              "include_score limit batch_size start end"},
    Operation{"/metadata", kGet, "Type, help and unit of metrics.",
              "metric limit limit_per_metric"},
    Operation{"/targets", kGet, "Scrape targets.", "state scrapePool"},
    Operation{"/targets/metadata", kGet, "Type, help and unit of metrics by target.",
              "match_target metric limit"},
    Operation{"/targets/relabel_steps", kGet, "What each relabelling rule of a pool does.",
              "scrapePool! labels!"},
    Operation{"/scrape_pools", kGet, "Names of the scrape pools.", ""},
    Operation{"/scrape_pools/config", kGet, "Configuration of a scrape pool.", "scrapePool!"},
    Operation{"/alertmanagers", kGet, "Alertmanagers that get alerts.", ""},
    Operation{"/alerts", kGet, "Active alerts.", ""},
    Operation{"/rules", kGet, "Rule groups.",
              "type rule_name[] rule_group[] file[] match[] exclude_alerts group_limit "
              "group_next_token"},
    Operation{"/status/config", kGet, "The configuration in use, as YAML.", ""},
    Operation{"/status/flags", kGet, "Flags and their values.", ""},
    Operation{"/status/runtimeinfo", kGet, "About this process.", ""},
    Operation{"/status/buildinfo", kGet, "About this version.", ""},
    Operation{"/status/tsdb", kGet, "Where the series in memory come from.", "limit"},
    Operation{"/status/tsdb/blocks", kGet, "Blocks on disk.", ""},
    Operation{"/status/walreplay", kGet, "How far the WAL has been read at start.", ""},
    Operation{"/status/self_metrics", kGet, "Metrics of this process.", "metric_name_pattern"},
    Operation{"/status/active_queries", kGet, "Queries that are running or waiting.", ""},
    Operation{"/status/active_queries/{id}", kDelete, "Stops a query.", "id!"},
    Operation{"/features", kGet, "What is switched on.", ""},
    Operation{"/notifications", kGet, "Notices for the operator.", ""},
    Operation{"/notifications/live", kGet, "Notices as they come, as server-sent events.", ""},
    Operation{"/admin/tsdb/delete_series", kPost | kPut, "Deletes samples of series.",
              "match[]! start end"},
    Operation{"/admin/tsdb/clean_tombstones", kPost | kPut, "Frees what was deleted.", ""},
    Operation{"/admin/tsdb/delete_cluster", kGet | kPost,
              "Deletes what a cluster has sent so far, in the background; tells what is pending.",
              "cluster"},
    Operation{"/admin/tsdb/snapshot", kPost | kPut, "Copies the blocks and the head.", "skip_head"},
    Operation{"/read", kPost, "Remote read.", ""},
    Operation{"/write", kPost, "Remote write.", ""},
    Operation{"/otlp/v1/metrics", kPost, "OTLP metrics.", ""},
    Operation{"/openapi.yaml", kGet, "This document.", "openapi_version"},
};

void AppendParameter(std::string_view path, std::string_view word, std::string* out) {
  const bool required = word.ends_with('!');
  const std::string_view name = word.substr(0, word.size() - (required ? 1 : 0));
  const bool in_path = path.find(fmt::format("{{{}}}", name)) != std::string_view::npos;
  const auto* parameter = std::find_if(kParameters.begin(), kParameters.end(),
                                       [&](const Parameter& p) { return p.name == name; });
  static constexpr const char* kTypes[] = {"string", "integer", "number", "boolean"};
  const char* type = kTypes[static_cast<size_t>(parameter->type)];
  *out += fmt::format("        - name: {}\n          in: {}\n          description: {}\n",
                      base::Quote(name), in_path ? "path" : "query", base::Quote(parameter->about));
  if (required) *out += "          required: true\n";
  if (name.ends_with("[]")) {
    *out += fmt::format("          schema: {{type: array, items: {{type: {}}}}}\n", type);
  } else {
    *out += fmt::format("          schema: {{type: {}}}\n", type);
  }
}

void AppendOperation(const Operation& operation, const char* method, std::string* out) {
  *out += fmt::format("    {}:\n      operationId: {}\n      summary: {}\n", method,
                      base::Quote(fmt::format("{} {}", method, operation.path)),
                      base::Quote(operation.summary));
  if (!operation.parameters.empty()) {
    *out += "      parameters:\n";
    for (const std::string_view word : base::Split(operation.parameters, ' ')) {
      AppendParameter(operation.path, word, out);
    }
  }
  *out +=
      "      responses:\n"
      "        \"200\": {$ref: \"#/components/responses/Success\"}\n"
      "        default: {$ref: \"#/components/responses/Error\"}\n";
}

std::string Document(std::string_view version, std::string_view base_path) {
  std::string out = fmt::format(
      "openapi: {}\n"
      "info:\n"
      "  title: \"Tributary API\"\n"
      "  description: \"The HTTP API of Prometheus, and some of our own.\"\n"
      "  version: {}\n"
      "servers:\n"
      "  - url: {}\n"
      "paths:\n",
      version, base::Quote(base::kVersion), base::Quote(std::string(base_path) + "/api/v1"));
  for (const Operation& operation : kOperations) {
    out += fmt::format("  {}:\n", operation.path);
    static constexpr std::pair<unsigned, const char*> kMethods[] = {
        {kGet, "get"}, {kPut, "put"}, {kPost, "post"}, {kDelete, "delete"}};
    for (const auto& [method, name] : kMethods) {
      if ((operation.methods & method) != 0) AppendOperation(operation, name, &out);
    }
  }
  out +=
      "components:\n"
      "  responses:\n"
      "    Success:\n"
      "      description: \"What was asked for.\"\n"
      "      content:\n"
      "        application/json:\n"
      "          schema:\n"
      "            type: object\n"
      "            required: [status]\n"
      "            properties:\n"
      "              status: {type: string, enum: [success]}\n"
      "              data: {}\n"
      "              warnings: {type: array, items: {type: string}}\n"
      "              infos: {type: array, items: {type: string}}\n"
      "    Error:\n"
      "      description: \"What was wrong.\"\n"
      "      content:\n"
      "        application/json:\n"
      "          schema:\n"
      "            type: object\n"
      "            required: [status, errorType, error]\n"
      "            properties:\n"
      "              status: {type: string, enum: [error]}\n"
      "              errorType: {type: string}\n"
      "              error: {type: string}\n";
  return out;
}

}  // namespace

void AddOpenApiRoute(Router& router, const Context& context) {
  router.Add("/api/v1/openapi.yaml", ApiRoute(), [&context](Call& call) {
    const std::string_view wanted = call.param("openapi_version");
    const bool newer = wanted == "3.2" || wanted == "3.2.0";
    call.response.SetHeader("Content-Type", "application/yaml; charset=utf-8");
    call.response.SetHeader("Cache-Control", "no-cache, no-store, must-revalidate");
    call.response.Write(Document(newer ? "3.2.0" : "3.1.0", UrlPath(context.options.external_url)));
  });
}

}  // namespace tributary::web
