#include "scrape/shedding.h"

#include <chrono>
#include <malloc.h>
#include <utility>

#include "base/log.h"
#include "base/process_metrics.h"
#include "base/threads.h"

namespace tributary::scrape {
namespace {

constexpr std::chrono::milliseconds kLookEvery{100};
constexpr int kCalmLooks = 600;         // a minute
constexpr int kLooksBetweenDrops = 10;  // a second
constexpr char kShed[] = "tributary_memory_shed_total";
constexpr char kShedHelp[] = "What was given up to stay below --memory.limit.";

}  // namespace

Shedding::Shedding(uint64_t limit_bytes, base::MetricsRegistry& metrics)
    : metadata(metrics.GetCounter(kShed, kShedHelp, {{"what", "metadata"}})),
      caches(metrics.GetCounter(kShed, kShedHelp, {{"what", "caches"}})),
      samples(metrics.GetCounter(kShed, kShedHelp, {{"what", "samples_of_new_series"}})),
      limit_bytes_(limit_bytes) {}

Shedding::~Shedding() { Stop(); }

Shedding::Level Shedding::LevelAt(uint64_t resident_bytes, uint64_t limit_bytes) {
  if (limit_bytes == 0) return Level::kNothing;
  const uint64_t percent = resident_bytes * 100 / limit_bytes;
  if (percent >= 90) return Level::kSeries;
  if (percent >= 85) return Level::kCaches;
  return percent >= 80 ? Level::kMetadata : Level::kNothing;
}

void Shedding::Start(Steps steps) {
  if (limit_bytes_ == 0) return;
  steps_ = std::move(steps);
  thread_ = std::thread([this] {
    base::SetThreadName("memory");
    Run();
  });
}

void Shedding::Stop() {
  {
    base::MutexLock lock(mutex_);
    stop_ = true;
  }
  wake_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void Shedding::Run() {
  int calm_looks = 0;
  for (;;) {
    {
      base::MutexLock lock(mutex_);
      if (!stop_) wake_.WaitFor(mutex_, kLookEvery);
      if (stop_) return;
    }
    Look(base::ResidentBytes(), &calm_looks);
  }
}

void Shedding::Look(uint64_t resident_bytes, int* calm_looks) {
  const Level level = LevelAt(resident_bytes, limit_bytes_);
  if (level > level_.exchange(level)) {
    LOG_WARN("near the memory limit: giving up metadata, then caches, then new series",
             kv("resident_bytes", resident_bytes), kv("limit_bytes", limit_bytes_),
             kv("level", static_cast<int>(level)));
  }
  *calm_looks = level < Level::kCaches ? *calm_looks + 1 : 0;
  if (throttling_ && *calm_looks > kCalmLooks) {
    throttling_ = false;
    steps_.throttle_none();
    LOG_INFO("memory has been below its limit for a minute: targets may add series again");
  }
  if (level >= Level::kCaches && caches_in_ == 0) {
    caches_in_ = kLooksBetweenDrops;
    steps_.drop_caches();
    ::malloc_trim(0);
    caches.Add();
  }
  if (caches_in_ > 0) --caches_in_;
  if (level == Level::kSeries && steps_.throttle_largest()) throttling_ = true;
}

}  // namespace tributary::scrape
