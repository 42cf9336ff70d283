// ScrapeLoop: scrapes one target again and again: a timer fires, the client fetches, and its thread
// writes the page. Never two scrapes of a target at once: a slow one makes the next be skipped.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/threads.h"
#include "net/http_client.h"
#include "scrape/failure_log.h"
#include "scrape/scrape.h"
#include "scrape/scrape_writer.h"
#include "scrape/target.h"
#include "scrape/task_gate.h"

namespace tributary::scrape {

// What all loops share. Outlives them.
struct LoopContext {
  ManagerOptions options;
  storage::Appendable& storage;
  const base::Clock& clock;
  base::ThreadPool& pool;
  base::TimerQueue& timers;
  Probe& probe;
  FamilyCache& families;
  Shedding& shedding;
  TaskGate& end_of_runs;
  uint64_t offset_seed = 0;
  std::atomic<double> scrapes_per_second{0};  // of the loops that run
};

// A target as discovery found it.
struct DiscoveredTarget {
  discovery::GroupPtr group;
  uint32_t index = 0;  // in group->targets
};

class ScrapeLoop : public std::enable_shared_from_this<ScrapeLoop> {
 public:
  // `config` and `client` are kept alive by the loop.
  ScrapeLoop(LoopContext& context, std::shared_ptr<const config::ScrapeConfig> config,
             std::shared_ptr<net::HttpClient> client, Target target, DiscoveredTarget from);

  // Schedules the first scrape at the target's offset in its interval.
  void Start();
  // REQUIRES: was started. No scrape begins after this; returns when the one under way, if any, has
  // been stored. With `end_of_run`, staleness markers follow two intervals later, unless someone
  // else has written the same series by then.
  void Stop(bool end_of_run);

  const Target& target() const { return target_; }
  // `builder` is of this loop's configuration.
  TargetStatus Status(TargetBuilder* builder) const;
  FamilyList Families() const;
  // Where failures to fetch are written; null: nowhere.
  void SetFailureLog(std::shared_ptr<FailureLog> log);
  // For shedding: series of the last page, and whether it may have more.
  size_t series() const { return writer_.series(); }
  bool throttled() const { return writer_.throttled(); }
  void Throttle(bool throttled) { writer_.Throttle(throttled); }
  // Another discovered target has become the same one.
  void SetDiscovered(DiscoveredTarget from);

 private:
  double PerSecond() const;
  void ScheduleNext();
  void Fire();
  void OnFetched(base::Result<net::ClientResponse> response, int64_t began_ns, model::Timestamp t);
  model::Timestamp AlignedTime(int64_t now_ms);
  void LogFailure(const base::Error& error);
  base::Status CheckResponse(const net::ClientResponse& response) const;

  LoopContext& context_;
  const std::shared_ptr<const config::ScrapeConfig> config_;
  const std::shared_ptr<net::HttpClient> client_;
  const Target target_;
  const std::shared_ptr<const net::PreparedRequest> request_;
  base::Summary& interval_length_;

  ScrapeWriter writer_;  // used by the one scrape under way

  // Touched by the timer thread only.
  int64_t aligned_ms_ = 0;   // the schedule on the wall clock
  int64_t next_due_ns_ = 0;  // the schedule on the monotonic clock
  int64_t last_began_ns_ = 0;

  mutable base::Mutex mutex_;
  base::CondVar idle_;
  bool stopping_ TB_GUARDED_BY(mutex_) = false;
  bool busy_ TB_GUARDED_BY(mutex_) = false;
  base::TimerQueue::Id timer_ TB_GUARDED_BY(mutex_) = 0;
  std::shared_ptr<FailureLog> failure_log_ TB_GUARDED_BY(mutex_);
  DiscoveredTarget from_ TB_GUARDED_BY(mutex_);
  std::string last_error_ TB_GUARDED_BY(mutex_);
  int64_t last_scrape_ms_ TB_GUARDED_BY(mutex_) = 0;
  double last_seconds_ TB_GUARDED_BY(mutex_) = 0;
  Health health_ TB_GUARDED_BY(mutex_) = Health::kUnknown;
  FamilyList families_ TB_GUARDED_BY(mutex_);
};

}  // namespace tributary::scrape
