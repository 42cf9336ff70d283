// Everything at once: appends, queries, deletes, truncation, compaction and retention on one store,
// with tiny blocks and segments. Every answer must be one that some moment allows. Worth most under
// thread sanitizer.
#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "base/clock.h"
#include "base/fs.h"
#include "base/metrics.h"
#include "base/threads.h"
#include "tsdb/block/block_test_support.h"
#include "tsdb/tsdb.h"

namespace tributary::tsdb {
namespace {

constexpr int64_t kTickMs = 1000;
constexpr int kSeriesPerWriter = 6;
constexpr int kWriters = 2;
constexpr int64_t kRetentionTicks = 300;

model::Labels SeriesOf(int writer, int series, int64_t tick) {
  // The last one is replaced all the time.
  const int64_t generation = series == kSeriesPerWriter - 1 ? tick / 40 : -1;
  return model::Labels::Of({{"__name__", "stress"},
                            {"generation", std::to_string(generation)},
                            {"series", std::to_string(series)},
                            {"writer", std::to_string(writer)}});
}

// One commit: every series of the writer at this tick, with the tick as value.
void AppendTick(Db& db, int writer, int64_t tick) {
  const auto appender = db.NewAppender();
  for (int series = 0; series < kSeriesPerWriter; ++series) {
    const model::Labels labels = SeriesOf(writer, series, tick);
    std::vector<model::Label> span;
    labels.ToSpan(&span);
    const auto ref = appender->GetOrCreate(span, labels.Hash());
    ASSERT_TRUE(ref);
    const storage::RefSample sample{
        .ref = *ref, .t = tick * kTickMs, .v = static_cast<double>(tick)};
    storage::AppendOutcome outcome;
    appender->Append({&sample, 1}, {&outcome, 1});
    ASSERT_EQ(outcome, storage::AppendOutcome::kAppended) << tick;
  }
  ASSERT_TRUE(appender->Commit());
}

// What a query that began when `committed` ticks were there must see of `writer`: all series that
// stay end at the same tick, not before the last committed one, and none has a hole.
void CheckAnswer(Db& db, int writer, int64_t committed) {
  const std::vector<model::Matcher> matchers = {
      model::Matcher::Equal("writer", std::to_string(writer)),
      model::Matcher::Equal("generation", "-1")};
  const int64_t from = std::max<int64_t>(0, committed - kRetentionTicks / 2);
  const PlainData data = ReadPlain(db, from * kTickMs, model::kMaxTime, matchers);
  if (committed == 0) return;
  ASSERT_EQ(data.size(), kSeriesPerWriter - 1u);
  const int64_t last = data.begin()->second.rbegin()->first / kTickMs;
  ASSERT_GE(last, committed - 1);
  for (const auto& [labels, samples] : data) {
    ASSERT_EQ(samples.rbegin()->first, last * kTickMs) << "half of a commit: " << labels.ToString();
    ASSERT_EQ(static_cast<int64_t>(samples.size()), last - from + 1) << labels.ToString();
    for (const auto& [t, v] : samples) ASSERT_EQ(v, static_cast<double>(t / kTickMs));
  }
}

TEST(DbStressTest, AppendsQueriesDeletesTruncationAndCompactionAtOnce) {
  const std::string path =
      std::filesystem::temp_directory_path() / ("tributary-stress-" + std::to_string(getpid()));
  std::filesystem::create_directory(path);
  base::ThreadPool pool("stress", 2);
  base::MetricsRegistry metrics;
  auto opened = Db::Open({.path = path,
                          .wal_segment_bytes = 32 << 10,
                          .min_block_duration_ms = 60 * kTickMs,
                          .max_block_duration_ms = 60 * kTickMs,
                          .compaction_poll_ms = 2,
                          .retention_time_ms = kRetentionTicks * kTickMs},
                         base::PosixFileSystem(), base::SystemClock(), pool, metrics);
  ASSERT_TRUE(opened);
  Db& db = **opened;
  ASSERT_TRUE(db.Replay());

  std::atomic<int64_t> committed[kWriters] = {};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      for (int64_t tick = 0; !stop && !testing::Test::HasFailure(); ++tick) {
        // Together, so that none falls behind what the head still takes.
        while (!stop && tick > committed[(writer + 1) % kWriters] + 5) std::this_thread::yield();
        AppendTick(db, writer, tick);
        committed[writer].store(tick + 1);
      }
    });
    threads.emplace_back([&, writer] {
      while (!stop && !testing::Test::HasFailure()) {
        CheckAnswer(db, writer, committed[writer].load());
      }
    });
  }
  threads.emplace_back([&] {
    const std::vector<model::Matcher> victims = {
        model::Matcher::Equal("series", std::to_string(kSeriesPerWriter - 1))};
    for (int round = 0; !stop; ++round) {
      const int64_t end = committed[0].load() * kTickMs;
      ASSERT_TRUE(db.Delete(end - 100 * kTickMs, end, victims));
      if (round % 4 == 0) {
        ASSERT_TRUE(db.CleanTombstones());
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(committed[0].load(), 200) << "too little happened for blocks to be written";
  EXPECT_TRUE(db.Close());
  opened->reset();
  std::filesystem::remove_all(path);
}

}  // namespace
}  // namespace tributary::tsdb
