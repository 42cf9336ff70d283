#include "load.h"

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

namespace tributary::tests {
namespace {

constexpr int kStableSeries = 8;
constexpr int kChurnedSeries = 4;
constexpr int kLateSeries = 3;
constexpr int64_t kGenerationTicks = 60;
// Writers stay together, so that none falls behind what the head still takes.
constexpr int64_t kMostApart = 5;

std::string Append(tsdb::Db& db, int writer, int64_t tick, Order order) {
  std::string problem;
  const std::unique_ptr<storage::Appender> appender = db.NewAppender();
  ForEachSample(writer, tick, order, [&](const Expected& expected) {
    std::vector<model::Label> labels;
    expected.labels.ToSpan(&labels);
    const auto ref = appender->GetOrCreate(labels, expected.labels.Hash());
    if (!ref) {
      problem = ref.error().message();
      return;
    }
    const storage::RefSample sample{.ref = *ref, .t = expected.t, .v = expected.v};
    storage::AppendOutcome outcome;
    appender->Append({&sample, 1}, {&outcome, 1});
    if (storage::IsRejected(outcome)) problem = storage::AppendOutcomeText(outcome);
  });
  if (!problem.empty()) return problem;
  const base::Status status = appender->Commit();
  return status ? "" : status.error().message();
}

}  // namespace

void ForEachSample(int writer, int64_t tick, Order order,
                   const std::function<void(const Expected&)>& visit) {
  const auto visit_series = [&](int series, int64_t generation, int64_t at) {
    visit({.labels = model::Labels::Of({{"__name__", "load"},
                                        {"generation", std::to_string(generation)},
                                        {"series", std::to_string(series)},
                                        {"writer", std::to_string(writer)}}),
           .t = at * kTickMs,
           .v = static_cast<double>(at * 1000 + series * 10 + writer)});
  };
  for (int series = 0; series < kStableSeries; ++series) visit_series(series, -1, tick);
  for (int series = 0; series < kChurnedSeries; ++series) {
    visit_series(kStableSeries + series, tick / kGenerationTicks, tick);
  }
  if (order == Order::kKept) return;
  // Backwards in each stretch of kLateTicks.
  for (int series = 0; series < kLateSeries; ++series) {
    visit_series(kStableSeries + kChurnedSeries + series, -1, tick ^ (kLateTicks - 1));
  }
}

void RunLoad(tsdb::Db& db, Order order, Acknowledged& acknowledged) {
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&db, &acknowledged, writer, order] {
      std::atomic<int64_t>& own = acknowledged.ticks[writer];
      const std::atomic<int64_t>& other = acknowledged.ticks[(writer + 1) % kWriters];
      while (true) {
        const int64_t tick = own.load();
        if (tick > other.load() + kMostApart) {
          std::this_thread::sleep_for(std::chrono::microseconds(100));
          continue;
        }
        const std::string problem = Append(db, writer, tick, order);
        if (!problem.empty()) {
          std::fprintf(stderr, "writer %d, tick %lld: %s\n", writer, static_cast<long long>(tick),
                       problem.c_str());
          return;
        }
        own.store(tick + 1);
        std::this_thread::sleep_for(std::chrono::microseconds(300));
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
}

}  // namespace tributary::tests
