#include "base/metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <variant>

#include "base/check.h"
#include "base/clock.h"
#include "base/strings.h"

namespace tributary::base {
namespace {

// Summaries look back over this many buckets of this length each, as client_golang does.
constexpr size_t kAgeBuckets = 5;
constexpr int64_t kAgeBucketNs = 120'000'000'000;
// A bucket keeps at most this many observations; beyond it a random sample of them stands.
constexpr size_t kBucketObservations = 512;

}  // namespace

Histogram::Histogram(std::vector<double> upper_bounds)
    : upper_bounds_(std::move(upper_bounds)),
      buckets_(std::make_unique<std::atomic<uint64_t>[]>(upper_bounds_.size() + 1)) {}

void Histogram::Observe(double value) {
  const auto bucket =
      std::lower_bound(upper_bounds_.begin(), upper_bounds_.end(), value) - upper_bounds_.begin();
  buckets_[static_cast<size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

struct Summary::State {
  struct Bucket {
    int64_t epoch = -1;
    uint64_t seen = 0;
    std::vector<float> kept;
  };
  Mutex mutex;
  std::vector<double> quantiles;
  std::array<Bucket, kAgeBuckets> buckets TB_GUARDED_BY(mutex);
  uint64_t random TB_GUARDED_BY(mutex) = 0x9e3779b97f4a7c15ull;
  double sum TB_GUARDED_BY(mutex) = 0;
  uint64_t count TB_GUARDED_BY(mutex) = 0;
};

Summary::Summary(std::vector<double> quantiles) : state_(std::make_shared<State>()) {
  state_->quantiles = std::move(quantiles);
}

void Summary::Observe(double value) {
  const int64_t epoch = SystemClock().MonotonicNs() / kAgeBucketNs;
  MutexLock lock(state_->mutex);
  State::Bucket& bucket = state_->buckets[static_cast<size_t>(epoch) % kAgeBuckets];
  if (bucket.epoch != epoch) {
    bucket = {epoch, 0, {}};
  }
  ++bucket.seen;
  if (bucket.kept.size() < kBucketObservations) {
    bucket.kept.push_back(static_cast<float>(value));
  } else {
    state_->random = state_->random * 6364136223846793005ull + 1442695040888963407ull;
    const uint64_t slot = (state_->random >> 33) % bucket.seen;  // reservoir sampling
    if (slot < bucket.kept.size()) {
      bucket.kept[slot] = static_cast<float>(value);
    }
  }
  state_->sum += value;
  ++state_->count;
}

namespace {

using Callback = std::shared_ptr<const std::function<double()>>;
using Child = std::variant<std::unique_ptr<Counter>, std::unique_ptr<Gauge>,
                           std::unique_ptr<Histogram>, std::unique_ptr<Summary>, Callback>;

struct Family {
  std::string help;
  std::string_view type;
  std::map<MetricLabels, Child> children;
};

void AppendEscaped(std::string* out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out->append("\\\\");
    } else if (c == '\n') {
      out->append("\\n");
    } else if (c == '"' && quotes) {
      out->append("\\\"");
    } else {
      out->push_back(c);
    }
  }
}

// name{labels,extra="…"} value
void AppendSample(std::string* out, std::string_view name, std::string_view suffix,
                  const MetricLabels& labels, std::string_view extra_name,
                  std::string_view extra_value, double value) {
  out->append(name).append(suffix);
  if (!labels.empty() || !extra_name.empty()) {
    char separator = '{';
    for (const auto& [label, label_value] : labels) {
      out->push_back(separator);
      out->append(label).append("=\"");
      AppendEscaped(out, label_value, true);
      out->push_back('"');
      separator = ',';
    }
    if (!extra_name.empty()) {
      out->push_back(separator);
      out->append(extra_name).append("=\"").append(extra_value).push_back('"');
    }
    out->push_back('}');
  }
  out->push_back(' ');
  out->append(FormatFloatG(value)).push_back('\n');
}

double Quantile(const std::vector<float>& sorted, double q) {
  if (sorted.empty()) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  const double rank = std::ceil(q * static_cast<double>(sorted.size()));
  const auto index = static_cast<size_t>(std::max(1.0, rank)) - 1;
  return sorted[std::min(index, sorted.size() - 1)];
}

}  // namespace

struct MetricsRegistry::Impl {
  mutable Mutex mutex;
  std::map<std::string, Family, std::less<>> families TB_GUARDED_BY(mutex);

  Family& FamilyOf(std::string_view name, std::string_view help, std::string_view type)
      TB_REQUIRES(mutex) {
    auto it = families.find(name);
    if (it == families.end()) {
      it = families.emplace(std::string(name), Family{std::string(help), type, {}}).first;
    }
    CHECK(it->second.type == type, "a metric name has one type");
    return it->second;
  }

  template <class T, class Make>
  T& ChildOf(std::string_view name, std::string_view help, std::string_view type,
             MetricLabels labels, Make make) {
    MutexLock lock(mutex);
    Family& family = FamilyOf(name, help, type);
    auto it = family.children.find(labels);
    if (it == family.children.end()) {
      it = family.children.emplace(std::move(labels), Child(make())).first;
    }
    auto* child = std::get_if<std::unique_ptr<T>>(&it->second);
    CHECK(child != nullptr, "a metric is either kept or computed");
    return **child;
  }

  static void AppendHistogram(std::string* out, const std::string& name, const MetricLabels& labels,
                              const Histogram& histogram) {
    uint64_t cumulative = 0;
    const size_t bounds = histogram.upper_bounds_.size();
    for (size_t i = 0; i <= bounds; ++i) {
      cumulative += histogram.buckets_[i].load(std::memory_order_relaxed);
      const std::string le =
          i < bounds ? FormatFloatG(histogram.upper_bounds_[i]) : std::string("+Inf");
      AppendSample(out, name, "_bucket", labels, "le", le, static_cast<double>(cumulative));
    }
    AppendSample(out, name, "_sum", labels, "", "", histogram.sum_.load());
    AppendSample(out, name, "_count", labels, "", "", static_cast<double>(cumulative));
  }

  static void AppendSummary(std::string* out, const std::string& name, const MetricLabels& labels,
                            const Summary& summary) {
    const int64_t epoch = SystemClock().MonotonicNs() / kAgeBucketNs;
    std::vector<float> sorted;
    Summary::State& state = *summary.state_;
    MutexLock lock(state.mutex);
    for (const Summary::State::Bucket& bucket : state.buckets) {
      if (bucket.epoch > epoch - static_cast<int64_t>(kAgeBuckets)) {
        sorted.insert(sorted.end(), bucket.kept.begin(), bucket.kept.end());
      }
    }
    std::sort(sorted.begin(), sorted.end());
    for (const double q : state.quantiles) {
      AppendSample(out, name, "", labels, "quantile", FormatFloatG(q), Quantile(sorted, q));
    }
    AppendSample(out, name, "_sum", labels, "", "", state.sum);
    AppendSample(out, name, "_count", labels, "", "", static_cast<double>(state.count));
  }
};

MetricsRegistry::MetricsRegistry() : impl_(std::make_unique<Impl>()) {}
MetricsRegistry::~MetricsRegistry() = default;

Counter& MetricsRegistry::GetCounter(std::string_view name, std::string_view help,
                                     MetricLabels labels) {
  return impl_->ChildOf<Counter>(name, help, "counter", std::move(labels),
                                 [] { return std::make_unique<Counter>(); });
}

Gauge& MetricsRegistry::GetGauge(std::string_view name, std::string_view help,
                                 MetricLabels labels) {
  return impl_->ChildOf<Gauge>(name, help, "gauge", std::move(labels),
                               [] { return std::make_unique<Gauge>(); });
}

Histogram& MetricsRegistry::GetHistogram(std::string_view name, std::string_view help,
                                         std::vector<double> upper_bounds, MetricLabels labels) {
  return impl_->ChildOf<Histogram>(name, help, "histogram", std::move(labels), [&] {
    return std::make_unique<Histogram>(std::move(upper_bounds));
  });
}

Summary& MetricsRegistry::GetSummary(std::string_view name, std::string_view help,
                                     std::vector<double> quantiles, MetricLabels labels) {
  return impl_->ChildOf<Summary>(name, help, "summary", std::move(labels),
                                 [&] { return std::make_unique<Summary>(std::move(quantiles)); });
}

std::unique_ptr<MetricsRegistry::CallbackHandle> MetricsRegistry::AddCallback(
    std::string_view name, std::string_view help, std::string_view type, MetricLabels labels,
    std::function<double()> read) {
  auto callback = std::make_shared<const std::function<double()>>(std::move(read));
  {
    MutexLock lock(impl_->mutex);
    impl_->FamilyOf(name, help, type).children[labels] = Child(callback);
  }
  std::unique_ptr<CallbackHandle> handle(new CallbackHandle());
  handle->unregister_ = [this, key = std::string(name), labels = std::move(labels)] {
    Remove(key, labels);
  };
  return handle;
}

std::unique_ptr<MetricsRegistry::CallbackHandle> MetricsRegistry::AddGaugeCallback(
    std::string_view name, std::string_view help, MetricLabels labels,
    std::function<double()> read) {
  return AddCallback(name, help, "gauge", std::move(labels), std::move(read));
}

std::unique_ptr<MetricsRegistry::CallbackHandle> MetricsRegistry::AddCounterCallback(
    std::string_view name, std::string_view help, MetricLabels labels,
    std::function<double()> read) {
  return AddCallback(name, help, "counter", std::move(labels), std::move(read));
}

MetricsRegistry::CallbackHandle::~CallbackHandle() { unregister_(); }

void MetricsRegistry::Remove(std::string_view name, const MetricLabels& labels) {
  MutexLock lock(impl_->mutex);
  if (const auto family = impl_->families.find(name); family != impl_->families.end()) {
    family->second.children.erase(labels);
  }
}

std::string MetricsRegistry::RenderText() const {
  std::string out;
  MutexLock lock(impl_->mutex);  // callbacks must not call us: a handle may die while we render
  for (const auto& [name, family] : impl_->families) {
    if (family.children.empty()) {
      continue;
    }
    out.append("# HELP ").append(name).push_back(' ');
    AppendEscaped(&out, family.help, false);
    out.append("\n# TYPE ").append(name).append(" ").append(family.type).push_back('\n');
    for (const auto& [labels, child] : family.children) {
      if (const auto* counter = std::get_if<std::unique_ptr<Counter>>(&child)) {
        AppendSample(&out, name, "", labels, "", "", (*counter)->value());
      } else if (const auto* gauge = std::get_if<std::unique_ptr<Gauge>>(&child)) {
        AppendSample(&out, name, "", labels, "", "", (*gauge)->value());
      } else if (const auto* histogram = std::get_if<std::unique_ptr<Histogram>>(&child)) {
        Impl::AppendHistogram(&out, name, labels, **histogram);
      } else if (const auto* summary = std::get_if<std::unique_ptr<Summary>>(&child)) {
        Impl::AppendSummary(&out, name, labels, **summary);
      } else if (const auto* callback = std::get_if<Callback>(&child)) {
        AppendSample(&out, name, "", labels, "", "", (**callback)());
      }
    }
  }
  return out;
}

}  // namespace tributary::base
