#include "random_data.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "random.h"

namespace tributary::reference {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

using Pairs = std::vector<std::pair<std::string, std::string>>;

// When a series is scraped: on time or late by some milliseconds, with holes.
class Times {
 public:
  explicit Times(Random& random)
      : random_(random), late_by_(random.Pick({1, 1, 900, 4000})), miss_(random.Pick({15, 60})) {}

  // A time for scrape `n`, none when it is missed.
  std::optional<model::Timestamp> At(int64_t n) {
    if (hole_ > 0) {
      hole_--;
      return std::nullopt;
    }
    if (random_.OneIn(60)) hole_ = static_cast<int64_t>(random_.Below(35));
    if (random_.OneIn(miss_)) return std::nullopt;
    return kDataStart + n * kScrapeInterval + static_cast<int64_t>(random_.Below(late_by_));
  }

 private:
  Random& random_;
  const size_t late_by_;
  const size_t miss_;
  int64_t hole_ = 0;
};

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  void Floats();
  void Histograms();
  std::vector<DataSeries> Finish() {
    std::ranges::sort(out_, {}, &DataSeries::labels);
    return std::move(out_);
  }

 private:
  template <class Fn>
  void Add(const Pairs& pairs, Fn&& value) {
    DataSeries series{model::Labels::FromPairs(pairs), {}};
    Times times(random_);
    for (int64_t n = 0; n < kScrapes; n++) {
      const auto t = times.At(n);
      DataSample sample = value(n);
      if (!t) continue;
      sample.t = *t;
      series.samples.push_back(std::move(sample));
    }
    if (!series.samples.empty()) out_.push_back(std::move(series));
  }

  void Counter(const Pairs& pairs, double speed) {
    double v = std::floor(random_.Unit() * 50);
    Add(pairs, [this, v, speed](int64_t) mutable {
      v = random_.OneIn(70) ? std::floor(random_.Unit() * 3)
                            : v + std::floor(random_.Unit() * speed * 2);
      return DataSample{0, v, {}};
    });
  }

  void Gauge(const Pairs& pairs, double middle) {
    const bool goes_stale = random_.OneIn(3);
    Add(pairs, [this, middle, goes_stale](int64_t n) {
      if (goes_stale && random_.OneIn(25)) return DataSample{0, model::StaleNaN(), {}};
      const double v = middle + 5 * std::sin(static_cast<double>(n) / 11) + random_.Unit() - 0.5;
      return DataSample{0, std::round(v * 1000) / 1000, {}};
    });
  }

  model::Histogram Exponential(int32_t schema) {
    model::Histogram h;
    h.schema = schema;
    h.zero_threshold = 0.001;
    h.positive_spans = {{static_cast<int32_t>(random_.Below(3)) - 1, 2}, {1, 3}};
    h.positive_buckets.assign(5, 0);
    if (random_.OneIn(2)) {
      h.negative_spans = {{0, 2}};
      h.negative_buckets.assign(2, 0);
    }
    return h;
  }

  // Observes: adds to random buckets. The deltas are kept as absolute numbers in `counts`.
  void NativeSeries(const Pairs& pairs, model::Histogram h, bool gauge) {
    std::vector<int64_t> positive(h.positive_buckets.size()), negative(h.negative_buckets.size());
    if (gauge) h.reset_hint = model::CounterResetHint::kGauge;
    Add(pairs, [this, h, positive, negative, gauge](int64_t) mutable {
      const bool restart = gauge ? random_.OneIn(4) : random_.OneIn(60);
      if (restart) {
        std::ranges::fill(positive, 0);
        std::ranges::fill(negative, 0);
        h.zero_count = 0;
        h.sum = 0;
      }
      for (auto& n : positive) n += static_cast<int64_t>(random_.Below(4));
      for (auto& n : negative) n += static_cast<int64_t>(random_.Below(2));
      if (h.schema != model::kCustomBucketsSchema) h.zero_count += random_.Below(2);
      h.sum += std::round(random_.Unit() * 100) / 8;
      h.count = h.zero_count;
      Encode(positive, &h.positive_buckets, &h.count);
      Encode(negative, &h.negative_buckets, &h.count);
      return DataSample{0, 0, h};
    });
  }

  static void Encode(const std::vector<int64_t>& counts, std::vector<int64_t>* deltas,
                     uint64_t* total) {
    int64_t before = 0;
    for (size_t i = 0; i < counts.size(); i++) {
      (*deltas)[i] = counts[i] - before;
      before = counts[i];
      *total += static_cast<uint64_t>(counts[i]);
    }
  }

  Random random_;
  std::vector<DataSeries> out_;
};

void Generator::Floats() {
  for (int i = 0; i < 4; i++) {
    const std::string job = i < 2 ? "api" : i < 3 ? "web" : "db";
    const std::string instance = "host-" + std::to_string(i);
    const Pairs target = {{"job", job}, {"instance", instance}};
    const auto with = [&target](const char* name, Pairs more) {
      more.insert(more.end(), target.begin(), target.end());
      more.emplace_back("__name__", name);
      return more;
    };
    Add(with("up", {}), [this](int64_t) { return DataSample{0, random_.OneIn(9) ? 0. : 1., {}}; });
    for (const char* code : {"200", "404", "500"}) {
      Counter(with("requests_total", {{"code", code}}), code[0] == '2' ? 40 : 3);
    }
    for (const char* room : {"a", "b"}) Gauge(with("temperature", {{"room", room}}), 20 + i);
    Gauge(with("load", {}), i);
    // Few values, so that many are equal.
    Add(with("tied", {}),
        [this](int64_t) { return DataSample{0, static_cast<double>(random_.Below(3)), {}}; });
    Add(with("odd", {}), [this](int64_t n) {
      const double v = random_.Pick({std::numeric_limits<double>::quiet_NaN(), kInfinity,
                                     -kInfinity, -0.0, 1e300, -1e300, 3.5, 3.5, 3.5, 3.5});
      return DataSample{0, v == 3.5 ? static_cast<double>(n % 7) : v, {}};
    });
    if (i == 3) continue;
    double seen[4] = {0, 0, 0, 0};
    int column = 0;
    for (const char* le : {"0.1", "0.5", "2", "+Inf"}) {
      double& v = seen[column++];
      v = column > 1 ? seen[column - 2] : 0;
      Add(with("latency_bucket", {{"le", le}}), [this, v, column](int64_t) mutable {
        v += std::floor(random_.Unit() * 4 * column) + (column == 4 ? 12 : 0);
        return DataSample{0, v, {}};
      });
    }
  }
  for (const char* version : {"1", "2"}) {
    Add({{"__name__", "build_info"},
         {"job", version[0] == '1' ? "api" : "web"},
         {"version", version}},
        [](int64_t) { return DataSample{0, 1, {}}; });
  }
  for (int i = 0; i < 3; i++) {
    Add({{"__name__", "target_info"},
         {"job", i < 2 ? "api" : "web"},
         {"instance", "host-" + std::to_string(i)},
         {"zone", i == 1 ? "west" : "east"}},
        [](int64_t) { return DataSample{0, 1, {}}; });
  }
}

void Generator::Histograms() {
  for (int i = 0; i < 3; i++) {
    const Pairs target = {{"job", i < 2 ? "api" : "web"},
                          {"instance", "host-" + std::to_string(i)}};
    const auto with = [&target](const char* name) {
      Pairs pairs = target;
      pairs.emplace_back("__name__", name);
      return pairs;
    };
    NativeSeries(with("native_seconds"), Exponential(i), false);
    NativeSeries(with("native_gauge"), Exponential(1), true);
    model::Histogram custom;
    custom.schema = model::kCustomBucketsSchema;
    custom.custom_values = i < 2 ? std::vector<double>{0.1, 1, 5} : std::vector<double>{0.1, 2, 5};
    custom.positive_spans = {{0, 4}};
    custom.positive_buckets.assign(4, 0);
    NativeSeries(with("custom_seconds"), custom, false);
    // First floats, then histograms.
    Gauge(with("mixed"), 7);
    DataSeries floats = std::move(out_.back());
    out_.pop_back();
    NativeSeries(with("mixed"), Exponential(0), i == 0);
    auto& samples = out_.back().samples;
    const model::Timestamp turn = kDataStart + kDataLength / (i + 2);
    std::erase_if(floats.samples, [turn](const DataSample& s) { return s.t >= turn; });
    std::erase_if(samples, [turn](const DataSample& s) { return s.t < turn; });
    samples.insert(samples.begin(), floats.samples.begin(), floats.samples.end());
  }
}

}  // namespace

std::vector<DataSeries> RandomData(uint64_t seed, bool with_histograms) {
  Generator generator(seed);
  generator.Floats();
  if (with_histograms) generator.Histograms();
  return generator.Finish();
}

base::Status StoreData(const std::vector<DataSeries>& data, storage::Appendable& store) {
  for (const DataSeries& series : data) {
    std::vector<model::Label> span;
    series.labels.ToSpan(&span);
    for (size_t i = 0; i < series.samples.size();) {
      const auto appender = store.NewAppender();
      ASSIGN_OR_RETURN(const auto ref, appender->GetOrCreate(span, series.labels.Hash()));
      const bool histograms = series.samples[i].h.has_value();
      for (; i < series.samples.size() && series.samples[i].h.has_value() == histograms; i++) {
        const DataSample& s = series.samples[i];
        storage::AppendOutcome outcome{};
        if (s.h) {
          outcome = appender->AppendHistogram(ref, s.t, *s.h);
        } else {
          const storage::RefSample one{ref, s.t, s.v};
          appender->Append({&one, 1}, {&outcome, 1});
        }
        if (storage::IsRejected(outcome)) {
          return base::InvalidArgument(series.labels.ToString() + ": " +
                                       std::string(storage::AppendOutcomeText(outcome)));
        }
      }
      RETURN_IF_ERROR(appender->Commit());
    }
  }
  return base::OkStatus();
}

}  // namespace tributary::reference
