// From the head to blocks to larger blocks to nothing, with every sample accounted for.
#include <algorithm>
#include <set>
#include <thread>

#include "base/clock.h"
#include "base/fs_faulty.h"
#include "base/metrics.h"
#include "base/threads.h"
#include "storage/merge_selection.h"
#include "tsdb/block/block_test_support.h"
#include "tsdb/block/ulid.h"
#include "tsdb/compact/block_set.h"
#include "tsdb/compact/compact_plan.h"
#include "tsdb/compact/compactor.h"
#include "tsdb/compact/retention.h"
#include "tsdb/compact/write_block.h"
#include "tsdb/db_querier.h"
#include "tsdb/tsdb.h"

namespace tributary::tsdb {
namespace {

constexpr int64_t kRange = 10'000;

BlockMeta Meta(int64_t min_time, int64_t max_time) {
  return {.ulid = MakeUlid(1), .min_time = min_time, .max_time = max_time};
}

TEST(CompactPlanTest, TakesFullRangesAndOverlaps) {
  const auto f = [](std::vector<std::pair<int64_t, int64_t>> times, std::vector<size_t> want) {
    std::vector<BlockMeta> blocks;
    for (const auto& [min, max] : times) blocks.push_back(Meta(min, max));
    EXPECT_EQ(PlanCompaction(blocks, {20, 60, 180}), want);
  };
  f({}, {});
  f({{0, 20}}, {});
  f({{0, 20}, {20, 40}}, {});
  f({{0, 20}, {20, 40}, {40, 60}}, {});                   // the newest stays
  f({{0, 20}, {20, 40}, {40, 60}, {60, 80}}, {0, 1, 2});  // full
  f({{60, 80}, {40, 60}, {0, 20}, {20, 40}}, {2, 3, 1});  // by time
  f({{0, 20}, {40, 60}, {60, 80}}, {0, 1});               // full with a gap
  f({{0, 20}, {20, 40}, {60, 80}, {80, 100}}, {0, 1});    // will not get fuller
  f({{0, 20}, {20, 40}, {40, 55}, {60, 80}}, {});         // 55: something may still come
  f({{20, 40}, {40, 60}, {60, 80}}, {});
  f({{-60, -40}, {-40, -20}, {-20, 0}, {0, 20}}, {0, 1, 2});
  f({{0, 60}, {60, 120}, {120, 180}, {180, 200}}, {0, 1, 2});
  f({{0, 20}, {19, 40}}, {0, 1});  // overlap, even of the newest
  f({{0, 20}, {20, 40}, {30, 50}, {45, 60}, {60, 80}}, {1, 2, 3});
  f({{0, 40}, {0, 20}}, {0, 1});
}

TEST(CompactPlanTest, LeavesFailedAndPartialBlocksApart) {
  std::vector<BlockMeta> blocks = {Meta(0, 20), Meta(20, 40), Meta(40, 60), Meta(60, 80)};
  blocks[1].failed = true;
  EXPECT_TRUE(PlanCompaction(blocks, {20, 60}).empty());
  blocks[1].failed = false;
  blocks[1].hints = {std::string(kHintStaleSeries)};
  EXPECT_EQ(PlanCompaction(blocks, {20, 60}), (std::vector<size_t>{0, 2}));
}

TEST(CompactPlanTest, RangesGrowByThree) {
  EXPECT_EQ(CompactionRanges(2, 100), (std::vector<int64_t>{2, 6, 18, 54}));
  EXPECT_EQ(CompactionRanges(2, 54), (std::vector<int64_t>{2, 6, 18, 54}));
  EXPECT_EQ(CompactionRanges(2, 1), (std::vector<int64_t>{2}));
  EXPECT_EQ(AlignedEnd(-1, 10), 0);
  EXPECT_EQ(AlignedEnd(-10, 10), 0);
  EXPECT_EQ(AlignedEnd(0, 10), 10);
}

// A head with its log and blocks, compacted by hand.
class CompactorTest : public testing::Test {
 protected:
  struct Store final : storage::Queryable {
    Store(base::FileSystem& fs, const DbOptions& options, const base::Clock& clock)
        : head({.chunks = {.samples_per_chunk = 120,
                           .chunk_range_ms = options.min_block_duration_ms}},
               metrics, nullptr),
          compact_metrics(metrics),
          blocks(fs, options.path, compact_metrics),
          compactor(
              options, fs, clock, head, blocks, compact_metrics, [] { return UINT32_MAX; },
              [] { return uint64_t{0}; }) {}
    base::Result<std::unique_ptr<storage::Querier>> NewQuerier(int64_t min, int64_t max) override {
      std::vector<std::unique_ptr<storage::Querier>> parts;
      auto from_head = head.NewQuerier(min, max);
      for (const auto& block : blocks.blocks()) {
        if (block->Overlaps(min, max)) parts.push_back(std::move(*block->NewQuerier(min, max)));
      }
      parts.push_back(std::move(*from_head));
      return MergeQueriers(std::move(parts));
    }
    base::MetricsRegistry metrics;
    Head head;
    CompactMetrics compact_metrics;
    BlockSet blocks;
    Compactor compactor;
  };

  CompactorTest() {
    options_.path = "data";
    options_.min_block_duration_ms = kRange;
    options_.max_block_duration_ms = 3 * kRange;
    options_.retention_time_ms = 0;
    EXPECT_TRUE(fs_->CreateDirs("data"));
  }
  static void Append(Store& store, const PlainData& data) {
    std::map<int64_t, std::vector<std::pair<const model::Labels*, double>>> by_time;
    for (const auto& [labels, samples] : data) {
      for (const auto& [t, v] : samples) by_time[t].emplace_back(&labels, v);
    }
    for (const auto& [t, row] : by_time) {
      const auto appender = store.head.NewAppender();
      std::vector<storage::RefSample> samples;
      for (const auto& [labels, v] : row) {
        std::vector<model::Label> span;
        labels->ToSpan(&span);
        samples.push_back({*appender->GetOrCreate(span, labels->Hash()), t, v});
      }
      std::vector<storage::AppendOutcome> outcomes(samples.size());
      appender->Append(samples, outcomes);
      ASSERT_TRUE(std::ranges::all_of(
          outcomes, [](auto o) { return o == storage::AppendOutcome::kAppended; }));
      ASSERT_TRUE(appender->Commit());
    }
  }
  static std::vector<std::pair<int64_t, int64_t>> Times(const Store& store) {
    std::vector<std::pair<int64_t, int64_t>> out;
    for (const auto& b : store.blocks.blocks()) {
      out.emplace_back(b->meta().min_time, b->meta().max_time);
    }
    return out;
  }
  static void Run(Store& store) {
    const base::Status status = store.compactor.RunOnce();
    ASSERT_TRUE(status) << status.error().message();
  }

  const std::unique_ptr<base::FileSystem> fs_ = base::MakeMemoryFileSystem();
  const base::ManualClock clock_{1'700'000'000'000};
  DbOptions options_;
};

TEST_F(CompactorTest, TheHeadBecomesBlocksAndTheyGrow) {
  Store store(*fs_, options_, clock_);
  const PlainData data = MakePlain(20, 2000, 125'000, 500);
  Append(store, data);
  Run(store);
  EXPECT_EQ(ReadPlain(store), data);
  EXPECT_GE(store.head.min_time(), 110'000);
  EXPECT_EQ(Times(store), (std::vector<std::pair<int64_t, int64_t>>{{2000, 30'000},
                                                                    {30'000, 60'000},
                                                                    {60'000, 90'000},
                                                                    {90'000, 100'000},
                                                                    {100'000, 110'000}}));
  EXPECT_EQ(store.blocks.blocks()[0]->meta().level, 2);
  EXPECT_EQ(store.blocks.blocks()[0]->meta().sources.size(), 3u);
  // Only what is loaded is on the disk.
  EXPECT_EQ(fs_->List("data")->size(), 5u);
  const auto part = ReadPlain(store, 25'000, 115'000);
  ASSERT_EQ(part.size(), 20u);
  for (const auto& [labels, samples] : part) {
    EXPECT_EQ(samples.begin()->first, 25'000);
    EXPECT_EQ(samples.rbegin()->first, 115'000);
    EXPECT_EQ(samples.size(), 181u);
  }
  // Nothing is left to do.
  const auto before = Times(store);
  Run(store);
  EXPECT_EQ(Times(store), before);
}

TEST_F(CompactorTest, AReaderKeepsWhatWasMergedAway) {
  Store store(*fs_, options_, clock_);
  const PlainData data = MakePlain(5, 0, 35'000, 500);
  Append(store, data);
  Run(store);
  const auto old = store.blocks.blocks();
  ASSERT_EQ(old.size(), 2u);
  Append(store, MakePlain(5, 35'000, 60'000, 500));
  Run(store);
  EXPECT_EQ(Times(store)[0], (std::pair<int64_t, int64_t>{0, 30'000}));
  EXPECT_EQ(ReadPlain(*old[0]).begin()->second.size(), 20u);
}

TEST_F(CompactorTest, OverlappingBlocksBecomeOne) {
  const PlainData low = MakePlain(6, 0, 20'000, 500);
  PlainData high = MakePlain(9, 10'000, 30'000, 250);
  for (auto& [labels, samples] : high) {
    for (auto& [t, v] : samples) v += 1000;
  }
  for (const bool second : {false, true}) {
    storage::MemoryStore memory;
    tsdb::Store(&memory, second ? high : low);
    const auto querier = memory.NewQuerier(0, 30'000);
    std::vector<std::unique_ptr<storage::SeriesSelection>> one;
    one.push_back(std::move(*(*querier)->Select({}, {})));
    const auto sorted = storage::MergeSelections(std::move(one));
    WriteBlockOptions write{.parent = "data", .meta = Meta(0, 30'000), .on_chunk = {}};
    if (second) write.meta.min_time = 10'000;
    ASSERT_TRUE(WriteBlock(*fs_, write, {sorted.get()}));
  }
  Store store(*fs_, options_, clock_);
  Run(store);
  PlainData want = low;
  for (const auto& [labels, samples] : high) {
    for (const auto& [t, v] : samples) want[labels][t] = v;
  }
  EXPECT_EQ(Times(store).size(), 1u);
  EXPECT_EQ(ReadPlain(store), want);
  EXPECT_EQ(store.compact_metrics.vertical_compactions.value(), 1);
}

TEST_F(CompactorTest, FloatsBecomeXor2WhenAskedTo) {
  Store store(*fs_, options_, clock_);
  const auto encodings = [&] {
    std::set<std::pair<int64_t, chunk::Encoding>> found;
    for (const auto& block : store.blocks.blocks()) {
      const auto selection = *block->SelectAll();
      storage::ChunkBuffer buffer;
      std::vector<chunk::ChunkView> chunks;
      for (size_t i = 0; i < selection->size(); ++i) {
        EXPECT_TRUE(selection->Chunks(i, &buffer, &chunks));
      }
      for (const auto& c : chunks) found.emplace(block->meta().min_time, c.encoding);
    }
    return found;
  };
  using enum chunk::Encoding;
  using Found = std::set<std::pair<int64_t, chunk::Encoding>>;
  const PlainData data = MakePlain(5, 0, 70'000, 500);
  Append(store, MakePlain(5, 0, 30'000, 500));
  Run(store);
  EXPECT_EQ(encodings(), (Found{{0, kXor}, {10'000, kXor}}));
  store.compactor.SetXor2(true);
  Append(store, MakePlain(5, 30'000, 70'000, 500));
  Run(store);
  EXPECT_EQ(encodings(), (Found{{0, kXor2}, {30'000, kXor2}, {40'000, kXor2}, {50'000, kXor2}}))
      << "those that were merged, too";
  EXPECT_EQ(ReadPlain(store), data);
  store.compactor.SetXor2(false);
  Append(store, MakePlain(5, 70'000, 100'000, 500));
  Run(store);
  EXPECT_TRUE(encodings().contains({0, kXor2})) << "what is XOR2 stays so";
  EXPECT_EQ(encodings().rbegin()->second, kXor);
  EXPECT_EQ(ReadPlain(store), MakePlain(5, 0, 100'000, 500));
}

TEST_F(CompactorTest, ALongGapIsSkipped) {
  Store store(*fs_, options_, clock_);
  PlainData data = MakePlain(2, 0, 3000, 500);
  const int64_t far = int64_t{1} << 40;
  Append(store, data);
  const PlainData late = MakePlain(2, far, far + 2000, 500);
  Append(store, late);
  for (const auto& [labels, samples] : late) data[labels].insert(samples.begin(), samples.end());
  Run(store);
  EXPECT_EQ(ReadPlain(store), data);
  EXPECT_EQ(Times(store), (std::vector<std::pair<int64_t, int64_t>>{{0, kRange}}));
}

TEST_F(CompactorTest, RetentionRemovesTheOldest) {
  Store store(*fs_, options_, clock_);
  Append(store, MakePlain(4, 0, 125'000, 500));
  Run(store);
  ASSERT_EQ(store.blocks.blocks().size(), 5u);
  EXPECT_TRUE(BeyondRetention(store.blocks.blocks(), 110'000, 0, 0).remove.empty());
  const auto by_time = BeyondRetention(store.blocks.blocks(), 50'000, 0, 0);
  EXPECT_TRUE(by_time.by_time);
  EXPECT_EQ(by_time.remove.size(), 2u);
  const uint64_t newest = store.blocks.blocks().back()->size_bytes();
  const auto by_size = BeyondRetention(store.blocks.blocks(), 0, newest, 0);
  EXPECT_TRUE(by_size.by_size);
  EXPECT_EQ(by_size.remove.size(), 4u);
  EXPECT_EQ(BeyondRetention(store.blocks.blocks(), 0, newest, 1).remove.size(), 5u);

  store.compactor.SetRetention(50'000, 0);  // while it runs
  Run(store);
  EXPECT_EQ(Times(store).front().first, 60'000);
  EXPECT_EQ(fs_->List("data")->size(), 3u);
  EXPECT_EQ(store.compact_metrics.time_retentions.value(), 1);
  EXPECT_EQ(store.compact_metrics.retention_limit_seconds.value(), 50);
  store.compactor.SetRetention(0, newest);
  Run(store);
  EXPECT_EQ(Times(store).size(), 1u);
  EXPECT_EQ(store.compact_metrics.size_retentions.value(), 1);
}

TEST_F(CompactorTest, SeriesHaveRetentionsOfTheirOwn) {
  Store store(*fs_, options_, clock_);
  PlainData data = MakePlain(4, 0, 125'000, 500);
  Append(store, data);
  Run(store);
  // Blocks end at 30, 60, 90, 100 and 110 s.
  const auto rule = [](const char* value, int64_t keep_ms) {
    return SelectorRetention{{model::Matcher::Equal("instance", value)}, keep_ms};
  };
  const auto forget = [&](const char* value, int64_t before) {
    for (auto& [labels, samples] : data) {
      if (labels.Get("instance") == value)
        samples.erase(samples.begin(), samples.lower_bound(before));
    }
  };
  // The first rule that selects a series counts.
  store.compactor.SetSelectorRetention(
      {rule("host1", 45'000), rule("host1", 1), rule("host2", 75'000)});
  Run(store);
  forget("host1", 60'000);
  forget("host2", 30'000);
  EXPECT_EQ(ReadPlain(store), data);
  EXPECT_EQ(store.compact_metrics.selector_retention_series.value(), 3);
  EXPECT_EQ(store.blocks.blocks()[0]->meta().stats.num_series, 2u) << "gone from the disk, too";
  EXPECT_EQ(store.blocks.blocks()[0]->meta().stats.num_tombstones, 0u);
  const std::string untouched = store.blocks.blocks()[0]->meta().ulid;
  Run(store);
  EXPECT_EQ(store.blocks.blocks()[0]->meta().ulid, untouched) << "what is done is not done again";

  // A rule may keep longer than the store does.
  store.compactor.SetRetention(15'000, 0);
  store.compactor.SetSelectorRetention({rule("host1", 45'000), rule("host3", 1'000'000)});
  Run(store);
  forget("host0", 90'000);
  forget("host2", 90'000);
  EXPECT_EQ(ReadPlain(store), data);
  EXPECT_EQ(Times(store).front().first, 0);

  // Where nothing is left, the block goes.
  store.compactor.SetSelectorRetention({rule("host3", 45'000), rule("host1", 45'000)});
  Run(store);
  forget("host3", 60'000);
  EXPECT_EQ(ReadPlain(store), data);
  EXPECT_EQ(Times(store).front().first, 60'000);
}

TEST_F(CompactorTest, AnUnreadableBlockIsSetAsideAndStays) {
  std::string broken;
  {
    Store store(*fs_, options_, clock_);
    Append(store, MakePlain(4, 0, 35'000, 500));
    Run(store);
    broken = store.blocks.blocks()[0]->dir();
    const auto file = fs_->Create(broken + "/index");
    ASSERT_TRUE((*file)->Append(base::AsBytes("nonsense")));
  }
  ASSERT_TRUE(fs_->CreateDirs("data/" + MakeUlid(7) + ".tmp-for-creation/chunks"));
  Store store(*fs_, options_, clock_);
  ASSERT_TRUE(store.blocks.RemoveTemporary());
  Run(store);
  EXPECT_EQ(Times(store).size(), 1u);
  EXPECT_EQ(store.compact_metrics.blocks_set_aside.value(), 1);
  EXPECT_EQ(fs_->List("data")->size(), 2u);
  EXPECT_TRUE(*fs_->Exists(broken + "/index"));
}

// The store as a whole, with its thread: what was acknowledged is there before, during and after
// compaction and restarts.
TEST(DbCompactionTest, QueriesSeeAllSamplesWhileBlocksAreCut) {
  const auto fs = base::MakeMemoryFileSystem();
  const base::ManualClock clock(1'700'000'000'000);
  base::ThreadPool pool("test", 2);
  DbOptions options;
  options.path = "data";
  options.min_block_duration_ms = kRange;
  options.max_block_duration_ms = 3 * kRange;
  options.wal_segment_bytes = 32 << 10;
  options.use_lock_file = false;
  PlainData want;
  const int64_t origin = 1'700'000'000'000;
  for (int restart = 0; restart < 2; ++restart) {
    base::MetricsRegistry metrics;
    auto opened = Db::Open(options, *fs, clock, pool, metrics);
    ASSERT_TRUE(opened);
    Db& db = **opened;
    const base::Status replayed = db.Replay();
    ASSERT_TRUE(replayed) << replayed.error().message();
    EXPECT_EQ(ReadPlain(db), want);
    for (int64_t t = origin + restart * 60'000; t < origin + (restart + 1) * 60'000; t += 500) {
      const auto appender = db.NewAppender();
      std::vector<storage::RefSample> samples;
      for (int i = 0; i < 10; ++i) {
        const model::Labels labels =
            model::Labels::Of({{"__name__", "m"}, {"i", std::to_string(i)}});
        std::vector<model::Label> span;
        labels.ToSpan(&span);
        const double v = static_cast<double>(t % 77'777) + i;
        samples.push_back({*appender->GetOrCreate(span, labels.Hash()), t, v});
        want[labels][t] = v;
      }
      std::vector<storage::AppendOutcome> outcomes(samples.size());
      appender->Append(samples, outcomes);
      ASSERT_TRUE(appender->Commit());
    }
    const auto cut = [&] { return metrics.RenderText().find("blocks_loaded 0\n"); };
    for (int tries = 0; tries < 200 && cut() != std::string::npos; ++tries) {
      EXPECT_EQ(ReadPlain(db), want);
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
    EXPECT_EQ(cut(), std::string::npos) << "no block was cut";
    EXPECT_EQ(ReadPlain(db), want);
    ASSERT_TRUE(db.Close());
  }
  base::MetricsRegistry metrics;
  auto opened = Db::Open(options, *fs, clock, pool, metrics);
  ASSERT_TRUE((*opened)->Replay());
  EXPECT_EQ(ReadPlain(**opened), want);
}

// The disk fails from each changing call on while a head becomes blocks; then the power goes. What
// the head has forgotten must be in durable blocks by then.
TEST_F(CompactorTest, AFailureAnywhereLosesNothing) {
  const PlainData data = MakePlain(3, 0, 35'000, 500);
  bool fired = true;
  for (uint64_t fault = 1; fired; ++fault) {
    ASSERT_LT(fault, 500u);
    const auto inner = base::MakeMemoryFileSystem();
    ASSERT_TRUE(inner->CreateDirs("data"));
    base::FaultyFileSystem faulty(*inner);
    Store store(faulty, options_, clock_);
    Append(store, data);
    const uint64_t before = faulty.operations();
    faulty.FailAt(fault, base::ErrorCode::kNoSpace, base::FaultyFileSystem::Repeat::kForever);
    const bool done = store.compactor.RunOnce().has_value();
    fired = faulty.fault_fired();
    EXPECT_TRUE(done || fired) << "fault " << fault;
    EXPECT_EQ(ReadPlain(store), data) << "fault " << fault;
    EXPECT_GT(faulty.operations(), before);
    faulty.Heal();
    if (fault % 2 == 0) {
      Run(store);
      EXPECT_EQ(Times(store).size(), 2u) << "fault " << fault;
      EXPECT_EQ(ReadPlain(store), data) << "fault " << fault;
    }
    ASSERT_TRUE(faulty.DropUnsynced());
    Store after(*inner, options_, clock_);
    ASSERT_TRUE(after.blocks.RemoveTemporary());
    ASSERT_TRUE(after.blocks.Load());
    EXPECT_EQ(after.compact_metrics.blocks_set_aside.value(), 0) << "fault " << fault;
    PlainData left = ReadPlain(store.head);
    for (const auto& [labels, samples] : ReadPlain(after)) {
      left[labels].insert(samples.begin(), samples.end());
    }
    EXPECT_EQ(left, data) << "fault " << fault;
  }
}

}  // namespace
}  // namespace tributary::tsdb
