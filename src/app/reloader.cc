#include "app/reloader.h"

#include <fmt/format.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/strings.h"
#include "config/file_pattern.h"

namespace tributary::app {

Reloader::Reloader(Source source, std::shared_ptr<const config::Config> initial,
                   base::FileSystem& fs, const base::Clock& clock, base::MetricsRegistry& metrics,
                   web::State* state)
    : source_(std::move(source)),
      fs_(fs),
      clock_(clock),
      state_(state),
      successful_(metrics.GetGauge("prometheus_config_last_reload_successful",
                                   "Whether the last configuration reload attempt was "
                                   "successful.")),
      success_time_(metrics.GetGauge("prometheus_config_last_reload_success_timestamp_seconds",
                                     "Timestamp of the last successful configuration reload.")),
      current_(std::move(initial)) {
  NoteSuccess();
}

base::Status Reloader::Begin(std::vector<Applier> appliers) {
  const base::MutexLock lock(reload_mutex_);
  appliers_ = std::move(appliers);
  open_ = true;
  return Apply(current());
}

base::Status Reloader::Reload() {
  const base::MutexLock lock(reload_mutex_);
  if (!open_) return base::Unavailable("the server is not ready for a reload");
  const int64_t started_ns = clock_.MonotonicNs();
  LOG_INFO("Loading configuration file", kv("filename", source_.file));
  auto loaded = config::LoadConfig(fs_, source_.file, source_.options);
  if (!loaded) {
    NoteFailure();
    return loaded.error().Context(
        fmt::format("couldn't load configuration (--config.file={})", base::Quote(source_.file)));
  }
  {
    const base::MutexLock current_lock(mutex_);
    current_ = *loaded;
  }
  WarnUnserved(**loaded);
  RETURN_IF_ERROR(Apply(*loaded));
  LOG_INFO("Completed loading of configuration file", kv("filename", source_.file),
           kv("total_ms", (clock_.MonotonicNs() - started_ns) / 1'000'000));
  return {};
}

void Reloader::Close() {
  const base::MutexLock lock(reload_mutex_);
  open_ = false;
}

std::shared_ptr<const config::Config> Reloader::current() const {
  const base::MutexLock lock(mutex_);
  return current_;
}

uint64_t Reloader::Fingerprint() const {
  const auto text = fs_.ReadFile(source_.file);
  if (!text) return 0;
  std::string all = *text;
  if (!source_.fleet_file.empty()) {
    if (const auto fleet = fs_.ReadFile(source_.fleet_file)) all += *fleet;
  }
  const std::shared_ptr<const config::Config> config = current();
  for (const auto* patterns : {&config->scrape_config_files, &config->rule_files}) {
    for (const std::string& pattern : *patterns) {
      const auto files = config::ExpandFilePattern(fs_, pattern);
      if (!files) continue;
      for (const std::string& file : *files) {
        all += fmt::format("\n{}\n", file);
        if (const auto content = fs_.ReadFile(file)) all += *content;
      }
    }
  }
  return base::Hash64(all) | 1;
}

base::Status Reloader::Apply(const std::shared_ptr<const config::Config>& config) {
  bool failed = false;
  for (const Applier& applier : appliers_) {
    if (const auto applied = applier.apply(config); !applied) {
      LOG_ERROR("Failed to apply configuration", kv("part", applier.name),
                kv("err", applied.error()));
      failed = true;
    }
  }
  if (failed) {
    NoteFailure();
    return base::Internal(
        fmt::format("one or more errors occurred while applying the new configuration "
                    "(--config.file={})",
                    base::Quote(source_.file)));
  }
  NoteSuccess();
  return {};
}

void Reloader::NoteSuccess() {
  const int64_t now_ms = clock_.NowMs();
  successful_.Set(1);
  success_time_.Set(static_cast<double>(now_ms) / 1000);
  state_->last_reload_ok.store(true);
  state_->last_reload_ms.store(now_ms);
}

void Reloader::NoteFailure() {
  successful_.Set(0);
  state_->last_reload_ok.store(false);
}

void WarnUnserved(const config::Config& config) {
  for (const std::string& field : config.unserved) {
    LOG_WARN("Configuration is accepted, but not served yet", kv("field", field));
  }
}

}  // namespace tributary::app
