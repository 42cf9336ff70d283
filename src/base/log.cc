#include "base/log.h"

#include <atomic>
#include <chrono>
#include <cmath>
#include <memory>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/clock.h"
#include "base/strings.h"

namespace tributary::base {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};
std::atomic<LogFormat> g_format{LogFormat::kLogfmt};

// Never destroyed: threads may log while the process exits.
spdlog::logger& StderrLogger() {
  static spdlog::logger* const logger = [] {
    auto* made = new spdlog::logger("", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::trace);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarn:
      return "WARN";
    case LogLevel::kError:
      return "ERROR";
  }
  return "INFO";
}

std::string_view FileName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string Timestamp() {
  const int64_t now_ms = SystemClock().NowMs();
  const std::chrono::sys_seconds second{std::chrono::seconds(now_ms / 1000)};
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(second)), now_ms % 1000);
}

// The characters that make logfmt put a value between quotes, as log/slog's text handler does.
bool NeedsQuotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte <= ' ' || byte == '"' || byte == '=' || byte >= 0x7F) return true;
  }
  return false;
}

void AppendLogfmt(std::string* out, std::string_view key, std::string_view value) {
  if (!out->empty()) out->push_back(' ');
  out->append(key).push_back('=');
  if (NeedsQuotes(value)) {
    out->append(Quote(value));
  } else {
    out->append(value);
  }
}

void AppendJson(std::string* out, std::string_view key, std::string_view value, bool quoted) {
  out->push_back(out->empty() ? '{' : ',');
  AppendJsonString(out, key);
  out->push_back(':');
  if (!quoted) {
    out->append(value);
  } else if (IsValidUtf8(value)) {
    AppendJsonString(out, value);
  } else {
    // JSON can hold text only: what is none is shown with its bytes escaped.
    AppendJsonString(out, Quote(value));
  }
}

}  // namespace

void ConfigureLogging(LogLevel level, LogFormat format) {
  g_level.store(level, std::memory_order_relaxed);
  g_format.store(format, std::memory_order_relaxed);
}

bool LogEnabled(LogLevel level) { return level >= g_level.load(std::memory_order_relaxed); }

LogField kv(std::string_view key, double value) {
  return {key, FormatFloatG(value), !std::isfinite(value)};
}

void LogLine(LogLevel level, const char* file, int line, std::string_view message,
             std::initializer_list<LogField> fields) {
  const std::string source = fmt::format("{}:{}", FileName(file), line);
  std::string out;
  if (g_format.load(std::memory_order_relaxed) == LogFormat::kJson) {
    AppendJson(&out, "time", Timestamp(), true);
    AppendJson(&out, "level", LevelName(level), true);
    AppendJson(&out, "source", source, true);
    AppendJson(&out, "msg", message, true);
    for (const LogField& field : fields) AppendJson(&out, field.key, field.value, field.quoted);
    out.push_back('}');
  } else {
    AppendLogfmt(&out, "time", Timestamp());
    AppendLogfmt(&out, "level", LevelName(level));
    AppendLogfmt(&out, "source", source);
    AppendLogfmt(&out, "msg", message);
    for (const LogField& field : fields) AppendLogfmt(&out, field.key, field.value);
  }
  StderrLogger().log(spdlog::level::info, spdlog::string_view_t(out.data(), out.size()));
}

}  // namespace tributary::base
