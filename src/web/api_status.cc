// /api/v1/status/*.
#include <array>
#include <filesystem>
#include <fstream>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

#include "base/strings.h"
#include "base/version.h"
#include "tsdb/tsdb.h"
#include "web/api_params.h"
#include "web/build_info.h"
#include "web/envelope.h"
#include "web/routes.h"

namespace tributary::web {
namespace {

constexpr uint64_t kMaxTsdbLimit = 10'000;

void Config(const Context& context, Call& call) {
  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  json.BeginObject();
  json.Key("yaml");
  json.String(context.services.config()->yaml);
  json.EndObject();
  envelope.Finish();
}

void Flags(const Context& context, Call& call) {
  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  json.BeginObject();
  for (const auto& [name, value] : context.services.flags) {
    json.Key(name);
    json.String(value);
  }
  json.EndObject();
  envelope.Finish();
}

int64_t ThreadCount() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    constexpr std::string_view kKey = "Threads:";
    if (line.starts_with(kKey)) {
      return base::ParseInt(base::TrimSpace(std::string_view(line).substr(kKey.size())))
          .value_or(0);
    }
  }
  return 0;
}

// Names of Go's runtime stand for what is nearest to them here: clients expect the keys.
void RuntimeInfo(const Context& context, Call& call) {
  std::array<char, 256> hostname{};
  ::gethostname(hostname.data(), hostname.size() - 1);
  std::error_code ignored;
  const std::string cwd = std::filesystem::current_path(ignored).string();
  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  const auto text = [&](std::string_view key, std::string_view value) {
    json.Key(key);
    json.String(value);
  };
  const auto number = [&](std::string_view key, int64_t value) {
    json.Key(key);
    json.Int(value);
  };
  json.BeginObject();
  text("startTime", FormatTime(context.options.start_time_ms));
  text("CWD", cwd);
  text("hostname", hostname.data());
  text("serverTime", FormatTime(context.services.clock->NowMs()));
  json.Key("reloadConfigSuccess");
  json.Bool(context.state.last_reload_ok.load());
  text("lastConfigTime", FormatTime(context.state.last_reload_ms.load()));
  number("corruptionCount", 0);
  number("goroutineCount", ThreadCount());
  number("GOMAXPROCS", static_cast<int64_t>(std::thread::hardware_concurrency()));
  number("GOMEMLIMIT", INT64_MAX);
  text("GOGC", "");
  text("GODEBUG", "");
  text("storageRetention",
       context.services.storage_retention ? context.services.storage_retention() : "");
  json.EndObject();
  envelope.Finish();
}

void BuildInfo(const Context&, Call& call) {
  Envelope envelope(call.response);
  WriteBuildInfo(envelope.data());
  envelope.Finish();
}

void WriteCounts(wire::JsonWriter& json, std::string_view key,
                 const std::vector<tsdb::NameCount>& counts) {
  json.Key(key);
  json.BeginArray();
  for (const tsdb::NameCount& item : counts) {
    json.BeginObject();
    json.Key("name");
    json.String(item.name);
    json.Key("value");
    json.Uint(item.count);
    json.EndObject();
  }
  json.EndArray();
}

void Tsdb(const Context& context, Call& call) {
  uint64_t limit = 10;
  if (const std::string_view text = call.param("limit"); !text.empty()) {
    const auto parsed = base::ParseInt(text);
    if (!parsed || *parsed < 1) {
      return RespondError(call.response, ErrorType::kBadData, "limit must be a positive number");
    }
    limit = static_cast<uint64_t>(*parsed);
    if (limit > kMaxTsdbLimit) {
      return RespondError(call.response, ErrorType::kBadData,
                          fmt::format("limit must not exceed {}", kMaxTsdbLimit));
    }
  }
  const tsdb::HeadStats stats = context.services.db->Stats(limit);
  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  json.BeginObject();
  json.Key("headStats");
  json.BeginObject();
  json.Key("numSeries");
  json.Uint(stats.num_series);
  json.Key("numLabelPairs");
  json.Uint(stats.num_label_pairs);
  json.Key("chunkCount");
  json.Uint(stats.chunk_count);
  json.Key("minTime");
  json.Int(stats.min_time);
  json.Key("maxTime");
  json.Int(stats.max_time);
  json.EndObject();
  WriteCounts(json, "seriesCountByMetricName", stats.series_by_metric_name);
  WriteCounts(json, "labelValueCountByLabelName", stats.values_by_label_name);
  WriteCounts(json, "memoryInBytesByLabelName", stats.memory_by_label_name);
  WriteCounts(json, "seriesCountByLabelValuePair", stats.series_by_label_pair);
  json.EndObject();
  envelope.Finish();
}

void WalReplay(const Context& context, Call& call) {
  tsdb::ReplayProgress progress;
  if (context.services.replay_progress) progress = context.services.replay_progress();
  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  json.BeginObject();
  json.Key("min");
  json.Uint(progress.min);
  json.Key("max");
  json.Uint(progress.max);
  json.Key("current");
  json.Uint(progress.current);
  json.EndObject();
  envelope.Finish();
}

void TsdbBlocks(const Context& context, Call& call) {
  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  json.BeginObject();
  json.Key("blocks");
  json.BeginArray();
  for (const tsdb::BlockMeta& meta : context.services.db->Blocks()) {
    json.Raw(tsdb::FormatBlockMeta(meta));
  }
  json.EndArray();
  json.EndObject();
  envelope.Finish();
}

}  // namespace

void WriteBuildInfo(wire::JsonWriter& json) {
  const auto text = [&](std::string_view key, std::string_view value) {
    json.Key(key);
    json.String(value);
  };
  json.BeginObject();
  text("version", base::kPrometheusVersion);
  text("revision", fmt::format("tributary-{}", base::kVersion));
  text("branch", "tributary");
  text("buildUser", "");
  text("buildDate", "");
  text("goVersion", "");
  json.EndObject();
}

void AddStatusRoutes(Router& router, const Context& context) {
  const auto add = [&](const char* pattern, void (*serve)(const Context&, Call&),
                       bool server_only = false, Needs needs = Needs::kReady) {
    router.Add(pattern, ApiRoute(kGet, server_only, needs),
               [&context, serve](Call& call) { serve(context, call); });
  };
  add("/api/v1/status/config", Config);
  add("/api/v1/status/flags", Flags);
  add("/api/v1/status/runtimeinfo", RuntimeInfo);
  add("/api/v1/status/buildinfo", BuildInfo);
  add("/api/v1/status/tsdb", Tsdb, /*server_only=*/true);
  add("/api/v1/status/tsdb/blocks", TsdbBlocks, /*server_only=*/true);
  add("/api/v1/status/walreplay", WalReplay, /*server_only=*/false, Needs::kNothing);
}

}  // namespace tributary::web
