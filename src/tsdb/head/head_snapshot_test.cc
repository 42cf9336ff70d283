// Head snapshots: a start takes from them what it need not read in the log, and nothing depends on
// them.
#include <gtest/gtest.h>

#include "base/fs_faulty.h"
#include "tsdb/head/head_test_support.h"
#include "tsdb/head/snapshot_file.h"
#include "tsdb/head/snapshot_writer.h"
#include "tsdb/wal/segment.h"

namespace tributary::tsdb {
namespace {

constexpr const char* kDir = "head_snapshots";

std::vector<uint32_t> Snapshots(base::FileSystem& fs) {
  const auto found = ListSnapshots(fs, kDir);
  EXPECT_TRUE(found);
  return *found;
}

// Takes away all of the log before the snapshot, save what proves that it fits.
void RemoveOldLog(base::FileSystem& fs) {
  const auto segments = ListSegments(fs, "wal");
  for (const SegmentInfo& segment : *segments) {
    if (segment.index + 1 >= Snapshots(fs).front()) continue;
    ASSERT_TRUE(fs.Remove(SegmentPath("wal", segment.index)));
  }
}

void CutLog(StoredHead& store) { ASSERT_TRUE(store.wal->CutSegment()); }

std::vector<storage::SeriesExemplars> Exemplars(Head& head) {
  const std::vector<std::vector<model::Matcher>> all(1);
  return head.exemplars().Select(model::kMinTime, model::kMaxTime, all);
}

void Describe(StoredHead& store, int64_t tick) {
  const auto appender = store.head.NewAppender();
  const model::SeriesRef ref = Ref(*appender, 0);
  model::Exemplar exemplar;
  exemplar.labels = model::Labels::Of({{"trace_id", std::to_string(tick)}});
  exemplar.value = 7;
  exemplar.t = kNow + tick * kInterval;
  appender->AppendExemplar(ref, exemplar);
  appender->UpdateMetadata(ref, {.type = model::MetricType::kCounter, .help = "h", .unit = "s"});
  ASSERT_TRUE(appender->Commit());
}

// A sample of a series that no Tick() has; returns its ref.
model::SeriesRef AppendLone(StoredHead& store, int64_t tick) {
  const auto appender = store.head.NewAppender();
  const storage::RefSample sample{Ref(*appender, 77), kNow + tick * kInterval, 1.5};
  storage::AppendOutcome outcome;
  appender->Append({&sample, 1}, {&outcome, 1});
  EXPECT_EQ(outcome, storage::AppendOutcome::kAppended);
  EXPECT_TRUE(appender->Commit());
  return sample.ref;
}

class HeadSnapshotTest : public ::testing::Test {
 protected:
  // Some chunks in files, some full and some open ones in memory, a snapshot, and samples behind
  // it.
  void SetUp() override {
    const auto store = Open(*fs_);
    ASSERT_TRUE(store);
    for (int64_t tick = 0; tick < kTicks; ++tick) {
      if (tick == 300) {
        Describe(*store, tick);
        ASSERT_EQ(Exemplars(store->head).size(), 1u);
        CutLog(*store);
        ASSERT_TRUE(store->head.WriteSnapshot(*fs_, true));
      }
      ASSERT_TRUE(Tick(*store, tick));
      if (tick == 121) {
        ASSERT_TRUE(store->head.WriteChunks());
      }
    }
    want_ = All(store->head);
    for (const auto& [series, samples] : want_) ASSERT_EQ(samples.size(), kTicks) << series;
    ASSERT_EQ(want_.size(), kFloatSeries + 1u);
    ASSERT_EQ(Snapshots(*fs_).size(), 1u);
  }

  std::string SnapshotFile() { return SnapshotPath(kDir, Snapshots(*fs_).front()); }

  static constexpr int64_t kTicks = 400;
  std::unique_ptr<base::FileSystem> fs_ = base::MakeMemoryFileSystem();
  Values want_;
};

TEST_F(HeadSnapshotTest, StandsForTheLogBeforeIt) {
  RemoveOldLog(*fs_);
  for (int restart = 0; restart < 3; ++restart) {
    const auto store = Open(*fs_);
    ASSERT_TRUE(store);
    EXPECT_EQ(All(store->head), want_);
    EXPECT_EQ(store->head.num_series(), kFloatSeries + 1u);
    EXPECT_EQ(store->head.min_time(), kNow);
    const auto exemplars = Exemplars(store->head);
    ASSERT_EQ(exemplars.size(), 1u);
    EXPECT_EQ(exemplars[0].exemplars[0].labels.Get("trace_id"), "300");
    // Goes on as if nothing had been, with another snapshot each time.
    const int64_t tick = kTicks + restart;
    model::Metadata metadata;
    EXPECT_TRUE(store->head.MetadataOf(Ref(*store->head.NewAppender(), 0), &metadata));
    EXPECT_EQ(metadata.help, "h");
    ASSERT_TRUE(Tick(*store, tick));
    ASSERT_TRUE(store->head.WriteSnapshot(*fs_, true));
    want_ = All(store->head);
    for (const auto& [series, samples] : want_) {
      ASSERT_EQ(samples.size(), static_cast<size_t>(tick) + 1) << series;
    }
    RemoveOldLog(*fs_);
  }
}

TEST_F(HeadSnapshotTest, FullChunksThatAreInFilesByNowAreTakenFromThere) {
  {
    const auto store = Open(*fs_);
    ASSERT_TRUE(store->head.WriteChunks());
  }
  RemoveOldLog(*fs_);
  const auto store = Open(*fs_);
  ASSERT_TRUE(store);
  EXPECT_EQ(All(store->head), want_);
  // So that they are not written a second time.
  const uint64_t bytes = store->head.chunk_file_bytes();
  ASSERT_TRUE(store->head.WriteChunks());
  EXPECT_EQ(store->head.chunk_file_bytes(), bytes);
}

TEST_F(HeadSnapshotTest, ADuplicateOfTheNewestSampleIsKnown) {
  {
    const auto store = Open(*fs_);
    ASSERT_TRUE(store->head.WriteSnapshot(*fs_, true));
  }
  RemoveOldLog(*fs_);
  const auto store = Open(*fs_);
  const auto appender = store->head.NewAppender();
  for (const auto& [v, want] :
       {std::pair{(kTicks - 1) * 10 * 0.3, storage::AppendOutcome::kDuplicate},
        {1e9, storage::AppendOutcome::kDuplicateTimestamp}}) {
    const storage::RefSample sample{Ref(*appender, 0), kNow + (kTicks - 1) * kInterval, v};
    storage::AppendOutcome outcome;
    appender->Append({&sample, 1}, {&outcome, 1});
    EXPECT_EQ(outcome, want) << v;
  }
}

TEST_F(HeadSnapshotTest, DamageAnywhereIsMadeUpForByTheLog) {
  WithEachDamage(*fs_, SnapshotFile(), 29, [&](const std::string& where) {
    const auto store = Open(*fs_);
    ASSERT_TRUE(store);
    ASSERT_EQ(All(store->head), want_) << where;
  });
}

TEST_F(HeadSnapshotTest, IsOfNoUseWithoutTheChunkFilesBesideIt) {
  ASSERT_TRUE(fs_->Remove("chunks_head/000001"));
  const auto store = Open(*fs_);
  ASSERT_TRUE(store);
  EXPECT_EQ(All(store->head), want_);
}

TEST_F(HeadSnapshotTest, IsOfNoUseBesideAnotherLog) {
  const uint32_t before = Snapshots(*fs_).front() - 1;
  const std::string path = SegmentPath("wal", before);
  const std::string whole = *fs_->ReadFile(path);
  const auto f = [&](const std::string& bytes) {
    ASSERT_TRUE(base::WriteFileAtomically(*fs_, path, bytes));
    const auto store = Open(*fs_);
    ASSERT_TRUE(store);
    // Only what the log says: the ticks before the snapshot are in one segment.
    for (const auto& [series, samples] : All(store->head)) {
      EXPECT_LT(samples.size(), static_cast<size_t>(kTicks)) << series;
    }
  };
  const auto segments = ListSegments(*fs_, "wal");
  for (const SegmentInfo& segment : *segments) {
    if (segment.index >= before) continue;
    ASSERT_TRUE(fs_->Remove(SegmentPath("wal", segment.index)));
  }
  ASSERT_TRUE(fs_->RemoveAll("chunks_head"));
  f(std::string(kWalPageBytes, '\0'));
  ASSERT_TRUE(base::WriteFileAtomically(*fs_, path, whole));
  ASSERT_TRUE(fs_->Remove(path));
  const auto store = Open(*fs_);
  ASSERT_TRUE(store);
  for (const auto& [series, samples] : All(store->head)) {
    EXPECT_LT(samples.size(), static_cast<size_t>(kTicks)) << series;
  }
}

TEST_F(HeadSnapshotTest, WhatIsInBlocksIsLeftOut) {
  RemoveOldLog(*fs_);
  StoredHead store;
  const int64_t begin = kNow + 250 * kInterval;
  ASSERT_TRUE(store.head.Replay(*fs_, {.wal_dir = "wal",
                                       .chunks_dir = "chunks_head",
                                       .snapshots_dir = kDir,
                                       .threads = 2,
                                       .min_time = begin}));
  store.head.Truncate(begin);
  for (const auto& [series, samples] : All(store.head)) {
    EXPECT_EQ(samples.rbegin()->first, kNow + (kTicks - 1) * kInterval);
    for (const auto& [t, value] : samples) EXPECT_EQ(value, want_[series][t]);
    EXPECT_LE(samples.begin()->first, begin);
  }
}

TEST_F(HeadSnapshotTest, WhatWasDeletedStaysSo) {
  {
    const auto store = Open(*fs_);
    const model::Matcher matcher = model::Matcher::Equal("i", "1");
    ASSERT_TRUE(store->head.Delete({kNow, kNow + 10 * kInterval}, {&matcher, 1}));
    want_ = All(store->head);
    ASSERT_TRUE(store->head.WriteSnapshot(*fs_, true));
  }
  RemoveOldLog(*fs_);
  const auto store = Open(*fs_);
  EXPECT_EQ(All(store->head), want_);
}

TEST_F(HeadSnapshotTest, NoRefIsGivenToASecondSeries) {
  model::SeriesRef gone;
  {
    const auto store = Open(*fs_);
    gone = AppendLone(*store, 390);
    ASSERT_TRUE(Tick(*store, 1000));
    store->head.Truncate(kNow + 900 * kInterval);
    ASSERT_TRUE(store->head.WriteSnapshot(*fs_, true));
  }
  const auto store = Open(*fs_);
  const auto appender = store->head.NewAppender();
  std::vector<uint64_t> refs;
  for (int i = 0; i < 500; ++i) refs.push_back(Ref(*appender, 1000 + i).value());
  EXPECT_EQ(std::ranges::find(refs, gone.value()), refs.end());
}

// The ref that the head gave one series may be what the log calls another: each gets its own
// chunks.
TEST(HeadSnapshotRefsTest, AChunkFileGoesToWhomTheLogMeans) {
  const auto fs = base::MakeMemoryFileSystem();
  const auto labels = [](int series) {
    return model::Labels::Of({{"__name__", "m"}, {"i", std::to_string(series)}});
  };
  const model::Labels first = labels(0);
  const model::Labels second = labels(1);
  const uint32_t shard = ShardOfHash(first.Hash());
  // This place is in another shard, so the series gets the first one of its own.
  const model::SeriesRef logged = MakeSeriesRef((shard + 1) % kSeriesShards, 1, 0);
  const model::SeriesRef given = MakeSeriesRef(shard, 1, 1);
  {
    auto wal = WalWriter::Open(*fs, {.dir = "wal"}, nullptr);
    RecordBatch batch;
    std::vector<model::Label> span;
    BeginSeriesRecord(batch.buffer());
    first.ToSpan(&span);
    AppendSeriesEntry(logged, span, batch.buffer());
    second.ToSpan(&span);
    AppendSeriesEntry(given, span, batch.buffer());
    batch.EndRecord();
    ASSERT_TRUE((*wal)->Log(batch));
  }
  Values want;
  {
    const auto store = Open(*fs);
    ASSERT_EQ(Ref(*store->head.NewAppender(), 0), given) << "the test tests nothing";
    for (int64_t tick = 0; tick < 200; ++tick) ASSERT_TRUE(Tick(*store, tick));
    ASSERT_TRUE(store->head.WriteChunks());
    ASSERT_TRUE(store->head.WriteSnapshot(*fs, true));
    want = All(store->head);
  }
  RemoveOldLog(*fs);
  const auto store = Open(*fs);
  EXPECT_EQ(All(store->head), want);
}

// A series that has gone since the snapshot, and whose record has left the log: it must not come
// back as one that the log knows.
TEST(HeadSnapshotRefsTest, ASeriesWhoseRecordHasLeftTheLogIsLoggedAgain) {
  const auto fs = base::MakeMemoryFileSystem();
  {
    const auto store = Open(*fs);
    AppendLone(*store, 0);
    for (int64_t tick = 1; tick < 6; ++tick) {
      ASSERT_TRUE(Tick(*store, tick));
      CutLog(*store);
    }
    ASSERT_TRUE(store->head.WriteSnapshot(*fs, true));
    ASSERT_TRUE(Tick(*store, 1000));
    const int64_t min_time = kNow + 900 * kInterval;
    store->head.Truncate(min_time);
    ASSERT_TRUE(store->head.TruncateLog(*fs, min_time, UINT32_MAX, WalCompression::kNone));
    ASSERT_GT(ListSegments(*fs, "wal")->front().index, 0u) << "the test tests nothing";
  }
  {
    const auto store = Open(*fs);
    AppendLone(*store, 1001);
  }
  for (const uint32_t segment : Snapshots(*fs)) {
    ASSERT_TRUE(fs->Remove(SnapshotPath(kDir, segment)));
  }
  const auto store = Open(*fs);
  EXPECT_EQ(All(store->head)["{__name__=\"m\", i=\"77\"}"].count(kNow + 1001 * kInterval), 1u);
}

// A slot that was empty when the snapshot was taken: the series that came into it later finds its
// chunks in files.
TEST(HeadSnapshotRefsTest, ASeriesMadeAfterTheSnapshotHasItsChunkFiles) {
  const auto fs = base::MakeMemoryFileSystem();
  Values want;
  {
    const auto store = Open(*fs);
    AppendLone(*store, 0);
    store->head.Truncate(kNow + 1000 * kInterval);
    ASSERT_TRUE(store->head.WriteSnapshot(*fs, true));
    for (int64_t tick = 2000; tick < 2300; ++tick) AppendLone(*store, tick);
    ASSERT_TRUE(store->head.WriteChunks());
    want = All(store->head);
  }
  const auto store = Open(*fs);
  EXPECT_EQ(All(store->head), want);
  const uint64_t bytes = store->head.chunk_file_bytes();
  ASSERT_GT(bytes, 0u);
  ASSERT_TRUE(store->head.WriteChunks());
  EXPECT_EQ(store->head.chunk_file_bytes(), bytes) << "they are not written a second time";
}

// A slot whose series is not in the log yet does not start anew either.
TEST(HeadSnapshotRefsTest, AnUnloggedSeriesHasItsRefForItselfToo) {
  const auto fs = base::MakeMemoryFileSystem();
  model::SeriesRef first;
  model::SeriesRef unlogged;
  {
    const auto store = Open(*fs);
    first = AppendLone(*store, 0);
    store->head.Truncate(kNow + 1000 * kInterval);
    unlogged = Ref(*store->head.NewAppender(), 77);
    ASSERT_EQ(SlotOf(unlogged), SlotOf(first)) << "the test tests nothing";
    ASSERT_TRUE(store->head.WriteSnapshot(*fs, true));
  }
  const auto store = Open(*fs);
  const model::SeriesRef now = Ref(*store->head.NewAppender(), 77);
  EXPECT_NE(now, first);
  EXPECT_NE(now, unlogged);
}

TEST(HeadSnapshotWhenTest, OnlyOnceEnoughWasLogged) {
  const auto fs = base::MakeMemoryFileSystem();
  const auto store = Open(*fs);
  ASSERT_TRUE(Tick(*store, 0));
  ASSERT_TRUE(store->head.WriteSnapshot(*fs, false));
  ASSERT_EQ(Snapshots(*fs).size(), 1u);
  const uint32_t first = Snapshots(*fs).front();
  ASSERT_TRUE(Tick(*store, 1));
  ASSERT_TRUE(store->head.WriteSnapshot(*fs, false));
  EXPECT_EQ(Snapshots(*fs), std::vector<uint32_t>{first}) << "less was logged than it is large";
  for (int64_t tick = 2; tick < 100; ++tick) ASSERT_TRUE(Tick(*store, tick));
  ASSERT_TRUE(store->head.WriteSnapshot(*fs, false));
  ASSERT_EQ(Snapshots(*fs).size(), 1u);
  EXPECT_GT(Snapshots(*fs).front(), first);
}

// Every changing call of taking a snapshot fails once, also half-done; then the power goes.
TEST(HeadSnapshotFaultTest, NothingAcknowledgedIsLostByAnyFault) {
  for (const bool tear : {false, true}) {
    for (uint64_t n = 1;; ++n) {
      auto memory = base::MakeMemoryFileSystem();
      base::FaultyFileSystem fs(*memory);
      Values want;
      bool fired = false;
      {
        const auto store = Open(fs);
        ASSERT_TRUE(store);
        for (int64_t tick = 0; tick < 130; ++tick) ASSERT_TRUE(Tick(*store, tick));
        ASSERT_TRUE(store->head.WriteSnapshot(fs, true));
        for (int64_t tick = 130; tick < 260; ++tick) ASSERT_TRUE(Tick(*store, tick));
        if (tear) {
          fs.TearAt(n, 40, base::ErrorCode::kNoSpace);
        } else {
          fs.FailAt(n, base::ErrorCode::kNoSpace);
        }
        (void)store->head.WriteSnapshot(fs, true);
        fired = fs.fault_fired();
        fs.Heal();
        for (int64_t tick = 260; tick < 300; ++tick) ASSERT_TRUE(Tick(*store, tick));
        want = All(store->head);
        ASSERT_TRUE(fs.DropUnsynced());
      }
      const auto store = Open(*memory);
      ASSERT_TRUE(store);
      EXPECT_EQ(All(store->head), want) << "call " << n << " tear " << tear;
      const auto left = memory->List(kDir);
      for (const base::DirEntry& entry : *left)
        EXPECT_EQ(entry.name.find(".tmp"), std::string::npos);
      if (!fired) break;
    }
  }
}

}  // namespace
}  // namespace tributary::tsdb
