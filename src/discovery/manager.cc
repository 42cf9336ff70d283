#include <algorithm>
#include <chrono>
#include <map>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/mutex.h"
#include "base/threads.h"
#include "discovery/discoverer.h"
#include "discovery/discovery.h"

namespace tributary::discovery {
namespace {

// The groups one discoverer has published so far. Shared with its Publish function, which may
// still be called while the manager drops the discoverer.
struct Found {
  std::map<std::string, GroupPtr> groups;  // by source, guarded by the manager's mutex
};

// One mechanism at work, for every set that asks for exactly this configuration: thirty jobs that
// watch one namespace watch it once.
struct Provider {
  config::SdConfig config;
  std::shared_ptr<Found> found;
  std::unique_ptr<Discoverer> discoverer;
};
using Providers = std::vector<std::shared_ptr<const Provider>>;

class ManagerImpl final : public Manager {
 public:
  ManagerImpl(std::string name, base::FileSystem& fs, base::MetricsRegistry& metrics,
              int64_t update_interval_ms, std::function<void(const TargetSets&)> on_update)
      : name_(std::move(name)),
        context_{fs, metrics},
        update_interval_ms_(update_interval_ms),
        on_update_(std::move(on_update)),
        failed_configs_(metrics.GetGauge("prometheus_sd_failed_configs",
                                         "Current number of service discovery configurations that "
                                         "failed to load.",
                                         {{"name", name_}})),
        received_updates_(metrics.GetCounter("prometheus_sd_received_updates_total",
                                             "Total number of update events received from the SD "
                                             "providers.",
                                             {{"name", name_}})),
        updates_(metrics.GetCounter("prometheus_sd_updates_total",
                                    "Total number of update events sent to the SD consumers.",
                                    {{"name", name_}})),
        deliverer_([this] { Deliver(); }) {}

  ~ManagerImpl() override {
    {
      base::MutexLock lock(mutex_);
      stopping_ = true;
    }
    wake_.NotifyAll();
    deliverer_.join();
    providers_.clear();
  }

  base::Status Apply(const std::map<std::string, std::vector<config::SdConfig>>& configs) override {
    base::MutexLock apply_lock(apply_mutex_);
    std::map<std::string, Providers> next;
    Providers running;  // of the old configuration and, so far, of the new one
    for (const auto& [set, providers] : providers_) {
      running.insert(running.end(), providers.begin(), providers.end());
    }
    base::Status first_error;
    int failed = 0;
    for (const auto& [set, set_configs] : configs) {
      Providers& providers = next[set];
      for (const config::SdConfig& config : set_configs) {
        const auto same = std::find_if(running.begin(), running.end(),
                                       [&](const auto& p) { return p->config == config; });
        if (same != running.end()) {
          providers.push_back(*same);
          continue;
        }
        auto found = std::make_shared<Found>();
        auto discoverer = StartDiscoverer(config, context_, PublishTo(found));
        if (!discoverer) {
          ++failed;
          LOG_ERROR("service discovery not started", kv("job", set), kv("err", discoverer.error()));
          if (first_error) {
            first_error = discoverer.error().Context("job " + set);
          }
          continue;
        }
        running.push_back(
            std::make_shared<const Provider>(Provider{config, found, std::move(*discoverer)}));
        providers.push_back(running.back());
      }
    }
    failed_configs_.Set(failed);
    {
      base::MutexLock lock(mutex_);
      providers_ = std::move(next);
      changed_ = true;
      deliver_now_ = true;
    }
    wake_.NotifyAll();
    running.clear();  // ends those nobody asks for any more, without our lock, which they may need
    return first_error;
  }

 private:
  Publish PublishTo(const std::shared_ptr<Found>& found) {
    return [this, found](std::vector<config::TargetGroup> groups) {
      received_updates_.Add();
      {
        base::MutexLock lock(mutex_);
        for (config::TargetGroup& group : groups) {
          std::string source = group.source;
          if (group.targets.empty()) {
            found->groups.erase(source);
          } else {
            found->groups[std::move(source)] =
                std::make_shared<const config::TargetGroup>(std::move(group));
          }
        }
        changed_ = true;
      }
      wake_.NotifyAll();
    };
  }

  // Waits for a change, hands over the whole state, rests for the update interval.
  void Deliver() {
    base::SetThreadName("sd-" + name_);
    while (true) {
      TargetSets sets;
      {
        base::MutexLock lock(mutex_);
        while (!stopping_ && !changed_) {
          wake_.Wait(mutex_);
        }
        if (stopping_) {
          return;
        }
        changed_ = false;
        deliver_now_ = false;
        for (const auto& [set, providers] : providers_) {
          std::vector<GroupPtr>& groups = sets[set];
          for (const auto& provider : providers) {
            for (const auto& [source, group] : provider->found->groups) {
              groups.push_back(group);
            }
          }
        }
      }
      updates_.Add();
      on_update_(sets);
      const auto rested =
          std::chrono::steady_clock::now() + std::chrono::milliseconds(update_interval_ms_);
      base::MutexLock lock(mutex_);
      while (!stopping_ && !deliver_now_) {
        const auto left = rested - std::chrono::steady_clock::now();
        if (left.count() <= 0) {
          break;
        }
        wake_.WaitFor(mutex_, left);
      }
    }
  }

  const std::string name_;
  const Context context_;
  const int64_t update_interval_ms_;
  const std::function<void(const TargetSets&)> on_update_;
  base::Gauge& failed_configs_;
  base::Counter& received_updates_;
  base::Counter& updates_;

  base::Mutex apply_mutex_;  // one Apply at a time; taken before mutex_
  base::Mutex mutex_;
  base::CondVar wake_;
  // The map changes under both mutexes, so it may be read under either.
  std::map<std::string, Providers> providers_;
  bool changed_ TB_GUARDED_BY(mutex_) = false;
  bool deliver_now_ TB_GUARDED_BY(mutex_) = false;
  bool stopping_ TB_GUARDED_BY(mutex_) = false;
  std::thread deliverer_;  // last
};

}  // namespace

std::unique_ptr<Manager> Manager::Create(std::string name, base::FileSystem& fs,
                                         base::MetricsRegistry& metrics, int64_t update_interval_ms,
                                         std::function<void(const TargetSets&)> on_update) {
  return std::make_unique<ManagerImpl>(std::move(name), fs, metrics, update_interval_ms,
                                       std::move(on_update));
}

}  // namespace tributary::discovery
