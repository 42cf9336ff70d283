// Whole queries over a memory store. Menu:
//   SumRate     40k series x 240 ticks of 15 s, sum by (cluster) (rate(x[5m])), 200 steps
//   SumInstant  the same at one time
//   AvgOverTime avg_over_time(x[1h]), which touches every sample of a window
#include <memory>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/metrics.h"
#include "base/threads.h"
#include "promql/engine.h"
#include "storage/memory_store.h"

namespace tributary::promql {
namespace {

constexpr int kSeries = 40'000;
constexpr int kTicks = 240;
constexpr int64_t kTickMs = 15'000;

storage::MemoryStore& Store() {
  static storage::MemoryStore& store = *[] {
    auto* made = new storage::MemoryStore();  // as long as the program
    std::mt19937 random(1);
    for (int i = 0; i < kSeries; i++) {
      std::vector<model::Sample> samples;
      double v = 0;
      for (int tick = 0; tick < kTicks; tick++) {
        v += static_cast<double>(random() % 100);
        samples.push_back({tick * kTickMs + static_cast<int64_t>(random() % 10), v});
      }
      const auto labels =
          model::Labels::Of({{"__name__", "x_total"},
                             {"cluster", fmt::format("c{}", i % 20)},
                             {"instance", fmt::format("10.0.{}.{}", i / 250, i % 250)},
                             {"job", "node"},
                             {"namespace", fmt::format("ns{}", i % 300)},
                             {"pod", fmt::format("pod-{}", i)}});
      if (!made->Add(labels, samples)) std::abort();
    }
    return made;
  }();
  return store;
}

void Run(benchmark::State& state, std::string_view query, int steps) {
  base::ThreadPool pool("bench", static_cast<size_t>(state.range(0)));
  base::MetricsRegistry metrics;
  const auto engine = Engine::Create({}, pool, metrics);
  constexpr int64_t kEnd = kTicks * kTickMs;
  for (auto _ : state) {
    auto result =
        steps == 1 ? engine->Instant(Store(), query, kEnd, {})
                   : engine->Range(Store(), query, kEnd - (steps - 1) * kTickMs, kEnd, kTickMs, {});
    if (!result) state.SkipWithError(result.error().message().c_str());
    benchmark::DoNotOptimize(result);
  }
  state.counters["ms_per_10k_series"] = benchmark::Counter(
      kSeries / 1e7, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void BM_SumRate(benchmark::State& state) {
  Run(state, "sum by (cluster) (rate(x_total[5m]))", 200);
}
BENCHMARK(BM_SumRate)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_SumInstant(benchmark::State& state) {
  Run(state, "sum by (cluster) (rate(x_total[5m]))", 1);
}
BENCHMARK(BM_SumInstant)->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_AvgOverTime(benchmark::State& state) {
  Run(state, "sum(avg_over_time(x_total[30m]))", 100);
}
BENCHMARK(BM_AvgOverTime)->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace tributary::promql
