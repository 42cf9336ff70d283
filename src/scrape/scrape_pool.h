// ScrapePool: the targets of one job. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/mutex.h"
#include "base/result.h"
#include "net/http_client.h"
#include "scrape/scrape_loop.h"

namespace tributary::scrape {

class ScrapePool {
 public:
  static base::Result<std::unique_ptr<ScrapePool>> Create(LoopContext& context,
                                                          const config::ScrapeConfig& config);
  ~ScrapePool();

  // Makes the running loops those of `groups`: known targets go on untouched, new ones start,
  // vanished ones end with staleness markers.
  // Groups of the last time, the same objects, are not looked at again.
  void Sync(const std::vector<discovery::GroupPtr>& groups);
  // Takes a changed configuration: loops restart with the groups of the last Sync.
  base::Status Reload(const config::ScrapeConfig& config);
  // Where failures to fetch are written from now on; null: nowhere.
  void SetFailureLog(std::shared_ptr<FailureLog> log);
  void Stop();

  const config::ScrapeConfig& config() const { return *config_; }
  void AddStatus(bool with_dropped, TargetsStatus* status) const;
  void AddMetadata(std::vector<FamilyMetadata>* metadata) const;
  // Adds families that are not there yet.
  void AddFamilies(base::StringMap<std::shared_ptr<const Family>>* families) const;
  void EachLoop(const std::function<void(const std::shared_ptr<ScrapeLoop>&)>& visit) const;

 private:
  ScrapePool(LoopContext& context, std::shared_ptr<const config::ScrapeConfig> config,
             std::shared_ptr<net::HttpClient> client);
  // What relabelling made of a group, by index: who is not listed was dropped, as most are where
  // thirty jobs look at the same pods.
  struct BuiltTarget {
    uint64_t id = 0;  // 0: it failed
    uint32_t index = 0;
  };
  using BuiltGroup = std::vector<BuiltTarget>;
  BuiltGroup Build(const config::TargetGroup& group, TargetBuilder* builder) const;
  void SyncLocked(bool restart) TB_REQUIRES(mutex_);

  LoopContext& context_;
  std::shared_ptr<const config::ScrapeConfig> config_;
  std::shared_ptr<net::HttpClient> client_;

  mutable base::Mutex mutex_;
  std::vector<discovery::GroupPtr> groups_ TB_GUARDED_BY(mutex_);
  absl::flat_hash_map<discovery::GroupPtr, BuiltGroup> built_ TB_GUARDED_BY(mutex_);
  std::map<uint64_t, std::shared_ptr<ScrapeLoop>> loops_ TB_GUARDED_BY(mutex_);  // by target id
  std::shared_ptr<FailureLog> failure_log_ TB_GUARDED_BY(mutex_);
  bool stopped_ TB_GUARDED_BY(mutex_) = false;
};

}  // namespace tributary::scrape
