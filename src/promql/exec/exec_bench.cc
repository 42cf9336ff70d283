// Whole queries over chunks in memory. Menu:
//   SumRate     40k series x 240 ticks of 15 s, sum by (cluster) (rate(x[5m])), 200 steps
//   SumInstant  the same at one time
//   AvgOverTime avg_over_time(x[1h]), which touches every sample of a window
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/metrics.h"
#include "base/threads.h"
#include "chunk/xor_chunk.h"
#include "promql/engine.h"
#include "storage/querier.h"

namespace tributary::promql {
namespace {

constexpr int kSeries = 40'000;
constexpr int kTicks = 240;
constexpr int64_t kTickMs = 15'000;

// Series i has labels made from i and two chunks; selecting costs nothing, so that only the engine
// is measured.
class BenchStore final : public storage::Queryable {
 public:
  BenchStore() : chunks_(kSeries) {
    std::mt19937 random(1);
    for (auto& chunks : chunks_) {
      double v = 0;
      for (int first = 0; first < kTicks; first += kTicks / 2) {
        chunk::XorState state;
        std::vector<uint8_t> bytes(kTicks * chunk::kMaxXorSampleBytes);
        chunk::XorBegin(&state, bytes);
        for (int tick = first; tick < first + kTicks / 2; tick++) {
          v += static_cast<double>(random() % 100);
          const auto t = tick * kTickMs + static_cast<int64_t>(random() % 10);
          chunk::XorAppend(&state, bytes, t, v);
        }
        bytes.resize(chunk::XorBytes(state));
        chunks.push_back({first * kTickMs, state.t, std::move(bytes)});
      }
    }
  }

  base::Result<std::unique_ptr<storage::Querier>> NewQuerier(model::Timestamp,
                                                             model::Timestamp) override {
    return std::unique_ptr<storage::Querier>(std::make_unique<BenchQuerier>(*this));
  }

 private:
  struct Chunk {
    model::Timestamp min_time, max_time;
    std::vector<uint8_t> bytes;
  };

  class Selection final : public storage::SeriesSelection {
   public:
    explicit Selection(const BenchStore& store) : store_(store) {}
    size_t size() const override { return kSeries; }
    bool sorted() const override { return false; }
    model::Labels LabelsOf(size_t i) const override {
      return model::Labels::Of({{"__name__", "x_total"},
                                {"cluster", fmt::format("c{}", i % 20)},
                                {"job", "node"},
                                {"pod", fmt::format("pod-{}", i)}});
    }
    storage::LabelColumn Column(std::string_view name) const override {
      storage::LabelColumn column;
      column.ids.assign(kSeries, 0);
      if (name == "cluster") {
        static const std::vector<std::string> names = [] {
          std::vector<std::string> made;
          for (int c = 0; c < 20; c++) made.push_back(fmt::format("c{}", c));
          return made;
        }();
        for (size_t i = 0; i < kSeries; i++) column.ids[i] = i % 20;
        column.values.assign(names.begin(), names.end());
      } else {
        column.values = {name == "__name__" ? "x_total" : ""};
      }
      return column;
    }
    base::Status Chunks(size_t i, storage::ChunkBuffer*,
                        std::vector<chunk::ChunkView>* out) const override {
      for (const Chunk& c : store_.chunks_[i]) {
        out->push_back({chunk::Encoding::kXor, c.min_time, c.max_time, c.bytes});
      }
      return {};
    }

   private:
    const BenchStore& store_;
  };

  class BenchQuerier final : public storage::Querier {
   public:
    explicit BenchQuerier(const BenchStore& store) : store_(store) {}
    base::Result<std::unique_ptr<storage::SeriesSelection>> Select(
        storage::Matchers, const storage::SelectHints&) override {
      return std::unique_ptr<storage::SeriesSelection>(std::make_unique<Selection>(store_));
    }
    base::Result<std::vector<std::string>> LabelNames(storage::Matchers) override {
      return std::vector<std::string>();
    }
    base::Result<std::vector<std::string>> LabelValues(std::string_view,
                                                       storage::Matchers) override {
      return std::vector<std::string>();
    }

   private:
    const BenchStore& store_;
  };

  std::vector<std::vector<Chunk>> chunks_;
};

storage::Queryable& Store() {
  static auto& store = *new BenchStore;  // as long as the program
  return store;
}

void Run(benchmark::State& state, std::string_view query, int steps) {
  Store();
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
}

void BM_SumRate(benchmark::State& state) {
  Run(state, "sum by (cluster) (rate(x_total[5m]))", 200);
}
BENCHMARK(BM_SumRate)
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

void BM_SumInstant(benchmark::State& state) {
  Run(state, "sum by (cluster) (rate(x_total[5m]))", 1);
}
BENCHMARK(BM_SumInstant)
    ->Arg(1)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

void BM_AvgOverTime(benchmark::State& state) {
  Run(state, "sum(avg_over_time(x_total[30m]))", 100);
}
BENCHMARK(BM_AvgOverTime)
    ->Arg(1)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

}  // namespace
}  // namespace tributary::promql
