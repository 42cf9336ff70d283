// Deleting: gone from every answer at once, from the disk later, and never back.
#include <algorithm>
#include <memory>
#include <thread>

#include "base/clock.h"
#include "base/fs.h"
#include "base/metrics.h"
#include "base/threads.h"
#include "tsdb/block/block_meta.h"
#include "tsdb/block/block_test_support.h"
#include "tsdb/block/tombstones.h"
#include "tsdb/block/ulid.h"
#include "tsdb/compact/compact_plan.h"
#include "tsdb/tsdb.h"

namespace tributary::tsdb {
namespace {

constexpr int64_t kRange = 100'000;
constexpr int64_t kBegin = 1'700'000'000'000 - 1'700'000'000'000 % kRange;

class DeleteTest : public testing::Test {
 protected:
  DeleteTest() {
    options_.path = "data";
    options_.min_block_duration_ms = kRange;
    options_.max_block_duration_ms = kRange;
    options_.retention_time_ms = 0;
    options_.use_lock_file = false;
    options_.compaction_poll_ms = 5;
    EXPECT_TRUE(fs_->CreateDirs("data"));
    Open();
  }
  void Open() { db_ = OpenAt("data"); }
  std::unique_ptr<Db> OpenAt(const std::string& path) {
    DbOptions options = options_;
    options.path = path;
    auto db = Db::Open(options, *fs_, clock_, pool_, metrics_[num_opened_++]).value();
    const base::Status status = db->Replay();
    EXPECT_TRUE(status) << status.error().message();
    return db;
  }
  void Reopen() {
    db_.reset();
    Open();
  }

  static model::Labels Name(int i) {
    return model::Labels::Of({{"__name__", "m"}, {"i", std::to_string(i)}});
  }
  // One sample of each of four series every second of [from, to).
  void Fill(int64_t from, int64_t to) {
    for (int64_t t = from; t < to; ++t) {
      const auto appender = db_->NewAppender();
      for (int i = 0; i < 4; ++i) {
        std::vector<model::Label> span;
        const model::Labels name = Name(i);
        name.ToSpan(&span);
        const storage::RefSample sample{*appender->GetOrCreate(span, name.Hash()),
                                        kBegin + t * 1000, static_cast<double>(t * 10 + i)};
        storage::AppendOutcome outcome;
        appender->Append({&sample, 1}, {&outcome, 1});
        ASSERT_EQ(outcome, storage::AppendOutcome::kAppended);
        want_[name][sample.t] = sample.v;
      }
      ASSERT_TRUE(appender->Commit());
    }
  }
  void Delete(int64_t from, int64_t to, const std::string& series) {
    const std::vector<model::Matcher> matchers = {
        model::Matcher::Create(model::MatchType::kRegexp, "i", series).value()};
    const base::Status deleted = db_->Delete(kBegin + from * 1000, kBegin + to * 1000, matchers);
    ASSERT_TRUE(deleted) << deleted.error().message();
    for (auto it = want_.begin(); it != want_.end();) {
      auto& [labels, samples] = *it;
      if (matchers[0].Matches(labels.Get("i"))) {
        std::erase_if(samples, [&](const auto& s) {
          return s.first >= kBegin + from * 1000 && s.first <= kBegin + to * 1000;
        });
      }
      it = samples.empty() ? want_.erase(it) : std::next(it);
    }
  }
  void WaitForBlocks(size_t count) {
    for (int i = 0; i < 400 && db_->Blocks().size() != count; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
    ASSERT_EQ(db_->Blocks().size(), count);
  }
  size_t NumSelected() {
    const auto querier = db_->NewQuerier(model::kMinTime, model::kMaxTime).value();
    return querier->Select({}, {}).value()->size();
  }

  const std::unique_ptr<base::FileSystem> fs_ = base::MakeMemoryFileSystem();
  base::ManualClock clock_{kBegin};
  base::ThreadPool pool_{"delete", 2};
  std::array<base::MetricsRegistry, 8> metrics_;
  size_t num_opened_ = 0;
  DbOptions options_;
  PlainData want_;
  std::unique_ptr<Db> db_;
};

TEST_F(DeleteTest, OfTheHeadHoldsOverRestartsAndCompaction) {
  Fill(0, 60);
  Delete(10, 20, "1|2");
  Delete(15, 25, "1");
  Delete(0, 1000, "3");
  EXPECT_EQ(ReadPlain(*db_), want_);
  EXPECT_EQ(NumSelected(), 3u) << "a series of which nothing is left is no answer";
  Fill(60, 65);  // later samples were not deleted, those of the third series neither
  EXPECT_EQ(ReadPlain(*db_), want_);
  EXPECT_EQ(NumSelected(), 4u);
  Reopen();
  EXPECT_EQ(ReadPlain(*db_), want_);
  Fill(65, 160);
  WaitForBlocks(1);
  EXPECT_EQ(ReadPlain(*db_), want_);
  EXPECT_EQ(db_->Blocks()[0].stats.num_samples, 400u - 11 - 16 - 60) << "they are not in the block";
  EXPECT_EQ(db_->Blocks()[0].stats.num_tombstones, 0u);
  Reopen();
  EXPECT_EQ(ReadPlain(*db_), want_);
}

TEST_F(DeleteTest, OfBlocksBecomesTombstonesAndThenNothing) {
  Fill(0, 160);
  WaitForBlocks(1);
  const std::string before = db_->Blocks()[0].ulid;
  Delete(90, 110, "0|1");  // the end of the block and the begin of the head
  Delete(0, 50, "2");
  EXPECT_EQ(ReadPlain(*db_), want_);
  EXPECT_EQ(ReadBlockMeta(*fs_, "data/" + before)->stats.num_tombstones, 3u);
  EXPECT_EQ(ReadTombstones(*fs_, "data/" + before)->size(), 3u);
  Reopen();
  EXPECT_EQ(ReadPlain(*db_), want_);

  ASSERT_TRUE(db_->CleanTombstones());
  ASSERT_EQ(db_->Blocks().size(), 1u);
  const BlockMeta after = db_->Blocks()[0];
  EXPECT_NE(after.ulid, before);
  EXPECT_EQ(after.stats.num_samples, 400u - 10 - 10 - 51);
  EXPECT_EQ(after.stats.num_tombstones, 0u);
  EXPECT_FALSE(*fs_->Exists("data/" + before));
  EXPECT_EQ(ReadPlain(*db_), want_);

  Delete(0, 99, ".*");
  ASSERT_TRUE(db_->CleanTombstones());
  EXPECT_TRUE(db_->Blocks().empty()) << "a block of which nothing is left goes";
  EXPECT_EQ(ReadPlain(*db_), want_);
}

TEST_F(DeleteTest, OfABlockIsSeenByASelectionOfPartOfItsTime) {
  Fill(0, 160);
  WaitForBlocks(1);
  Delete(0, 99, "3");
  const auto querier = db_->NewQuerier(kBegin + 10'000, kBegin + 20'000).value();
  EXPECT_EQ(querier->Select({}, {}).value()->size(), 3u);
  EXPECT_EQ(*querier->LabelValues(
                "i", std::vector<model::Matcher>{model::Matcher::Equal("__name__", "m")}),
            (std::vector<std::string>{"0", "1", "2"}));
}

TEST_F(DeleteTest, ASnapshotIsAStoreOfItsOwn) {
  Fill(0, 160);
  WaitForBlocks(1);
  Delete(20, 30, "1");
  Delete(150, 152, "2");
  const auto name = db_->Snapshot(/*with_head=*/true);
  ASSERT_TRUE(name) << name.error().message();
  const auto without = db_->Snapshot(/*with_head=*/false);
  const PlainData then = want_;
  Fill(160, 170);
  Delete(0, 200, "0");
  const auto copy = OpenAt("data/snapshots/" + *name);
  EXPECT_EQ(copy->Blocks().size(), 2u);
  EXPECT_EQ(ReadPlain(*copy), then);
  const auto blocks_only = OpenAt("data/snapshots/" + *without);
  EXPECT_EQ(blocks_only->Blocks().size(), 1u);
}

TEST_F(DeleteTest, InTheBackgroundGoesOnAfterARestart) {
  Fill(0, 160);
  WaitForBlocks(1);
  ASSERT_TRUE(db_->DeleteInBackground("i", "nothing has this"));
  clock_.Set(kBegin + 155'000);
  // Noted by one process and, before that could do anything, taken up by the next.
  options_.compaction_poll_ms = 1'000'000;
  Reopen();
  ASSERT_TRUE(db_->DeleteInBackground("i", "2"));
  ASSERT_FALSE(db_->PendingDeletions().empty());
  EXPECT_EQ(db_->PendingDeletions().back().value, "2");
  EXPECT_EQ(ReadPlain(*db_), want_);
  options_.compaction_poll_ms = 5;
  Reopen();
  for (int i = 0; i < 400 && !db_->PendingDeletions().empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_TRUE(db_->PendingDeletions().empty());
  std::map<int64_t, double>& samples = want_[Name(2)];
  samples.erase(samples.begin(), samples.upper_bound(clock_.NowMs()));
  EXPECT_EQ(ReadPlain(*db_), want_) << "what came after the wish stays";
  EXPECT_EQ(db_->Blocks()[0].stats.num_series, 3u) << "gone from the disk, too";
  EXPECT_TRUE(fs_->List("data/deletions")->empty());
  Reopen();
  EXPECT_EQ(ReadPlain(*db_), want_);
}

TEST(DeletePlanTest, ABlockOfWhichMuchWasDeletedIsWrittenAnew) {
  const auto block = [](int64_t min, int64_t max, uint64_t series, uint64_t tombstones) {
    BlockMeta meta{.ulid = MakeUlid(1), .min_time = min, .max_time = max};
    meta.stats.num_series = series;
    meta.stats.num_tombstones = tombstones;
    return meta;
  };
  const auto f = [](std::vector<BlockMeta> blocks) {
    return PlanCompaction(blocks, {20, 60, 180});
  };
  const BlockMeta newest = block(60, 80, 10, 0);
  EXPECT_EQ(f({block(0, 60, 99, 6), newest}), std::vector<size_t>{0});
  EXPECT_EQ(f({block(0, 60, 99, 5), newest}), std::vector<size_t>{}) << "not more than 5 %";
  EXPECT_EQ(f({block(0, 40, 99, 50), newest}), std::vector<size_t>{}) << "will be merged anyway";
  EXPECT_EQ(f({block(0, 40, 99, 99), newest}), std::vector<size_t>{0}) << "all was deleted";
  EXPECT_EQ(f({block(0, 60, 99, 99)}), std::vector<size_t>{}) << "the newest stays";
}

TEST(TimeIntervalTest, IntervalsThatTouchBecomeOne) {
  const auto f = [](std::vector<TimeInterval> add, std::vector<TimeInterval> want) {
    std::vector<TimeInterval> intervals;
    for (const TimeInterval& interval : add) AddInterval(interval, &intervals);
    EXPECT_EQ(intervals, want);
  };
  f({{1, 3}}, {{1, 3}});
  f({{1, 3}, {5, 6}}, {{1, 3}, {5, 6}});
  f({{5, 6}, {1, 3}}, {{1, 3}, {5, 6}});
  f({{1, 3}, {4, 6}}, {{1, 6}});
  f({{1, 3}, {7, 9}, {2, 7}}, {{1, 9}});
  f({{1, 9}, {3, 4}}, {{1, 9}});
  f({{1, 2}, {4, 5}, {7, 8}, {3, 3}}, {{1, 5}, {7, 8}});
  f({{1, INT64_MAX}, {INT64_MIN, -5}, {0, 0}}, {{INT64_MIN, -5}, {0, INT64_MAX}});
}

}  // namespace
}  // namespace tributary::tsdb
