// Notifications: the short texts the UI shows on top of every page ("Configuration reload has
// failed."), and who waits for them. Source: Prometheus util/notifications.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"

namespace tributary::web {

inline constexpr std::string_view kReloadFailedNotice = "Configuration reload has failed.";
inline constexpr std::string_view kStartingNotice =
    "Prometheus is starting and replaying the write-ahead log (WAL).";
inline constexpr std::string_view kStoppingNotice =
    "Prometheus is shutting down and gracefully stopping all operations.";

struct Notification {
  std::string text;
  int64_t date_ms = 0;
  bool active = true;  // false, to subscribers only: it is over
};

// Thread-safe.
class Notifications {
 public:
  Notifications(size_t max_subscribers, const base::Clock& clock, base::MetricsRegistry& metrics);

  // A text that is there already gets a new date.
  void Add(std::string_view text);
  void Delete(std::string_view text);
  std::vector<Notification> List() const;

  // Hears of what is there and of what changes. Must not outlive the notifications.
  class Subscription {
   public:
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;
    // Waits at most so long; nothing when nothing came.
    std::optional<Notification> Next(int64_t wait_ms);

   private:
    friend class Notifications;
    explicit Subscription(Notifications& owner) : owner_(owner) {}
    Notifications& owner_;
    std::deque<Notification> queue_;  // guarded by owner_.mutex_
  };
  // Null when there are too many already.
  std::unique_ptr<Subscription> Subscribe();

 private:
  void Tell(const Notification& notification) TB_REQUIRES(mutex_);

  const size_t max_subscribers_;
  const base::Clock& clock_;
  base::Gauge& subscribers_metric_;
  base::Counter& sent_;
  base::Counter& dropped_;
  mutable base::Mutex mutex_;
  base::CondVar changed_;
  std::vector<Notification> current_ TB_GUARDED_BY(mutex_);
  std::set<Subscription*> subscribers_ TB_GUARDED_BY(mutex_);
};

}  // namespace tributary::web
