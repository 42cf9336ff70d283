#include "app/process.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

#include "app/external_url.h"
#include "app/features.h"
#include "app/front.h"
#include "app/reloader.h"
#include "app/role.h"
#include "app/self_metrics.h"
#include "app/signals.h"
#include "base/allocator.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/threads.h"
#include "base/version.h"

namespace tributary::app {
namespace {

constexpr int64_t kWebConfigIntervalMs = 1000;
constexpr int64_t kHttpGraceMs = 10'000;
constexpr auto kReplayGrace = std::chrono::seconds(30);

base::LogLevel LevelOf(std::string_view text) {
  if (text == "debug") return base::LogLevel::kDebug;
  if (text == "warn") return base::LogLevel::kWarn;
  return text == "error" ? base::LogLevel::kError : base::LogLevel::kInfo;
}

std::string Hostname() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

int FailStart(int code, const base::Error& error) {
  LOG_ERROR("Cannot start", kv("err", error));
  return code;
}

class Process {
 public:
  explicit Process(const FlagOutcome& flags)
      : options_(flags.options),
        features_(ParseFeatures(options_.features)),
        warnings_(flags.warnings),
        start_time_ms_(clock_.NowMs()),
        pool_("worker", 0),
        ground_{options_, features_, fs_, clock_, pool_, metrics_},
        self_metrics_(metrics_, state_, clock_),
        notifications_(
            static_cast<size_t>(std::max<int64_t>(options_.max_notification_subscribers, 0)),
            clock_, metrics_) {}

  int Run() {
    SayStart();
    if (const int code = Prepare(); code != kExitOk) return code;
    notifications_.Add(web::kStartingNotice);
    state_.store_open = true;
    front_->Start();
    if (!Replay()) return Leave(kExitFailure);
    if (state_.stopping) return Leave(kExitOk);
    if (const auto begun = reloader_->Begin(role_->Begin()); !begun) {
      LOG_ERROR("Cannot start", kv("err", begun.error()));
      return Leave(kExitFailure);
    }
    state_.ready = true;
    notifications_.Delete(web::kStartingNotice);
    LOG_INFO("Server is ready to receive web requests.",
             kv("startup_ms", clock_.NowMs() - start_time_ms_));
    WatchUntilQuit();
    return Leave(kExitOk);
  }

 private:
  void SayStart() {
    LOG_INFO("Starting Tributary", kv("mode", options_.agent ? "agent" : "server"),
             kv("version", base::kVersion), kv("follows_prometheus", base::kPrometheusVersion),
             kv("workers", pool_.size()));
    for (const std::string& warning : features_.warnings) LOG_WARN(warning);
    for (const std::string& flag : warnings_) {
      LOG_WARN("Flag is accepted, but not served yet", kv("flag", flag));
    }
  }

  // Everything that can be refused before somebody could connect, and then the binding.
  int Prepare() {
    auto external =
        ComputeExternalUrl(options_.external_url, options_.listen_addresses.front(), Hostname());
    if (!external) return FailStart(kExitUsage, external.error());

    config::LoadOptions load{.agent = options_.agent,
                             .extra_scrape_metrics = features_.extra_scrape_metrics,
                             .proto_first = features_.proto_first,
                             .xor2 = features_.xor2,
                             .exemplar_storage = features_.exemplar_storage};
    if (options_.retention_time_ms != 0 || options_.retention_size_bytes != 0) {
      load.retention_time_ms = options_.retention_time_ms;
      load.retention_size_bytes = options_.retention_size_bytes;
    }
    auto loaded = config::LoadConfig(fs_, options_.config_file, load);
    if (!loaded) {
      LOG_ERROR(fmt::format("Error loading config (--config.file={})", options_.config_file),
                kv("err", loaded.error()));
      return kExitUsage;
    }
    WarnUnserved(**loaded);
    reloader_ = std::make_unique<Reloader>(
        Reloader::Source{options_.config_file, load, options_.fleet_config_file}, *loaded, fs_,
        clock_, metrics_, &state_);
    if (!options_.web_config_file.empty()) {
      if (const auto web_config = config::LoadWebConfig(fs_, options_.web_config_file);
          !web_config) {
        LOG_ERROR("Unable to validate web configuration file", kv("err", web_config.error()));
        return kExitFailure;
      }
    }

    auto role = options_.agent ? OpenAgent(ground_, **loaded) : OpenServer(ground_, **loaded);
    if (!role) return FailStart(kExitFailure, role.error());
    role_ = std::move(*role);
    auto web = web::Web::Create(MakeWebOptions(*external), MakeServices(), state_);
    if (!web) return FailStart(kExitUsage, web.error());
    web_ = std::move(*web);
    auto front = Front::Create(options_, *web_, fs_);
    if (!front) return FailStart(kExitFailure, front.error());
    front_ = std::move(*front);
    return kExitOk;
  }

  web::WebOptions MakeWebOptions(const ExternalUrl& external) const {
    web::WebOptions web;
    web.agent = options_.agent;
    web.route_prefix = ComputeRoutePrefix(options_.route_prefix, external);
    web.external_url = external.url;
    web.cors_origin = options_.cors_origin;
    web.page_title = options_.page_title;
    web.start_time_ms = start_time_ms_;
    web.per_step_stats = features_.per_step_stats;
    web.search_api = features_.search_api;
    web.search_max_limit = static_cast<uint64_t>(std::max<int64_t>(options_.search_max_limit, 0));
    web.admin_api = options_.enable_admin_api;
    web.remote_read.samples =
        static_cast<uint64_t>(std::max<int64_t>(options_.read_sample_limit, 0));
    web.remote_read.concurrent =
        static_cast<size_t>(std::max<int64_t>(options_.read_concurrent_limit, 0));
    web.remote_read.bytes_in_frame =
        static_cast<size_t>(std::max<int64_t>(options_.read_max_bytes_in_frame, 1));
    web.features = FeatureList(features_, options_);
    return web;
  }

  const web::Services& MakeServices() {
    services_.clock = &clock_;
    services_.metrics = &metrics_;
    services_.config = [this] { return reloader_->current(); };
    services_.flags = FlagValues(options_);
    services_.notifications = &notifications_;
    if (options_.enable_lifecycle) {
      services_.reload = [this] { return Reload(); };
      services_.quit = [this] { signals_.Quit(); };
    }
    role_->Offer(&services_);
    return services_;
  }

  // False when the store cannot be read. Returns early when the process is asked to end.
  bool Replay() {
    std::promise<base::Status> done;
    std::future<base::Status> result = done.get_future();
    replay_ = std::jthread([this, &done] {
      base::SetThreadName("replay");
      base::Status replayed = role_->Replay();
      done.set_value(std::move(replayed));
      signals_.Wake();
    });
    while (result.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      if (signals_.Wait(kWebConfigIntervalMs) != Signals::Event::kQuit) {
        RefreshWebConfig();
        continue;
      }
      state_.stopping = true;
      LOG_WARN("Asked to end while the WAL is replayed; waiting for it",
               kv("seconds", kReplayGrace.count()));
      if (result.wait_for(kReplayGrace) != std::future_status::ready) {
        // What was accepted meanwhile has a log of its own: the next start reads the same files.
        LOG_WARN("See you next time!");
        std::_Exit(kExitOk);
      }
    }
    replay_.join();
    const base::Status replayed = result.get();
    if (!replayed) {
      LOG_ERROR("Cannot start", kv("err", replayed.error().Context("opening storage failed")));
    }
    return replayed.has_value();
  }

  base::Status Reload() {
    base::Status reloaded = reloader_->Reload();
    if (reloaded) {
      notifications_.Delete(web::kReloadFailedNotice);
    } else {
      notifications_.Add(web::kReloadFailedNotice);
      LOG_ERROR("Error reloading config", kv("err", reloaded.error()));
    }
    return reloaded;
  }

  void RefreshWebConfig() {
    if (const auto refreshed = front_->RefreshWebConfig(); !refreshed) {
      LOG_ERROR("Web configuration is not taken over", kv("err", refreshed.error()));
    }
  }

  void WatchUntilQuit() {
    const bool auto_reload = options_.auto_reload || features_.auto_reload;
    if (auto_reload) {
      LOG_INFO("Automatic configuration file reloading enabled",
               kv("interval", base::FormatDurationMs(options_.auto_reload_interval_ms)));
    }
    uint64_t fingerprint = auto_reload ? reloader_->Fingerprint() : 0;
    int64_t next_look_ns = clock_.MonotonicNs() + options_.auto_reload_interval_ms * 1'000'000;
    while (true) {
      switch (signals_.Wait(kWebConfigIntervalMs)) {
        case Signals::Event::kQuit:
          return;
        case Signals::Event::kReload:
          (void)Reload();
          break;
        case Signals::Event::kTimeout:
        case Signals::Event::kWoken:
          break;
      }
      RefreshWebConfig();
      if (!auto_reload || clock_.MonotonicNs() < next_look_ns) continue;
      next_look_ns = clock_.MonotonicNs() + options_.auto_reload_interval_ms * 1'000'000;
      const uint64_t now = reloader_->Fingerprint();
      if (now == 0 || now == fingerprint) continue;
      fingerprint = now;
      LOG_INFO("Configuration file change detected, reloading the configuration.");
      (void)Reload();
    }
  }

  // The orderly end: each step waits for the one before, and each is bounded.
  int Leave(int code) {
    LOG_INFO("Stopping");
    notifications_.Add(web::kStoppingNotice);
    state_.stopping = true;
    state_.ready = false;
    reloader_->Close();
    role_->StopCollecting();
    front_->Stop(kHttpGraceMs);
    front_.reset();
    web_.reset();
    if (const auto closed = role_->Close(); !closed) {
      LOG_ERROR("Error stopping storage", kv("err", closed.error()));
      if (code == kExitOk) code = kExitFailure;
    }
    role_.reset();
    LOG_INFO("See you next time!");
    return code;
  }

  const Options options_;
  const Features features_;
  const std::vector<std::string> warnings_;
  base::FileSystem& fs_ = base::PosixFileSystem();
  const base::Clock& clock_ = base::SystemClock();
  const int64_t start_time_ms_;
  Signals signals_;  // before the first thread
  base::MetricsRegistry metrics_;
  web::State state_;
  base::ThreadPool pool_;
  const Ground ground_;
  SelfMetrics self_metrics_;
  web::Notifications notifications_;
  std::unique_ptr<Reloader> reloader_;
  std::unique_ptr<Role> role_;
  web::Services services_;
  std::unique_ptr<web::Web> web_;
  std::unique_ptr<Front> front_;
  std::jthread replay_;
};

}  // namespace

int RunProcess(const FlagOutcome& flags) {
  base::TuneAllocator();
  base::ConfigureLogging(LevelOf(flags.options.log_level), flags.options.log_format == "json"
                                                               ? base::LogFormat::kJson
                                                               : base::LogFormat::kLogfmt);
  Process process(flags);
  return process.Run();
}

}  // namespace tributary::app
