#include "scrape/failure_log.h"

#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/log.h"
#include "wire/json_writer.h"

namespace tributary::scrape {
namespace {

std::string TimeText(int64_t now_ms) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(static_cast<std::time_t>(now_ms / 1000)), now_ms % 1000);
}

}  // namespace

base::Result<std::shared_ptr<FailureLog>> FailureLog::Open(base::FileSystem& fs,
                                                           const base::Clock& clock,
                                                           const std::string& path) {
  auto file = fs.OpenForAppend(path);
  if (!file) {
    return file.error().Context("scrape_failure_log_file");
  }
  return std::shared_ptr<FailureLog>(new FailureLog(clock, std::move(*file)));
}

void FailureLog::Write(std::string_view job, std::string_view target, std::string_view message) {
  std::string line;
  wire::JsonWriter json(&line);
  const auto pair = [&](std::string_view key, std::string_view value) {
    json.Key(key);
    json.String(value);
  };
  json.BeginObject();
  pair("time", TimeText(clock_.NowMs()));
  pair("level", "ERROR");
  pair("source", "scrape_loop.cc");
  pair("msg", message);
  pair("job_name", job);
  pair("target", target);
  json.EndObject();
  json.Finish();
  line.push_back('\n');
  base::MutexLock lock(mutex_);
  if (const base::Status status = file_->Append(base::AsBytes(line)); !status) {
    LOG_DEBUG("scrape failure not logged", kv("err", status.error()));
  }
}

}  // namespace tributary::scrape
