#include "promql/observe/query_log.h"

#include <ctime>

#include <fmt/format.h>

#include "promql/observe/query_stats_json.h"
#include "wire/json_writer.h"

namespace tributary::promql {
namespace {

// 2006-01-02T15:04:05.000Z
std::string DateText(int64_t ms) {
  const int64_t fraction = ((ms % 1000) + 1000) % 1000;
  const std::time_t seconds = static_cast<std::time_t>((ms - fraction) / 1000);
  std::tm tm{};
  // Fails only for years that no int holds.
  if (::gmtime_r(&seconds, &tm) == nullptr) return std::to_string(ms);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", tm.tm_year + 1900LL,
                     tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, fraction);
}

void WriteText(wire::JsonWriter& json, std::string_view key, std::string_view value) {
  json.Key(key);
  json.String(value);
}

void WriteOrigin(wire::JsonWriter& json, const QueryOrigin& origin) {
  if (!origin.path.empty()) {
    json.Key("httpRequest");
    json.BeginObject();
    WriteText(json, "clientIP", origin.client_ip);
    WriteText(json, "method", origin.method);
    WriteText(json, "path", origin.path);
    json.EndObject();
  }
  if (!origin.rule_group.empty()) {
    json.Key("ruleGroup");
    json.BeginObject();
    WriteText(json, "file", origin.rule_file);
    WriteText(json, "name", origin.rule_group);
    json.EndObject();
  }
}

}  // namespace

std::string RenderQueryLogLine(const QueryLogEntry& entry) {
  std::string line;
  wire::JsonWriter json(&line);
  json.BeginObject();
  WriteText(json, "time", DateText(entry.time_ms));
  WriteText(json, "level", "INFO");
  WriteText(json, "source", "query_log.cc");
  WriteText(json, "msg", "promql query logged");
  json.Key("params");
  json.BeginObject();
  WriteText(json, "end", DateText(entry.end));
  WriteText(json, "query", entry.query);
  WriteText(json, "start", DateText(entry.start));
  json.Key("step");
  json.Int(entry.step_ms / 1000);
  json.EndObject();
  if (entry.error != nullptr) WriteText(json, "error", entry.error->message());
  json.Key("stats");
  WriteQueryStats(json, *entry.stats, {});
  // Nothing is traced: the ids of no span, as Prometheus writes them then.
  WriteText(json, "spanID", "0000000000000000");
  WriteText(json, "traceID", "00000000000000000000000000000000");
  WriteOrigin(json, *entry.origin);
  json.EndObject();
  line.push_back('\n');
  return line;
}

QueryLog::QueryLog(base::FileSystem& fs, base::MetricsRegistry& metrics)
    : fs_(fs),
      enabled_metric_(
          metrics.GetGauge("prometheus_engine_query_log_enabled", "State of the query log.")),
      failures_(metrics.GetCounter("prometheus_engine_query_log_failures_total",
                                   "The number of query log failures.")) {}

base::Status QueryLog::SetFile(const std::string& path) {
  std::unique_ptr<base::WritableFile> file;
  if (!path.empty()) {
    auto opened = fs_.OpenForAppend(path);
    if (!opened) return opened.error().Context("query log");
    file = *std::move(opened);
  }
  enabled_metric_.Set(file ? 1 : 0);
  base::MutexLock lock(mutex_);
  file_ = std::move(file);
  return {};
}

bool QueryLog::enabled() const {
  base::MutexLock lock(mutex_);
  return file_ != nullptr;
}

void QueryLog::Write(const QueryLogEntry& entry) {
  const std::string line = RenderQueryLogLine(entry);
  base::MutexLock lock(mutex_);
  if (file_ && !file_->Append(base::AsBytes(line))) failures_.Add();
}

}  // namespace tributary::promql
