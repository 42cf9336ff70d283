// Samples out of order on their way into blocks, and everything that reads head and blocks at once.
#include <algorithm>
#include <memory>
#include <random>
#include <thread>

#include "base/clock.h"
#include "base/fs_faulty.h"
#include "base/metrics.h"
#include "base/threads.h"
#include "tsdb/block/block_meta.h"
#include "tsdb/block/block_test_support.h"
#include "tsdb/block/ulid.h"
#include "tsdb/tsdb.h"

namespace tributary::tsdb {
namespace {

constexpr int64_t kRange = 100'000;
constexpr int64_t kBegin = 1'700'000'000'000 - 1'700'000'000'000 % kRange;

class OutOfOrderDbTest : public testing::Test {
 protected:
  struct Opened {
    explicit Opened(base::FileSystem& fs, const DbOptions& options, const base::Clock& clock)
        : pool("ooo", 2) {
      auto opened = Db::Open(options, fs, clock, pool, metrics);
      EXPECT_TRUE(opened) << opened.error().message();
      db = std::move(*opened);
      const base::Status status = db->Replay();
      EXPECT_TRUE(status) << status.error().message();
    }
    base::MetricsRegistry metrics;
    base::ThreadPool pool;
    std::unique_ptr<Db> db;
  };

  OutOfOrderDbTest() {
    options_.path = "data";
    options_.min_block_duration_ms = kRange;
    options_.max_block_duration_ms = 3 * kRange;
    options_.out_of_order_window_ms = 5 * kRange;
    options_.use_lock_file = false;
    options_.compaction_poll_ms = 5;
    EXPECT_TRUE(fs_->CreateDirs("data"));
  }

  // Appends one sample of `series` series, and remembers it when it was taken.
  void Put(Db& db, int64_t t, double v, int series = 3) {
    const auto appender = db.NewAppender();
    std::vector<storage::RefSample> samples;
    std::vector<model::Labels> names;
    for (int i = 0; i < series; ++i) {
      names.push_back(model::Labels::Of({{"__name__", "m"}, {"i", std::to_string(i)}}));
      std::vector<model::Label> span;
      names.back().ToSpan(&span);
      samples.push_back({*appender->GetOrCreate(span, names.back().Hash()), t, v + i});
    }
    std::vector<storage::AppendOutcome> outcomes(samples.size());
    appender->Append(samples, outcomes);
    ASSERT_TRUE(appender->Commit());
    for (size_t i = 0; i < samples.size(); ++i) {
      if (outcomes[i] == storage::AppendOutcome::kAppended) want_[names[i]][t] = samples[i].v;
    }
  }

  // Blocks as {begin, end, level, out of order}, by their files.
  using Shape = std::tuple<int64_t, int64_t, int, bool>;
  std::vector<Shape> Blocks() {
    std::vector<Shape> out;
    const auto entries = fs_->List("data");
    for (const base::DirEntry& entry : *entries) {
      if (!IsUlid(entry.name)) continue;
      const auto meta = ReadBlockMeta(*fs_, "data/" + entry.name);
      if (!meta) continue;
      out.emplace_back((meta->min_time - kBegin) / kRange, (meta->max_time - kBegin) / kRange,
                       meta->level, meta->HasHint(kHintOutOfOrder));
    }
    std::ranges::sort(out);
    return out;
  }
  void WaitForBlocks(const std::vector<Shape>& want) {
    for (int i = 0; i < 400 && Blocks() != want; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
    EXPECT_EQ(Blocks(), want);
  }

  const std::unique_ptr<base::FileSystem> fs_ = base::MakeMemoryFileSystem();
  const base::ManualClock clock_{kBegin};
  DbOptions options_;
  PlainData want_;
};

TEST_F(OutOfOrderDbTest, BecomesBlocksThatAreMergedWithTheOthers) {
  {
    Opened store(*fs_, options_, clock_);
    Db& db = *store.db;
    for (int64_t t = 0; t <= 150; t += 10) Put(db, kBegin + t * 1000, static_cast<double>(t));
    // Into the range that is cut next, into the one that stays in the head, and before all.
    for (int64_t t = 140; t > -120; t -= 7) Put(db, kBegin + t * 1000 + 1, static_cast<double>(t));
    EXPECT_EQ(ReadPlain(db), want_);
    EXPECT_TRUE(Blocks().empty());
    Put(db, kBegin + 151'000, 1);  // now the head is full
    // What came out of order in [1, 2) stays apart while the head may still write there.
    WaitForBlocks({{-2, -1, 1, true}, {-1, 0, 1, true}, {0, 1, 2, false}, {1, 2, 1, true}});
    EXPECT_EQ(ReadPlain(db), want_);
    EXPECT_EQ(ReadPlain(db, kBegin + 50'000, kBegin + 120'000).size(), 3u);
  }
  {
    // Again from the files: nothing of the head was taken for written.
    Opened store(*fs_, options_, clock_);
    Db& db = *store.db;
    EXPECT_EQ(ReadPlain(db), want_);
    for (int64_t t = 160; t <= 240; t += 10) Put(db, kBegin + t * 1000, static_cast<double>(t));
    for (int64_t t = 239; t > 0; t -= 33) Put(db, kBegin + t * 1000 + 2, static_cast<double>(t));
    EXPECT_EQ(ReadPlain(db), want_);
    Put(db, kBegin + 251'000, 1);
    WaitForBlocks({{-2, 1, 4, false}, {1, 2, 2, false}, {2, 3, 1, true}});
    EXPECT_EQ(ReadPlain(db), want_);
  }
  Opened store(*fs_, options_, clock_);
  EXPECT_EQ(ReadPlain(*store.db), want_);
}

TEST_F(OutOfOrderDbTest, TheWindowComesAndGoesByReload) {
  options_.out_of_order_window_ms = 0;
  {
    Opened store(*fs_, options_, clock_);
    Db& db = *store.db;
    Put(db, kBegin + 50'000, 1);
    Put(db, kBegin + 40'000, 2);
    EXPECT_EQ(want_.begin()->second.size(), 1u) << "closed";
    EXPECT_FALSE(*fs_->Exists("data/wbl"));
    db.SetOutOfOrderWindow(kRange);
    Put(db, kBegin + 40'000, 3);
    EXPECT_EQ(want_.begin()->second.size(), 2u) << "open";
    db.SetOutOfOrderWindow(0);
    Put(db, kBegin + 30'000, 3);
    EXPECT_EQ(want_.begin()->second.size(), 2u) << "closed again";
    EXPECT_EQ(ReadPlain(db), want_);
  }
  {
    // Closed from the start, with samples waiting in the log.
    Opened store(*fs_, options_, clock_);
    Db& db = *store.db;
    EXPECT_EQ(ReadPlain(db), want_);
    for (int64_t t = 60; t <= 210; t += 10) Put(db, kBegin + t * 1000, static_cast<double>(t));
    WaitForBlocks({{0, 1, 2, false}});
    EXPECT_EQ(ReadPlain(db), want_);
  }
  Opened store(*fs_, options_, clock_);
  EXPECT_EQ(ReadPlain(*store.db), want_);
}

// The disk fails from each changing call on while head and samples out of order become blocks; then
// the power goes.
TEST_F(OutOfOrderDbTest, AFailureAnywhereLosesNothing) {
  options_.wal_fsync_on_ack = true;
  bool more = true;
  for (uint64_t step = 1; more; step += 3) {
    ASSERT_LT(step, 600u);
    const auto memory = base::MakeMemoryFileSystem();
    ASSERT_TRUE(memory->CreateDirs("data"));
    want_.clear();
    base::FaultyFileSystem faulty(*memory);
    {
      options_.compaction_poll_ms = 1;
      Opened store(faulty, options_, clock_);
      Db& db = *store.db;
      for (int64_t t = 0; t <= 140; t += 20) Put(db, kBegin + t * 1000, static_cast<double>(t), 1);
      for (int64_t t = 110; t > -50; t -= 20) {
        Put(db, kBegin + t * 1000 + 1, static_cast<double>(t), 1);
      }
      Put(db, kBegin + 160'000, 1, 1);
      faulty.FailAt(faulty.operations() + step, base::ErrorCode::kNoSpace,
                    base::FaultyFileSystem::Repeat::kForever);
      for (int i = 0; i < 60 && !faulty.fault_fired(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
      more = faulty.fault_fired();
      EXPECT_EQ(ReadPlain(db), want_) << step;
      ASSERT_TRUE(faulty.DropUnsynced());
    }
    faulty.Heal();
    Opened store(*memory, options_, clock_);
    EXPECT_EQ(ReadPlain(*store.db), want_) << step;
  }
}

}  // namespace
}  // namespace tributary::tsdb
