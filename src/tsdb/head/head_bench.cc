// What a series and a sample cost in the head. 100,000 series of 15 labels, Kubernetes-like: many
// labels shared by many series, one unique to each few.
//   BM_NewSeries     time per new series with its first sample, and memory
//   BM_KnownSeries   time per sample of 2000-sample commits over 40 ticks, and memory after them;
//                    argument 1 adds the log (in a RAM file system)
//   BM_Select        one metric of a thousand series out of all
#include <cstdio>
#include <memory>
#include <string>
#include <unistd.h>

#include <benchmark/benchmark.h>

#include "base/metrics.h"
#include "tsdb/head/head.h"

namespace tributary::tsdb {
namespace {

constexpr size_t kSeries = 100'000;
constexpr size_t kBatch = 2000;
constexpr int64_t kTick = 15'000;
constexpr int64_t kBegin = 1'700'000'000'000;

size_t ResidentBytes() {
  size_t total = 0;
  size_t resident = 0;
  if (std::FILE* f = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(f, "%zu %zu", &total, &resident) != 2) resident = 0;
    std::fclose(f);
  }
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// Text of the labels of all series, made before anything is measured.
struct Fleet {
  std::vector<model::Labels> labels;
  std::vector<std::vector<model::Label>> spans;
  Fleet() {
    for (size_t i = 0; i < kSeries; ++i) {
      const std::string pod = std::to_string(i / 100);
      const std::string container = std::to_string(i / 50);
      labels.push_back(model::Labels::Of({
          {"__name__", "container_metric_number_" + std::to_string(i % 100) + "_total"},
          {"cluster", "downstream-" + std::to_string(i % 3)},
          {"container", "container-" + container},
          {"endpoint", "https-metrics"},
          {"id", "/kubepods/burstable/pod" + pod + "/" + container},
          {"image", "registry.example.com/team/image:v" + std::to_string(i / 1000)},
          {"instance", "10.0." + std::to_string(i / 5000) + ".17:10250"},
          {"job", "kubelet"},
          {"metrics_path", "/metrics/cadvisor"},
          {"name", "container-name-" + container},
          {"namespace", "namespace-" + std::to_string(i / 2000)},
          {"node", "worker-" + std::to_string(i / 5000)},
          {"pod", "deployment-" + pod + "-7d9f8b6c5-x2x" + pod},
          {"prometheus", "cattle-monitoring-system/rancher-monitoring-prometheus"},
          {"service", "rancher-monitoring-kubelet"},
      }));
    }
    spans.resize(kSeries);
    for (size_t i = 0; i < kSeries; ++i) labels[i].ToSpan(&spans[i]);
  }
};

const Fleet& TheFleet() {
  static const Fleet fleet;
  return fleet;
}

double ValueOf(size_t series, int64_t tick) {
  switch (series % 4) {
    case 0:
      return 1;
    case 1:
      return static_cast<double>(tick * 17 + static_cast<int64_t>(series % 1000));
    case 2:
      return static_cast<double>((series * 31 + static_cast<size_t>(tick) * 7) % 1000) / 100;
    default:
      return static_cast<double>(tick) * 1.37e6 + static_cast<double>(series);
  }
}

void AppendTick(Head& head, std::span<const model::SeriesRef> refs, int64_t tick) {
  std::vector<storage::RefSample> samples;
  std::vector<storage::AppendOutcome> outcomes;
  for (size_t from = 0; from < refs.size(); from += kBatch) {
    samples.clear();
    for (size_t i = from; i < std::min(from + kBatch, refs.size()); ++i) {
      samples.push_back({refs[i], kBegin + tick * kTick, ValueOf(i, tick)});
    }
    outcomes.resize(samples.size());
    const auto appender = head.NewAppender();
    appender->Append(samples, outcomes);
    if (!appender->Commit()) std::abort();
  }
}

std::vector<model::SeriesRef> MakeAll(Head& head) {
  std::vector<model::SeriesRef> refs;
  for (size_t from = 0; from < kSeries; from += kBatch) {
    const auto appender = head.NewAppender();
    for (size_t i = from; i < from + kBatch; ++i) {
      const auto& span = TheFleet().spans[i];
      refs.push_back(*appender->GetOrCreate(span, model::HashLabels(span)));
    }
    if (!appender->Commit()) std::abort();
  }
  return refs;
}

void BM_NewSeries(benchmark::State& state) {
  TheFleet();
  for (auto _ : state) {
    base::MetricsRegistry registry;
    const size_t before = ResidentBytes();
    Head head({}, registry, nullptr);
    const auto refs = MakeAll(head);
    AppendTick(head, refs, 0);
    state.counters["rss_bytes/series"] =
        static_cast<double>(ResidentBytes() - before) / static_cast<double>(kSeries);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kSeries));
}
BENCHMARK(BM_NewSeries)->Unit(benchmark::kMillisecond)->Iterations(3);

void BM_KnownSeries(benchmark::State& state) {
  TheFleet();
  constexpr int64_t kTicks = 40;
  for (auto _ : state) {
    state.PauseTiming();
    base::MetricsRegistry registry;
    const size_t before = ResidentBytes();
    const auto fs = base::MakeMemoryFileSystem();
    std::unique_ptr<WalWriter> wal;
    if (state.range(0) == 1) {
      wal = std::move(*WalWriter::Open(*fs, {.dir = "wal"}, nullptr));
    }
    Head head({}, registry, nullptr);
    head.LogTo(wal.get());
    const auto refs = MakeAll(head);
    AppendTick(head, refs, 0);
    state.ResumeTiming();
    for (int64_t tick = 1; tick <= kTicks; ++tick) AppendTick(head, refs, tick);
    state.PauseTiming();
    state.counters["rss_bytes/series"] =
        static_cast<double>(ResidentBytes() - before) / static_cast<double>(kSeries);
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * kTicks * static_cast<int64_t>(kSeries));
}
BENCHMARK(BM_KnownSeries)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond)->Iterations(1);

void BM_Select(benchmark::State& state) {
  base::MetricsRegistry registry;
  Head head({}, registry, nullptr);
  AppendTick(head, MakeAll(head), 0);
  const std::vector<model::Matcher> matchers{
      model::Matcher::Equal("__name__", "container_metric_number_17_total"),
      model::Matcher::Equal("job", "kubelet"),
      *model::Matcher::Create(model::MatchType::kRegexp, "namespace", "namespace-.*")};
  size_t selected = 0;
  for (auto _ : state) {
    const auto querier = head.NewQuerier(kBegin, kBegin);
    selected += (*(*querier)->Select(matchers, {}))->size();
  }
  state.SetItemsProcessed(static_cast<int64_t>(selected));
}
BENCHMARK(BM_Select)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace tributary::tsdb
