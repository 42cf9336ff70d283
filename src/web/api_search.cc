// /api/v1/search/metric_names, label_names, label_values: names and values that fit what somebody
// typed, best or first ones first, as lines of JSON: batches of results, then one line that says
// whether there were more. Source: Prometheus web/api/v1/search.go.
#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "base/strings.h"
#include "model/metadata.h"
#include "scrape/scrape.h"
#include "storage/querier.h"
#include "web/api_params.h"
#include "web/envelope.h"
#include "web/known_families.h"
#include "web/routes.h"
#include "web/search_filter.h"

namespace tributary::web {
namespace {

using base::Result;
using Strings = std::vector<std::string>;

constexpr uint64_t kDefaultCount = 100;  // of results, and of results in a batch
constexpr size_t kMaxTerms = 32;
constexpr int64_t kHourMs = 3'600'000;

enum class Endpoint : uint8_t { kMetricNames, kLabelNames, kLabelValues };

struct SearchParams {
  model::Timestamp start = 0, end = 0;
  MatcherSets sets;
  SearchFilterOptions filter;
  bool by_score = false, descending = false;
  bool include_score = false, include_metadata = false;
  uint64_t limit = 0, batch_size = 0;
};

Result<bool> ParseFlag(const Call& call, std::string_view name, bool fallback) {
  const std::string_view text = call.param(name);
  if (text.empty()) return fallback;
  // What Go's strconv.ParseBool takes.
  for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return false;
  }
  return base::InvalidArgument(
      fmt::format("invalid {} {}: must be boolean", name, base::Quote(text)));
}

Result<uint64_t> ParseCount(const Call& call, std::string_view name, uint64_t fallback) {
  const std::string_view text = call.param(name);
  if (text.empty()) return fallback;
  const auto count = base::ParseInt(text);
  if (!count || *count <= 0) {
    return base::InvalidArgument(
        fmt::format("invalid {} {}: must be a positive integer", name, base::Quote(text)));
  }
  return static_cast<uint64_t>(*count);
}

base::Status ParseFilter(const Call& call, SearchFilterOptions* filter) {
  const std::vector<std::string_view> terms = call.params.All("search[]");
  if (terms.size() > kMaxTerms) {
    return base::InvalidArgument(
        fmt::format("too many search[] terms: got {}, maximum is {}", terms.size(), kMaxTerms));
  }
  filter->terms.assign(terms.begin(), terms.end());
  if (const std::string_view text = call.param("fuzz_threshold"); !text.empty()) {
    const auto percent = base::ParseInt(text);
    if (!percent || *percent < 0 || *percent > 100) {
      return base::InvalidArgument(
          fmt::format("invalid fuzz_threshold {}: must be 0-100", base::Quote(text)));
    }
    filter->threshold = static_cast<double>(*percent) / 100;
  }
  const std::string_view algorithm = call.param("fuzz_alg");
  if (!algorithm.empty() && algorithm != "subsequence" && algorithm != "jarowinkler") {
    return base::InvalidArgument(
        fmt::format("unsupported fuzz_alg {}: must be one of [subsequence jarowinkler]",
                    base::Quote(algorithm)));
  }
  filter->jaro_winkler = algorithm == "jarowinkler";
  ASSIGN_OR_RETURN(filter->case_sensitive, ParseFlag(call, "case_sensitive", true));
  return {};
}

base::Status ParseOrder(const Call& call, bool has_terms, SearchParams* params) {
  const std::string_view by = call.param("sort_by");
  const std::string_view direction = call.param("sort_dir");
  if (!direction.empty() && by.empty()) {
    return base::InvalidArgument("sort_dir is only valid when sort_by is set");
  }
  if (!direction.empty() && by == "score") {
    return base::InvalidArgument("sort_dir is not supported for sort_by=score");
  }
  if (!direction.empty() && direction != "asc" && direction != "dsc") {
    return base::InvalidArgument(
        fmt::format("invalid sort_dir {}: must be \"asc\" or \"dsc\"", base::Quote(direction)));
  }
  params->by_score = by == "score";
  if (params->by_score && !has_terms) {
    return base::InvalidArgument("sort_by=score requires search[] to be set");
  }
  params->descending = by == "alpha" && direction == "dsc";
  return {};
}

Result<SearchParams> ParseParams(const Context& context, const Call& call,
                                 std::string_view endpoint) {
  SearchParams params;
  const int64_t now = context.services.clock->NowMs();
  ASSIGN_OR_RETURN(params.start, ParseTimeParam(call, "start", now - kHourMs));
  ASSIGN_OR_RETURN(params.end, ParseTimeParam(call, "end", now));
  if (params.end < params.start) {
    return base::InvalidArgument("end timestamp must not be before start timestamp");
  }
  ASSIGN_OR_RETURN(params.sets, ParseMatcherSets(call.params.All("match[]")));
  RETURN_IF_ERROR(ParseFilter(call, &params.filter));
  ASSIGN_OR_RETURN(params.include_score, ParseFlag(call, "include_score", false));
  RETURN_IF_ERROR(ParseOrder(call, !params.filter.terms.empty(), &params));
  const uint64_t most = context.options.search_max_limit;
  ASSIGN_OR_RETURN(
      params.limit,
      ParseCount(call, "limit", most > 0 ? std::min(most, kDefaultCount) : kDefaultCount));
  if (most > 0 && params.limit > most) {
    return base::InvalidArgument(
        fmt::format("limit {} exceeds the configured maximum ({}, see --web.search.max-limit)",
                    params.limit, most));
  }
  ASSIGN_OR_RETURN(params.batch_size, ParseCount(call, "batch_size", kDefaultCount));
  const std::string_view by = call.param("sort_by");
  if (!by.empty() && by != "alpha" && by != "score") {
    return base::InvalidArgument(fmt::format(
        "invalid sort_by {} for {}: must be \"alpha\" or \"score\"", base::Quote(by), endpoint));
  }
  return params;
}

struct Found {
  std::string value;
  double score = 0;
};

// The first params.limit in the order asked for, and one more when there are more.
std::vector<Found> Choose(Strings values, const SearchParams& params) {
  const SearchFilter filter(params.filter);
  std::vector<Found> found;
  for (std::string& value : values) {
    if (const auto score = filter.Score(value)) found.push_back({std::move(value), *score});
  }
  const auto less = [&](const Found& a, const Found& b) {
    if (params.by_score) return std::tie(b.score, a.value) < std::tie(a.score, b.value);
    return params.descending ? b.value < a.value : a.value < b.value;
  };
  const size_t kept = std::min<size_t>(found.size(), params.limit + 1);
  std::partial_sort(found.begin(), found.begin() + static_cast<ptrdiff_t>(kept), found.end(), less);
  found.resize(kept);
  return found;
}

Result<Strings> Candidates(const Context& context, const SearchParams& params,
                           const std::string* label) {
  ASSIGN_OR_RETURN(const auto querier,
                   context.services.queryable->NewQuerier(params.start, params.end));
  const auto ask = [&](storage::Matchers matchers) {
    return label == nullptr ? querier->LabelNames(matchers)
                            : querier->LabelValues(*label, matchers);
  };
  if (params.sets.empty()) return ask(storage::Matchers());
  Strings all;
  for (const auto& set : params.sets) {
    ASSIGN_OR_RETURN(Strings some, ask(set));
    std::ranges::move(some, std::back_inserter(all));
  }
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

using MetadataByName = std::map<std::string, model::Metadata>;

MetadataByName MetadataOf(const Context& context) {
  MetadataByName all;
  for (auto& [name, metadata] : KnownFamilies(context)) {
    all.try_emplace(std::move(name), std::move(metadata));
  }
  return all;
}

void WriteFound(wire::JsonWriter& json, const Found& found, std::string_view key,
                bool include_score, const MetadataByName& metadata) {
  json.BeginObject();
  json.Key(key);
  json.String(found.value);
  if (include_score) {
    json.Key("score");
    json.Double(found.score);
  }
  if (const auto about = metadata.find(found.value); about != metadata.end()) {
    const auto field = [&](std::string_view name, std::string_view value) {
      if (value.empty()) return;
      json.Key(name);
      json.String(value);
    };
    field("type", model::MetricTypeName(about->second.type));
    field("help", about->second.help);
    field("unit", about->second.unit);
  }
  json.EndObject();
}

bool WriteLine(net::ResponseWriter& response, std::string* line) {
  *line += '\n';
  const bool ok = response.Write(*line) && response.Flush();
  line->clear();
  return ok;
}

void Stream(Call& call, const std::vector<Found>& found, const SearchParams& params,
            std::string_view key, const MetadataByName& metadata) {
  call.response.SetHeader("Content-Type", "application/x-ndjson; charset=utf-8");
  const size_t count = std::min<size_t>(found.size(), params.limit);
  std::string line;
  size_t next = 0;
  do {
    wire::JsonWriter json(&line);
    json.BeginObject();
    json.Key("results");
    json.BeginArray();
    const size_t end = next + std::min<size_t>(params.batch_size, count - next);
    for (; next < end; next++) {
      WriteFound(json, found[next], key, params.include_score, metadata);
    }
    json.EndArray();
    json.EndObject();
    if (!WriteLine(call.response, &line)) return;
  } while (next < count);
  wire::JsonWriter json(&line);
  json.BeginObject();
  json.Key("status");
  json.String("success");
  json.Key("has_more");
  json.Bool(found.size() > params.limit);
  json.EndObject();
  WriteLine(call.response, &line);
}

void Search(const Context& context, Call& call, Endpoint endpoint, std::string_view name) {
  if (!context.options.search_api) {
    return RespondError(call.response, ErrorType::kUnavailable, "search API disabled");
  }
  if (context.options.agent) {
    return RespondError(call.response, ErrorType::kExecution, "unavailable with Prometheus Agent");
  }
  auto params = ParseParams(context, call, name);
  if (!params) return RespondError(call.response, ErrorType::kBadData, params.error().message());
  std::string label(model::kMetricName);
  MetadataByName metadata;
  if (endpoint == Endpoint::kMetricNames) {
    const auto wanted = ParseFlag(call, "include_metadata", false);
    if (!wanted) {
      return RespondError(call.response, ErrorType::kBadData, wanted.error().message());
    }
    if (*wanted) metadata = MetadataOf(context);
  } else if (endpoint == Endpoint::kLabelValues) {
    label = call.param("label");
    if (label.empty()) {
      return RespondError(call.response, ErrorType::kBadData,
                          "missing required parameter \"label\"");
    }
  }
  auto candidates =
      Candidates(context, *params, endpoint == Endpoint::kLabelNames ? nullptr : &label);
  if (!candidates) return RespondError(call.response, candidates.error());
  const std::string_view key = endpoint == Endpoint::kLabelValues ? "value" : "name";
  Stream(call, Choose(*std::move(candidates), *params), *params, key, metadata);
}

}  // namespace

void AddSearchRoutes(Router& router, const Context& context) {
  const auto add = [&](const char* pattern, Endpoint endpoint, const char* name) {
    router.Add(pattern, ApiRoute(kGet | kPost),
               [&context, endpoint, name](Call& call) { Search(context, call, endpoint, name); });
  };
  add("/api/v1/search/metric_names", Endpoint::kMetricNames, "metric_names");
  add("/api/v1/search/label_names", Endpoint::kLabelNames, "label_names");
  add("/api/v1/search/label_values", Endpoint::kLabelValues, "label_values");
}

}  // namespace tributary::web
