#include <algorithm>
#include <map>
#include <string>
#include <unistd.h>
#include <utility>

#include "base/hash.h"
#include "base/log.h"
#include "scrape/scrape.h"
#include "scrape/scrape_pool.h"

namespace tributary::scrape {
namespace {

// Replicas with different host names or external labels scrape at different moments.
uint64_t OffsetSeed(const config::Config& config) {
  char host[256] = {};
  ::gethostname(host, sizeof(host) - 1);
  return base::Hash64(host, config.global.external_labels.Hash());
}

class ManagerImpl final : public Manager {
 public:
  ManagerImpl(ManagerOptions options, storage::Appendable& storage, const base::Clock& clock,
              base::ThreadPool& pool, base::MetricsRegistry& metrics)
      : probe_(metrics),
        shedding_(options.memory_limit_bytes, metrics),
        context_{options, storage,   clock,     pool,         timers_,
                 probe_,  families_, shedding_, end_of_runs_, 0},
        timers_("scrape-timer") {
    shedding_.Start({.drop_caches = [this] { families_.Collect(); },
                     .throttle_largest = [this] { return ThrottleLargest(); },
                     .throttle_none = [this] { ThrottleNone(); }});
  }

  ~ManagerImpl() override {
    shedding_.Stop();
    Stop();
    end_of_runs_.Close();
  }

  base::Status Apply(std::shared_ptr<const config::Config> config) override {
    base::MutexLock lock(mutex_);
    const uint64_t seed = OffsetSeed(*config);
    const bool reseeded = std::exchange(context_.offset_seed, seed) != seed;
    base::Status first_error;
    std::map<std::string, std::unique_ptr<ScrapePool>> next;
    for (const config::ScrapeConfig& scrape_config : config->scrape_configs) {
      const std::string& job = scrape_config.job_name;
      base::Status status;
      if (auto running = pools_.find(job); running != pools_.end()) {
        if (reseeded || !(running->second->config() == scrape_config)) {
          status = running->second->Reload(scrape_config);
        }
        next[job] = std::move(running->second);
        pools_.erase(running);
      } else if (auto pool = ScrapePool::Create(context_, scrape_config)) {
        next[job] = std::move(*pool);
      } else {
        status = pool.error();
      }
      if (!status) {
        LOG_ERROR("scrape pool not configured", kv("scrape_pool", job), kv("err", status.error()));
        if (first_error) {
          first_error = std::move(status);
        }
      }
    }
    if (base::Status status = OpenFailureLogs(*config, next); !status && first_error) {
      first_error = std::move(status);
    }
    for (auto& [job, pool] : pools_) {
      pool->Sync({});  // its series end with staleness markers
      probe_.ForgetPool(job);
    }
    pools_ = std::move(next);
    families_.Collect();
    return first_error;
  }

  // Opened anew with each configuration, so that a reload follows a file that was moved away.
  base::Status OpenFailureLogs(const config::Config& config,
                               const std::map<std::string, std::unique_ptr<ScrapePool>>& pools) {
    base::Status first_error;
    std::map<std::string, std::shared_ptr<FailureLog>> logs;
    for (const config::ScrapeConfig& scrape_config : config.scrape_configs) {
      const std::string& path = scrape_config.scrape_failure_log_file;
      const auto pool = pools.find(scrape_config.job_name);
      if (pool == pools.end()) {
        continue;
      }
      if (!path.empty() && !logs.contains(path)) {
        auto log = FailureLog::Open(base::PosixFileSystem(), context_.clock, path);
        if (!log && first_error) {
          first_error = log.error();
        }
        logs[path] = log ? std::move(*log) : nullptr;
      }
      pool->second->SetFailureLog(path.empty() ? nullptr : logs[path]);
    }
    return first_error;
  }

  void SetTargets(const discovery::TargetSets& sets) override {
    base::MutexLock lock(mutex_);
    for (const auto& [job, groups] : sets) {
      if (const auto pool = pools_.find(job); pool != pools_.end()) {
        pool->second->Sync(groups);
      }
    }
  }

  TargetsStatus Targets(bool with_dropped) const override {
    base::MutexLock lock(mutex_);
    TargetsStatus status;
    for (const auto& [job, pool] : pools_) {
      pool->AddStatus(with_dropped, &status);
    }
    return status;
  }

  std::vector<std::string> Pools() const override {
    base::MutexLock lock(mutex_);
    std::vector<std::string> names;
    names.reserve(pools_.size());
    for (const auto& [job, pool] : pools_) {
      names.push_back(job);
    }
    return names;
  }

  std::vector<FamilyMetadata> Metadata() const override {
    base::MutexLock lock(mutex_);
    std::vector<FamilyMetadata> metadata;
    for (const auto& [job, pool] : pools_) {
      pool->AddMetadata(&metadata);
    }
    return metadata;
  }

  std::vector<std::pair<std::string, model::Metadata>> Families() const override {
    base::StringMap<std::shared_ptr<const Family>> found;
    {
      base::MutexLock lock(mutex_);
      for (const auto& [job, pool] : pools_) pool->AddFamilies(&found);
    }
    std::vector<std::pair<std::string, model::Metadata>> families;
    for (const auto& [name, family] : found) families.emplace_back(name, family->metadata);
    std::ranges::sort(families, {}, [](const auto& f) -> const std::string& { return f.first; });
    return families;
  }

  void Stop() override {
    base::MutexLock lock(mutex_);
    for (auto& [job, pool] : pools_) {
      pool->Stop();
    }
    pools_.clear();
  }

 private:
  bool ThrottleLargest() {
    std::shared_ptr<ScrapeLoop> largest;
    base::MutexLock lock(mutex_);
    for (const auto& [job, pool] : pools_) {
      pool->EachLoop([&](const std::shared_ptr<ScrapeLoop>& loop) {
        if (!loop->throttled() && (largest == nullptr || loop->series() > largest->series())) {
          largest = loop;
        }
      });
    }
    if (largest == nullptr) return false;
    largest->Throttle(true);
    LOG_WARN("near the memory limit: a target may add no series",
             kv("target", largest->target().url), kv("series", largest->series()));
    return true;
  }

  void ThrottleNone() {
    base::MutexLock lock(mutex_);
    for (const auto& [job, pool] : pools_) {
      pool->EachLoop([](const std::shared_ptr<ScrapeLoop>& loop) { loop->Throttle(false); });
    }
  }

  Probe probe_;
  Shedding shedding_;
  FamilyCache families_;
  TaskGate end_of_runs_;
  LoopContext context_;
  mutable base::Mutex mutex_;
  std::map<std::string, std::unique_ptr<ScrapePool>> pools_ TB_GUARDED_BY(mutex_);
  base::TimerQueue timers_;
};

}  // namespace

std::unique_ptr<Manager> Manager::Create(ManagerOptions options, storage::Appendable& storage,
                                         const base::Clock& clock, base::ThreadPool& pool,
                                         base::MetricsRegistry& metrics) {
  return std::make_unique<ManagerImpl>(options, storage, clock, pool, metrics);
}

}  // namespace tributary::scrape
