#include "web/notifications.h"

#include <algorithm>
#include <chrono>

namespace tributary::web {
namespace {

constexpr size_t kQueued = 10;  // for a subscriber that does not read

}  // namespace

Notifications::Notifications(size_t max_subscribers, const base::Clock& clock,
                             base::MetricsRegistry& metrics)
    : max_subscribers_(max_subscribers),
      clock_(clock),
      subscribers_metric_(
          metrics.GetGauge("prometheus_api_notification_active_subscribers",
                           "The current number of active notification subscribers.")),
      sent_(metrics.GetCounter("prometheus_api_notification_updates_sent_total",
                               "Total number of notification updates sent.")),
      dropped_(metrics.GetCounter("prometheus_api_notification_updates_dropped_total",
                                  "Total number of notification updates dropped.")) {}

void Notifications::Add(std::string_view text) {
  base::MutexLock lock(mutex_);
  auto found = std::ranges::find(current_, text, &Notification::text);
  if (found == current_.end()) {
    found = current_.insert(current_.end(), Notification{std::string(text), 0, true});
  }
  found->date_ms = clock_.NowMs();
  Tell(*found);
}

void Notifications::Delete(std::string_view text) {
  base::MutexLock lock(mutex_);
  const auto found = std::ranges::find(current_, text, &Notification::text);
  if (found == current_.end()) return;
  Notification over = *found;
  over.active = false;
  current_.erase(found);
  Tell(over);
}

std::vector<Notification> Notifications::List() const {
  base::MutexLock lock(mutex_);
  return current_;
}

void Notifications::Tell(const Notification& notification) {
  for (Subscription* subscriber : subscribers_) {
    sent_.Add();
    if (subscriber->queue_.size() < kQueued) {
      subscriber->queue_.push_back(notification);
    } else {
      dropped_.Add();
    }
  }
  changed_.NotifyAll();
}

std::unique_ptr<Notifications::Subscription> Notifications::Subscribe() {
  base::MutexLock lock(mutex_);
  if (subscribers_.size() >= max_subscribers_) return nullptr;
  std::unique_ptr<Subscription> made(new Subscription(*this));
  made->queue_.assign(current_.begin(), current_.end());
  subscribers_.insert(made.get());
  subscribers_metric_.Set(static_cast<double>(subscribers_.size()));
  return made;
}

Notifications::Subscription::~Subscription() {
  base::MutexLock lock(owner_.mutex_);
  owner_.subscribers_.erase(this);
  owner_.subscribers_metric_.Set(static_cast<double>(owner_.subscribers_.size()));
}

std::optional<Notification> Notifications::Subscription::Next(int64_t wait_ms) {
  base::MutexLock lock(owner_.mutex_);
  if (queue_.empty()) owner_.changed_.WaitFor(owner_.mutex_, std::chrono::milliseconds(wait_ms));
  if (queue_.empty()) return std::nullopt;
  Notification next = std::move(queue_.front());
  queue_.pop_front();
  return next;
}

}  // namespace tributary::web
