// The one registry of a process's own metrics, exposed on /metrics in the Prometheus text format.
// Modules hold typed handles (Counter, Gauge, Histogram, Summary) made once by their probe; hot
// code touches a handle, never a name. Handles live as long as the registry. Everything is
// thread-safe; hot paths should add once per batch, not once per sample.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace tributary::base {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

class Counter {
 public:
  void Add(double delta = 1) { value_.fetch_add(delta, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Gauge {
 public:
  void Set(double value) { value_.store(value, std::memory_order_relaxed); }
  void Add(double delta) { value_.fetch_add(delta, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// Classic histogram: cumulative buckets, sum and count.
class Histogram {
 public:
  explicit Histogram(std::vector<double> upper_bounds);
  void Observe(double value);

 private:
  friend class MetricsRegistry;
  const std::vector<double> upper_bounds_;
  std::unique_ptr<std::atomic<uint64_t>[]> buckets_;  // one more than bounds: +Inf
  std::atomic<double> sum_{0};
};

// Quantiles over the last ten minutes of observations (0.5, 0.9, 0.99 unless said), as
// Prometheus's own summaries expose; plus sum and count over all time.
class Summary {
 public:
  explicit Summary(std::vector<double> quantiles);
  void Observe(double value);

 private:
  friend class MetricsRegistry;
  struct State;
  std::shared_ptr<State> state_;
};

class MetricsRegistry {
 public:
  MetricsRegistry();
  ~MetricsRegistry();
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;

  // Finds or makes the child of family `name` with exactly `labels`. A name keeps one type and one
  // help text: asking for another type is a programmer's error (CHECK).
  Counter& GetCounter(std::string_view name, std::string_view help, MetricLabels labels = {});
  Gauge& GetGauge(std::string_view name, std::string_view help, MetricLabels labels = {});
  Histogram& GetHistogram(std::string_view name, std::string_view help,
                          std::vector<double> upper_bounds, MetricLabels labels = {});
  Summary& GetSummary(std::string_view name, std::string_view help,
                      std::vector<double> quantiles = {0.5, 0.9, 0.99}, MetricLabels labels = {});

  // A value computed when /metrics is read. `read` runs on the reader's thread and must not call
  // the registry; it is unregistered when the returned handle dies.
  class [[nodiscard]] CallbackHandle;
  std::unique_ptr<CallbackHandle> AddGaugeCallback(std::string_view name, std::string_view help,
                                                   MetricLabels labels,
                                                   std::function<double()> read);
  std::unique_ptr<CallbackHandle> AddCounterCallback(std::string_view name, std::string_view help,
                                                     MetricLabels labels,
                                                     std::function<double()> read);

  // Forgets a child (a removed scrape pool, a removed queue). The handle must not be used after.
  void Remove(std::string_view name, const MetricLabels& labels);

  // Text format 0.0.4, families sorted by name, children by labels.
  std::string RenderText() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class MetricsRegistry::CallbackHandle {
 public:
  ~CallbackHandle();

 private:
  friend class MetricsRegistry;
  CallbackHandle() = default;
  std::function<void()> unregister_;
};

}  // namespace tributary::base
