#include "base/metrics.h"

#include <algorithm>
#include <map>
#include <variant>

#include "base/check.h"
#include "base/clock.h"
#include "base/sliding_quantiles.h"
#include "base/strings.h"

namespace tributary::base {
namespace {

enum class Type : unsigned char { kCounter, kGauge, kHistogram, kSummary };

std::string_view TypeName(Type type) {
  switch (type) {
    case Type::kCounter:
      return "counter";
    case Type::kGauge:
      return "gauge";
    case Type::kHistogram:
      return "histogram";
    case Type::kSummary:
      return "summary";
  }
  return "untyped";
}

void AppendEscaped(std::string* out, std::string_view text, bool quotes_too) {
  for (const char c : text) {
    if (c == '\\') {
      out->append("\\\\");
    } else if (c == '\n') {
      out->append("\\n");
    } else if (c == '"' && quotes_too) {
      out->append("\\\"");
    } else {
      out->push_back(c);
    }
  }
}

// `a="x",b="y"`, sorted by label name: both the child's key and its text.
std::string RenderLabels(MetricLabels labels) {
  std::sort(labels.begin(), labels.end());
  std::string out;
  for (const auto& [name, value] : labels) {
    if (!out.empty()) out.push_back(',');
    out.append(name).append("=\"");
    AppendEscaped(&out, value, true);
    out.push_back('"');
  }
  return out;
}

// One line: name{labels,extra} value.
void AppendSample(std::string* out, std::string_view name, std::string_view suffix,
                  std::string_view labels, std::string_view extra, std::string_view value) {
  out->append(name).append(suffix);
  if (!labels.empty() || !extra.empty()) {
    out->push_back('{');
    out->append(labels);
    if (!labels.empty() && !extra.empty()) out->push_back(',');
    out->append(extra).push_back('}');
  }
  out->push_back(' ');
  out->append(value).push_back('\n');
}

std::string Pair(std::string_view name, double value) {
  return std::string(name) + "=\"" + FormatFloatG(value) + '"';
}

// A callback and its lock: a handle that dies waits for a read that is running, and for no other.
struct CallbackSlot {
  Mutex mutex;  // held while `read` runs; no lock of the registry is
  std::function<double()> read TB_GUARDED_BY(mutex);
};

using Child =
    std::variant<std::unique_ptr<Counter>, std::unique_ptr<Gauge>, std::unique_ptr<Histogram>,
                 std::unique_ptr<Summary>, std::shared_ptr<CallbackSlot>>;

struct Family {
  Type type = Type::kCounter;
  std::string help;
  std::map<std::string, Child> children;  // by rendered labels
};

struct Families {
  Mutex mutex;
  std::map<std::string, Family, std::less<>> by_name TB_GUARDED_BY(mutex);

  Family& Find(std::string_view name, std::string_view help, Type type) TB_REQUIRES(mutex) {
    auto found = by_name.find(name);
    if (found == by_name.end()) {
      found = by_name.emplace(std::string(name), Family{type, std::string(help), {}}).first;
    }
    CHECK(found->second.type == type, "a metric was asked for with two types");
    return found->second;
  }

  template <class T, class... Args>
  T& FindChild(std::string_view name, std::string_view help, Type type, MetricLabels labels,
               Args... args) TB_EXCLUDES(mutex) {
    MutexLock lock(mutex);
    Family& family = Find(name, help, type);
    std::string key = RenderLabels(std::move(labels));
    auto found = family.children.find(key);
    if (found == family.children.end()) {
      found =
          family.children.emplace(std::move(key), std::make_unique<T>(std::forward<Args>(args)...))
              .first;
    }
    auto* child = std::get_if<std::unique_ptr<T>>(&found->second);
    CHECK(child != nullptr, "a metric is both a value and a callback");
    return **child;
  }
};

}  // namespace

// --- Histogram ---

Histogram::Histogram(std::vector<double> upper_bounds)
    : upper_bounds_(std::move(upper_bounds)),
      buckets_(std::make_unique<std::atomic<uint64_t>[]>(upper_bounds_.size() + 1)) {
  CHECK(std::is_sorted(upper_bounds_.begin(), upper_bounds_.end()), "histogram bounds must rise");
}

void Histogram::Observe(double value) {
  // NaN is below no bound and lands in +Inf.
  const auto bucket = std::find_if(upper_bounds_.begin(), upper_bounds_.end(),
                                   [value](double bound) { return value <= bound; });
  buckets_[static_cast<size_t>(bucket - upper_bounds_.begin())].fetch_add(
      1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

// --- Summary ---

struct Summary::State {
  explicit State(std::vector<double> q) : quantiles(std::move(q)) {}
  const std::vector<double> quantiles;
  Mutex mutex;
  SlidingQuantiles window TB_GUARDED_BY(mutex);
  double sum TB_GUARDED_BY(mutex) = 0;
  uint64_t count TB_GUARDED_BY(mutex) = 0;
};

Summary::Summary(std::vector<double> quantiles)
    : state_(std::make_shared<State>(std::move(quantiles))) {}

void Summary::Observe(double value) {
  const int64_t now_ns = SystemClock().MonotonicNs();
  MutexLock lock(state_->mutex);
  state_->window.Observe(value, now_ns);
  state_->sum += value;
  ++state_->count;
}

// --- MetricsRegistry ---

// Shared with the callback handles, which may outlive the registry.
struct MetricsRegistry::Impl {
  std::shared_ptr<Families> families = std::make_shared<Families>();

  static void RenderHistogram(std::string* out, std::string_view name, std::string_view labels,
                              const Histogram& histogram) {
    // The count is the sum of the buckets as read here, so that the two agree at any moment.
    uint64_t count = 0;
    for (size_t i = 0; i <= histogram.upper_bounds_.size(); ++i) {
      count += histogram.buckets_[i].load(std::memory_order_relaxed);
      const std::string bound = i < histogram.upper_bounds_.size()
                                    ? Pair("le", histogram.upper_bounds_[i])
                                    : "le=\"+Inf\"";
      AppendSample(out, name, "_bucket", labels, bound, std::to_string(count));
    }
    const double sum = histogram.sum_.load(std::memory_order_relaxed);
    AppendSample(out, name, "_sum", labels, "", FormatFloatG(sum));
    AppendSample(out, name, "_count", labels, "", std::to_string(count));
  }

  static void RenderSummary(std::string* out, std::string_view name, std::string_view labels,
                            const Summary& summary) {
    Summary::State& state = *summary.state_;
    MutexLock lock(state.mutex);
    const std::vector<double> values =
        state.window.Read(state.quantiles, SystemClock().MonotonicNs());
    for (size_t i = 0; i < values.size(); ++i) {
      AppendSample(out, name, "", labels, Pair("quantile", state.quantiles[i]),
                   FormatFloatG(values[i]));
    }
    AppendSample(out, name, "_sum", labels, "", FormatFloatG(state.sum));
    AppendSample(out, name, "_count", labels, "", std::to_string(state.count));
  }

  // Text, or the callback whose value becomes the line.
  struct Piece {
    std::string text;
    std::shared_ptr<CallbackSlot> callback;
    std::string name;
    std::string labels;
  };

  static Piece RenderChild(const std::string& name, const std::string& labels, const Child& child) {
    Piece piece;
    if (const auto* counter = std::get_if<std::unique_ptr<Counter>>(&child)) {
      AppendSample(&piece.text, name, "", labels, "", FormatFloatG((*counter)->value()));
    } else if (const auto* gauge = std::get_if<std::unique_ptr<Gauge>>(&child)) {
      AppendSample(&piece.text, name, "", labels, "", FormatFloatG((*gauge)->value()));
    } else if (const auto* histogram = std::get_if<std::unique_ptr<Histogram>>(&child)) {
      RenderHistogram(&piece.text, name, labels, **histogram);
    } else if (const auto* summary = std::get_if<std::unique_ptr<Summary>>(&child)) {
      RenderSummary(&piece.text, name, labels, **summary);
    } else if (const auto* callback = std::get_if<std::shared_ptr<CallbackSlot>>(&child)) {
      piece.callback = *callback;
      piece.name = name;
      piece.labels = labels;
    }
    return piece;
  }

  std::vector<Piece> Collect() const {
    std::vector<Piece> pieces;
    MutexLock lock(families->mutex);
    for (const auto& [name, family] : families->by_name) {
      if (family.children.empty()) continue;
      Piece head;
      head.text.append("# HELP ").append(name).push_back(' ');
      AppendEscaped(&head.text, family.help, false);
      head.text.append("\n# TYPE ").append(name).push_back(' ');
      head.text.append(TypeName(family.type)).push_back('\n');
      pieces.push_back(std::move(head));
      for (const auto& [labels, child] : family.children) {
        pieces.push_back(RenderChild(name, labels, child));
      }
    }
    return pieces;
  }

  // What a dying handle runs.
  std::function<void()> AddCallback(std::string_view name, std::string_view help, Type type,
                                    MetricLabels labels, std::function<double()> read) {
    auto slot = std::make_shared<CallbackSlot>();
    {
      MutexLock lock(slot->mutex);
      slot->read = std::move(read);
    }
    std::string key = RenderLabels(std::move(labels));
    {
      MutexLock lock(families->mutex);
      Child& child = families->Find(name, help, type)
                         .children.try_emplace(key, std::shared_ptr<CallbackSlot>())
                         .first->second;
      CHECK(std::holds_alternative<std::shared_ptr<CallbackSlot>>(child),
            "a metric is both a value and a callback");
      // The newest of two callbacks for one series wins; the older handle then removes nothing.
      child = slot;
    }
    return [weak = std::weak_ptr<Families>(families), slot, name = std::string(name),
            key = std::move(key)] {
      if (const auto alive = weak.lock()) {
        MutexLock lock(alive->mutex);
        const auto family = alive->by_name.find(name);
        if (family != alive->by_name.end()) {
          const auto child = family->second.children.find(key);
          if (child != family->second.children.end()) {
            const auto* held = std::get_if<std::shared_ptr<CallbackSlot>>(&child->second);
            if (held != nullptr && *held == slot) family->second.children.erase(child);
          }
        }
      }
      MutexLock lock(slot->mutex);
      slot->read = nullptr;
    };
  }
};

MetricsRegistry::MetricsRegistry() : impl_(std::make_unique<Impl>()) {}
MetricsRegistry::~MetricsRegistry() = default;

Counter& MetricsRegistry::GetCounter(std::string_view name, std::string_view help,
                                     MetricLabels labels) {
  return impl_->families->FindChild<Counter>(name, help, Type::kCounter, std::move(labels));
}

Gauge& MetricsRegistry::GetGauge(std::string_view name, std::string_view help,
                                 MetricLabels labels) {
  return impl_->families->FindChild<Gauge>(name, help, Type::kGauge, std::move(labels));
}

Histogram& MetricsRegistry::GetHistogram(std::string_view name, std::string_view help,
                                         std::vector<double> upper_bounds, MetricLabels labels) {
  return impl_->families->FindChild<Histogram>(name, help, Type::kHistogram, std::move(labels),
                                               std::move(upper_bounds));
}

Summary& MetricsRegistry::GetSummary(std::string_view name, std::string_view help,
                                     std::vector<double> quantiles, MetricLabels labels) {
  return impl_->families->FindChild<Summary>(name, help, Type::kSummary, std::move(labels),
                                             std::move(quantiles));
}

std::unique_ptr<MetricsRegistry::CallbackHandle> MetricsRegistry::AddGaugeCallback(
    std::string_view name, std::string_view help, MetricLabels labels,
    std::function<double()> read) {
  std::unique_ptr<CallbackHandle> handle(new CallbackHandle());
  handle->unregister_ =
      impl_->AddCallback(name, help, Type::kGauge, std::move(labels), std::move(read));
  return handle;
}

std::unique_ptr<MetricsRegistry::CallbackHandle> MetricsRegistry::AddCounterCallback(
    std::string_view name, std::string_view help, MetricLabels labels,
    std::function<double()> read) {
  std::unique_ptr<CallbackHandle> handle(new CallbackHandle());
  handle->unregister_ =
      impl_->AddCallback(name, help, Type::kCounter, std::move(labels), std::move(read));
  return handle;
}

MetricsRegistry::CallbackHandle::~CallbackHandle() {
  if (unregister_) unregister_();
}

void MetricsRegistry::Remove(std::string_view name, const MetricLabels& labels) {
  const std::string key = RenderLabels(labels);
  MutexLock lock(impl_->families->mutex);
  const auto family = impl_->families->by_name.find(name);
  if (family != impl_->families->by_name.end()) family->second.children.erase(key);
}

std::string MetricsRegistry::RenderText() const {
  std::string out;
  for (const Impl::Piece& piece : impl_->Collect()) {
    out.append(piece.text);
    if (!piece.callback) continue;
    MutexLock lock(piece.callback->mutex);
    if (!piece.callback->read) continue;  // unregistered since it was collected
    AppendSample(&out, piece.name, "", piece.labels, "", FormatFloatG(piece.callback->read()));
  }
  return out;
}

}  // namespace tributary::base
