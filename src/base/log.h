// Structured logs: a constant sentence plus typed pairs, rendered as logfmt or JSON to stderr.
//   LOG_INFO("block written", kv("ulid", id), kv("series", n));
// Info is what an operator would want to know. Nothing is logged per sample or per scrape at info.
// Never log a secret. Thread-safe.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tributary::base {

enum class LogLevel : unsigned char { kDebug, kInfo, kWarn, kError };
enum class LogFormat : unsigned char { kLogfmt, kJson };

// Call once at start-up; the defaults are info and logfmt.
void ConfigureLogging(LogLevel level, LogFormat format);
bool LogEnabled(LogLevel level);

// One rendered pair. Made by kv().
struct LogField {
  std::string_view key;
  std::string value;
  bool quoted = true;  // false for numbers and booleans, which JSON writes bare
};

void LogLine(LogLevel level, const char* file, int line, std::string_view message,
             std::initializer_list<LogField> fields);

// NOLINTBEGIN(readability-identifier-naming): kv reads as part of the log statement.
inline LogField kv(std::string_view key, std::string_view value) {
  return {key, std::string(value), true};
}
inline LogField kv(std::string_view key, const char* value) { return {key, value, true}; }
inline LogField kv(std::string_view key, const std::string& value) { return {key, value, true}; }
inline LogField kv(std::string_view key, bool value) {
  return {key, value ? "true" : "false", false};
}
template <std::integral T>
LogField kv(std::string_view key, T value) {
  return {key, std::to_string(value), false};
}
LogField kv(std::string_view key, double value);
inline LogField kv(std::string_view key, const Error& error) {
  return {key, error.message(), true};
}
// NOLINTEND(readability-identifier-naming)

}  // namespace tributary::base

#define TRIBUTARY_LOG_(level, message, ...)                                          \
  do {                                                                               \
    if (::tributary::base::LogEnabled(level)) {                                      \
      using ::tributary::base::kv;                                                   \
      ::tributary::base::LogLine(level, __FILE__, __LINE__, message, {__VA_ARGS__}); \
    }                                                                                \
  } while (false)
#define LOG_DEBUG(...) TRIBUTARY_LOG_(::tributary::base::LogLevel::kDebug, __VA_ARGS__)
#define LOG_INFO(...) TRIBUTARY_LOG_(::tributary::base::LogLevel::kInfo, __VA_ARGS__)
#define LOG_WARN(...) TRIBUTARY_LOG_(::tributary::base::LogLevel::kWarn, __VA_ARGS__)
#define LOG_ERROR(...) TRIBUTARY_LOG_(::tributary::base::LogLevel::kError, __VA_ARGS__)
