#include "scrape/scrape_pool.h"

#include <utility>

#include "base/log.h"

namespace tributary::scrape {

struct ScrapePool::Built {
  std::map<uint64_t, Target> targets;  // by id
  std::vector<DroppedTarget> dropped;
  uint64_t dropped_count = 0;
  uint64_t failed = 0;
};

base::Result<std::unique_ptr<ScrapePool>> ScrapePool::Create(LoopContext& context,
                                                             const config::ScrapeConfig& config) {
  context.probe.pools.Add();
  auto client = net::HttpClient::Create(config.http);
  if (!client) {
    context.probe.pools_failed.Add();
    return client.error().Context("scrape pool " + config.job_name);
  }
  return std::unique_ptr<ScrapePool>(
      new ScrapePool(context, std::make_shared<const config::ScrapeConfig>(config),
                     std::shared_ptr<net::HttpClient>(std::move(*client))));
}

ScrapePool::ScrapePool(LoopContext& context, std::shared_ptr<const config::ScrapeConfig> config,
                       std::shared_ptr<net::HttpClient> client)
    : context_(context), config_(std::move(config)), client_(std::move(client)) {}

ScrapePool::~ScrapePool() { Stop(); }

ScrapePool::Built ScrapePool::BuildTargets(const std::vector<config::TargetGroup>& groups) {
  Built built;
  for (const config::TargetGroup& group : groups) {
    for (const model::Labels& labels : group.targets) {
      model::Labels discovered;
      auto target = BuildTarget(*config_, labels, group.labels, &discovered);
      if (!target) {
        ++built.failed;
        LOG_ERROR("target not used", kv("scrape_pool", config_->job_name),
                  kv("target", discovered.ToString()), kv("err", target.error()));
      } else if (!*target) {
        ++built.dropped_count;
        const uint64_t keep = config_->limits.keep_dropped_targets;
        if (keep == 0 || built.dropped.size() < keep) {
          built.dropped.push_back({config_->job_name, std::move(discovered)});
        }
      } else {
        const uint64_t id = (*target)->id;
        built.targets.try_emplace(id, std::move(**target));
      }
    }
  }
  return built;
}

void ScrapePool::Sync(const std::vector<config::TargetGroup>& groups) {
  const int64_t began = context_.clock.MonotonicNs();
  {
    base::MutexLock lock(mutex_);
    groups_ = groups;
    SyncLocked(/*restart=*/false);
  }
  context_.probe.SyncLength(config_->job_name,
                            static_cast<double>(context_.clock.MonotonicNs() - began) / 1e9);
}

void ScrapePool::SyncLocked(bool restart) {
  if (stopped_) {
    return;
  }
  Built built = BuildTargets(groups_);
  if (built.failed > 0) {
    context_.probe.SyncFailed(config_->job_name, built.failed);
  }
  const uint64_t target_limit = config_->limits.target_limit;
  if (target_limit > 0 && built.targets.size() > target_limit) {
    context_.probe.exceeded_target_limit.Add();
    LOG_ERROR("target_limit exceeded, no target of the job is scraped",
              kv("scrape_pool", config_->job_name), kv("targets", built.targets.size()),
              kv("limit", target_limit));
    built.targets.clear();
  }
  for (auto it = loops_.begin(); it != loops_.end();) {
    const bool stays = built.targets.contains(it->first);
    if (stays && !restart) {
      ++it;
      continue;
    }
    it->second->Stop(/*end_of_run=*/!stays);
    it = loops_.erase(it);
  }
  for (auto& [id, target] : built.targets) {
    if (const auto running = loops_.find(id); running != loops_.end()) {
      running->second->UpdateDiscovered(std::move(target.discovered));
      continue;
    }
    auto loop = std::make_shared<ScrapeLoop>(context_, config_, client_, std::move(target));
    loops_.emplace(id, loop);
    loop->SetFailureLog(failure_log_);
    loop->Start();
  }
  dropped_ = std::move(built.dropped);
  dropped_count_ = built.dropped_count;
  context_.probe.Targets(config_->job_name, loops_.size());
}

base::Status ScrapePool::Reload(const config::ScrapeConfig& config) {
  auto client = net::HttpClient::Create(config.http);
  if (!client) {
    return client.error().Context("scrape pool " + config.job_name);
  }
  base::MutexLock lock(mutex_);
  config_ = std::make_shared<const config::ScrapeConfig>(config);
  client_ = std::move(*client);
  SyncLocked(/*restart=*/true);
  return {};
}

void ScrapePool::SetFailureLog(std::shared_ptr<FailureLog> log) {
  base::MutexLock lock(mutex_);
  failure_log_ = std::move(log);
  for (const auto& [id, loop] : loops_) {
    loop->SetFailureLog(failure_log_);
  }
}

void ScrapePool::Stop() {
  base::MutexLock lock(mutex_);
  if (std::exchange(stopped_, true)) {
    return;
  }
  for (auto& [id, loop] : loops_) {
    loop->Stop(/*end_of_run=*/false);
  }
  loops_.clear();
}

void ScrapePool::AddStatus(TargetsStatus* status) const {
  base::MutexLock lock(mutex_);
  for (const auto& [id, loop] : loops_) {
    status->active.push_back(loop->Status());
  }
  status->dropped.insert(status->dropped.end(), dropped_.begin(), dropped_.end());
  status->dropped_counts.emplace_back(config_->job_name, dropped_count_);
}

void ScrapePool::EachLoop(
    const std::function<void(const std::shared_ptr<ScrapeLoop>&)>& visit) const {
  base::MutexLock lock(mutex_);
  for (const auto& [id, loop] : loops_) visit(loop);
}

void ScrapePool::AddFamilies(base::StringMap<std::shared_ptr<const Family>>* families) const {
  EachLoop([&](const std::shared_ptr<ScrapeLoop>& loop) {
    for (const std::shared_ptr<const Family>& family : loop->Families()) {
      families->try_emplace(family->name, family);
    }
  });
}

void ScrapePool::AddMetadata(std::vector<FamilyMetadata>* metadata) const {
  base::MutexLock lock(mutex_);
  size_t entries = 0;
  for (const auto& [id, loop] : loops_) {
    const FamilyList families = loop->Families();
    entries += families.size();
    for (const auto& family : families) {
      metadata->push_back({family->name, family->metadata, loop->target().labels});
    }
  }
  context_.probe.MetadataEntries(config_->job_name, entries);
}

}  // namespace tributary::scrape
