#include "scrape/scrape_pool.h"

#include <utility>

#include "base/log.h"

namespace tributary::scrape {

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

ScrapePool::BuiltGroup ScrapePool::Build(const config::TargetGroup& group,
                                         TargetBuilder* builder) const {
  BuiltGroup built;
  for (uint32_t i = 0; i < group.targets.size(); ++i) {
    const auto target = builder->Build(group.targets[i], group.labels);
    if (!target) {
      built.push_back({0, i});
      LOG_ERROR("target not used", kv("scrape_pool", config_->job_name),
                kv("target", builder->Discovered(group.targets[i], group.labels).ToString()),
                kv("err", target.error()));
    } else if (*target) {
      built.push_back({(*target)->id, i});
    }
  }
  built.shrink_to_fit();
  return built;
}

void ScrapePool::Sync(const std::vector<discovery::GroupPtr>& groups) {
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
  absl::flat_hash_map<discovery::GroupPtr, BuiltGroup> built;
  built.reserve(groups_.size());
  std::map<uint64_t, DiscoveredTarget> wanted;  // by id
  uint64_t failed = 0;
  TargetBuilder builder(*config_);
  for (const discovery::GroupPtr& group : groups_) {
    const auto [at, is_new] = built.try_emplace(group);
    if (is_new) {
      const auto before = built_.find(group);
      at->second =
          before == built_.end() || restart ? Build(*group, &builder) : std::move(before->second);
    }
    for (const BuiltTarget& target : at->second) {
      if (target.id == 0) {
        ++failed;
      } else {
        wanted.try_emplace(target.id, DiscoveredTarget{group, target.index});
      }
    }
  }
  built_ = std::move(built);
  if (failed > 0) {
    context_.probe.SyncFailed(config_->job_name, failed);
  }
  const uint64_t target_limit = config_->limits.target_limit;
  if (target_limit > 0 && wanted.size() > target_limit) {
    context_.probe.exceeded_target_limit.Add();
    LOG_ERROR("target_limit exceeded, no target of the job is scraped",
              kv("scrape_pool", config_->job_name), kv("targets", wanted.size()),
              kv("limit", target_limit));
    wanted.clear();
  }
  for (auto it = loops_.begin(); it != loops_.end();) {
    const bool stays = wanted.contains(it->first);
    if (stays && !restart) {
      ++it;
      continue;
    }
    it->second->Stop(/*end_of_run=*/!stays);
    it = loops_.erase(it);
  }
  for (auto& [id, from] : wanted) {
    if (const auto running = loops_.find(id); running != loops_.end()) {
      running->second->SetDiscovered(std::move(from));
      continue;
    }
    auto target = builder.Build(from.group->targets[from.index], from.group->labels);
    auto loop = std::make_shared<ScrapeLoop>(context_, config_, client_, std::move(**target),
                                             std::move(from));
    loops_.emplace(id, loop);
    loop->SetFailureLog(failure_log_);
    loop->Start();
  }
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

void ScrapePool::AddStatus(bool with_dropped, TargetsStatus* status) const {
  base::MutexLock lock(mutex_);
  TargetBuilder builder(*config_);
  for (const auto& [id, loop] : loops_) {
    status->active.push_back(loop->Status(&builder));
  }
  const uint64_t keep = config_->limits.keep_dropped_targets;
  uint64_t dropped = 0;
  for (const discovery::GroupPtr& group : groups_) {
    const auto built = built_.find(group);
    if (built == built_.end()) {
      continue;  // nothing was built: the pool has stopped
    }
    auto listed = built->second.begin();
    for (uint32_t i = 0; i < group->targets.size(); ++i) {
      if (listed != built->second.end() && listed->index == i) {
        ++listed;
        continue;
      }
      if (with_dropped && (keep == 0 || dropped < keep)) {
        status->dropped.push_back(
            {config_->job_name, builder.Discovered(group->targets[i], group->labels)});
      }
      ++dropped;
    }
  }
  status->dropped_counts.emplace_back(config_->job_name, dropped);
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
