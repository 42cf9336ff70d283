// Shedding: what scraping gives up, in this order, when the process comes near the memory it may
// have
// (--memory.limit):
//
//   from 80 %  metadata: what targets say of their families is let go and not collected
//   from 85 %  caches: metadata nobody uses, and memory that the allocator holds back
//   from 90 %  series: the target with the most series may add none, then the next one too, until
//              it is enough; what it has goes on
//
// What was refused is taken again when memory has been below 85 % for a minute. Each is counted,
// and the first of its kind logged. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

#include "base/metrics.h"
#include "base/mutex.h"

namespace tributary::scrape {

class Shedding {
 public:
  enum class Level : unsigned char { kNothing, kMetadata, kCaches, kSeries };

  // 0: there is no limit.
  Shedding(uint64_t limit_bytes, base::MetricsRegistry& metrics);
  ~Shedding();  // Stop()

  struct Steps {
    std::function<void()> drop_caches;
    // Makes one more target add no series; false when there is no other.
    std::function<bool()> throttle_largest;
    std::function<void()> throttle_none;
  };
  // Looks at the memory ten times a second from now on. Nothing happens without a limit.
  void Start(Steps steps);
  void Stop();

  Level level() const { return level_.load(std::memory_order_relaxed); }
  // What a process of this size is to give up.
  static Level LevelAt(uint64_t resident_bytes, uint64_t limit_bytes);

  base::Counter& metadata;  // pages whose metadata was let go
  base::Counter& caches;    // times that caches were dropped
  base::Counter& samples;   // of series that were not added

 private:
  void Run();
  // One look; `calm_looks`: how many in a row were calm.
  void Look(uint64_t resident_bytes, int* calm_looks);

  const uint64_t limit_bytes_;
  std::atomic<Level> level_{Level::kNothing};
  Steps steps_;
  // Of the thread.
  bool throttling_ = false;
  int caches_in_ = 0;  // looks until caches may be dropped again
  base::Mutex mutex_;
  base::CondVar wake_;
  bool stop_ TB_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace tributary::scrape
