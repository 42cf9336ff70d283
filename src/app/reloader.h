// Reloader: loads the configuration and hands it to the parts, in a fixed order.
//
// A file that does not load changes nothing. A part that fails to take the new configuration is
// logged and does not stop the others, as in Prometheus; either way the reload counts as failed.
// Thread-safe; reloads run one after the other.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fs.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "config/config.h"
#include "web/web.h"

namespace tributary::app {

// One part that takes the configuration.
struct Applier {
  std::string name;
  std::function<base::Status(std::shared_ptr<const config::Config>)> apply;
};

class Reloader {
 public:
  struct Source {
    std::string file;
    config::LoadOptions options;
    std::string fleet_file = {};  // "": there is none
  };

  // `initial` is what the file held at start; nothing is applied yet. `state` outlives this.
  Reloader(Source source, std::shared_ptr<const config::Config> initial, base::FileSystem& fs,
           const base::Clock& clock, base::MetricsRegistry& metrics, web::State* state);

  // Applies the current configuration to `appliers` for the first time, and to them from then on.
  base::Status Begin(std::vector<Applier> appliers);
  // Loads the file and applies it. kUnavailable before Begin() and after Close().
  base::Status Reload();
  // Waits for a reload under way; later ones are refused.
  void Close();

  std::shared_ptr<const config::Config> current() const;
  // A hash over the configuration file and the files it names; changes when one of them does.
  // 0 when the configuration file cannot be read.
  uint64_t Fingerprint() const;

 private:
  base::Status Apply(const std::shared_ptr<const config::Config>& config)
      TB_REQUIRES(reload_mutex_);
  void NoteSuccess();
  void NoteFailure();

  const Source source_;
  base::FileSystem& fs_;
  const base::Clock& clock_;
  web::State* const state_;
  base::Gauge& successful_;
  base::Gauge& success_time_;

  // Held while a reload runs, I/O included: that is what it is for. Before mutex_.
  base::Mutex reload_mutex_;
  std::vector<Applier> appliers_ TB_GUARDED_BY(reload_mutex_);
  bool open_ TB_GUARDED_BY(reload_mutex_) = false;

  mutable base::Mutex mutex_;
  std::shared_ptr<const config::Config> current_ TB_GUARDED_BY(mutex_);
};

// Logs a warning for each field of `config` that is accepted and not served.
void WarnUnserved(const config::Config& config);

}  // namespace tributary::app
