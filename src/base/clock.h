// The one place for time. Everything that asks what time it is holds a Clock; tests hold a
// ManualClock. Timestamps are milliseconds since the Unix epoch, as everywhere in Prometheus.
#pragma once

#include <atomic>
#include <cstdint>

namespace tributary::base {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall clock, milliseconds since the Unix epoch.
  virtual int64_t NowMs() const = 0;
  // Never goes back; the origin is arbitrary.
  virtual int64_t MonotonicNs() const = 0;
};

// The machine's clocks. Lives for ever.
const Clock& SystemClock();

// Time that moves only when a test moves it.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(int64_t now_ms = 0) : now_ms_(now_ms) {}
  int64_t NowMs() const override { return now_ms_.load(); }
  int64_t MonotonicNs() const override { return now_ms_.load() * 1'000'000; }
  void Set(int64_t now_ms) { now_ms_.store(now_ms); }
  void Advance(int64_t ms) { now_ms_.fetch_add(ms); }

 private:
  std::atomic<int64_t> now_ms_;
};

}  // namespace tributary::base
