#include "tsdb/intake.h"

#include <chrono>
#include <thread>

#include "base/clock.h"
#include "base/fs_faulty.h"
#include "base/threads.h"
#include "tsdb/block/block_test_support.h"
#include "tsdb/head/head_test_support.h"

namespace tributary::tsdb {
namespace {

IntakeOptions Options() {
  IntakeOptions options{.dir = "intake", .head = {}, .log = {}, .threads = 2};
  options.head.max_exemplars = 100;
  options.log.sync_on_commit = true;
  return options;
}

std::unique_ptr<Intake> MakeIntake(base::FileSystem& fs) {
  auto intake = std::make_unique<Intake>(Options(), fs);
  EXPECT_TRUE(intake->Recover());
  return intake;
}

storage::AppendOutcome Put(storage::Appender& appender, int series, int64_t t, double v) {
  const storage::RefSample sample{Ref(appender, series), t, v};
  storage::AppendOutcome outcome = storage::AppendOutcome::kAppended;
  appender.Append({&sample, 1}, {&outcome, 1});
  return outcome;
}

bool PutOne(storage::Appendable& to, int series, int64_t t, double v) {
  const auto appender = to.NewAppender();
  return Put(*appender, series, t, v) == storage::AppendOutcome::kAppended && appender->Commit();
}

base::Status NeverLate() { return base::Internal("nothing here is late"); }

TEST(Intake, EverythingMovesAndTheDirectoryGoes) {
  const auto fs = base::MakeMemoryFileSystem();
  const auto store = Open(*fs);
  ASSERT_TRUE(Tick(*store, 0));
  const auto intake = MakeIntake(*fs);
  {
    const auto appender = intake->NewAppender();
    EXPECT_EQ(Put(*appender, 0, kNow + kInterval, 7), storage::AppendOutcome::kAppended);
    EXPECT_EQ(Put(*appender, 9, kNow, 8), storage::AppendOutcome::kAppended);
    EXPECT_EQ(
        appender->AppendHistogram(Ref(*appender, kFloatSeries), kNow + kInterval, HistogramAt(1)),
        storage::AppendOutcome::kAppended);
    appender->AppendExemplar(Ref(*appender, 0),
                             {model::Labels::Of({{"trace", "1"}}), 7, kNow + kInterval, true});
    appender->UpdateMetadata(Ref(*appender, 9), {model::MetricType::kGauge, "helps", "bytes"});
    ASSERT_TRUE(appender->Commit());
  }
  EXPECT_TRUE(*fs->Exists("intake"));
  ASSERT_TRUE(intake->MoveTo(store->head, NeverLate));
  EXPECT_FALSE(*fs->Exists("intake"));
  EXPECT_EQ(intake->NewAppender(), nullptr);

  const auto reopened = Open(*fs);  // it is in the log of the head as well
  for (StoredHead* s : {store.get(), reopened.get()}) {
    const Values all = All(s->head);
    EXPECT_EQ(all.at(R"({__name__="m", i="0"})").size(), 2u);
    EXPECT_EQ(all.at(R"({__name__="m", i="9"})").size(), 1u);
    EXPECT_EQ(all.at(R"({__name__="m", i="3"})").size(), 2u);
    int exemplars = 0;
    s->head.exemplars().EachByArrival([&](const model::Labels&, const model::Exemplar& e) {
      EXPECT_EQ(e.t, kNow + kInterval);
      ++exemplars;
    });
    EXPECT_EQ(exemplars, 1);
    const auto refs = s->head.NewAppender();
    model::Metadata metadata;
    EXPECT_TRUE(s->head.MetadataOf(Ref(*refs, 9), &metadata));
    EXPECT_EQ(metadata.unit, "bytes");
  }
}

TEST(Intake, WhatWasAcknowledgedIsThereHoweverLate) {
  const auto fs = base::MakeMemoryFileSystem();
  const auto store = Open(*fs);
  for (int64_t tick = 0; tick < 10; ++tick) ASSERT_TRUE(Tick(*store, tick));
  const auto intake = MakeIntake(*fs);
  {
    const auto appender = intake->NewAppender();
    EXPECT_EQ(Put(*appender, 0, kNow - 4 * 3'600'000, 5), storage::AppendOutcome::kAppended);
    EXPECT_EQ(Put(*appender, 0, kNow + 1, 6), storage::AppendOutcome::kAppended);
    EXPECT_EQ(Put(*appender, 0, kNow, 0), storage::AppendOutcome::kAppended);   // there already
    EXPECT_EQ(Put(*appender, 1, kNow, 99), storage::AppendOutcome::kAppended);  // is another value
    ASSERT_TRUE(appender->Commit());
  }
  int asked = 0;
  ASSERT_TRUE(intake->MoveTo(store->head, [&]() -> base::Status {
    ++asked;
    store->head.SetOutOfOrderWindow(kAnyAge, nullptr);
    return {};
  }));
  EXPECT_EQ(asked, 1);
  const PlainData data =
      ReadPlain(store->head, model::kMinTime, model::kMaxTime, {model::Matcher::Equal("i", "0")});
  ASSERT_EQ(data.size(), 1u);
  const PlainSeries& series = data.begin()->second;
  EXPECT_EQ(series.size(), 12u);
  EXPECT_EQ(series.at(kNow - 4 * 3'600'000), 5);
  EXPECT_EQ(series.at(kNow + 1), 6);
  const PlainData other = ReadPlain(store->head, kNow, kNow, {model::Matcher::Equal("i", "1")});
  EXPECT_EQ(other.begin()->second.at(kNow), 0.3) << "the first value stays";
}

TEST(Intake, WhatAKilledProcessLeftIsMovedByTheNext) {
  const auto fs = base::MakeMemoryFileSystem();
  for (int64_t start = 0; start < 3; ++start) {
    const auto intake = MakeIntake(*fs);
    const auto appender = intake->NewAppender();
    EXPECT_EQ(Put(*appender, 0, kNow + start, 1), storage::AppendOutcome::kAppended);
    EXPECT_EQ(Put(*appender, static_cast<int>(start) + 1, kNow, 1),
              storage::AppendOutcome::kAppended);
    EXPECT_EQ(Put(*appender, 0, kNow - 100 + start, 2), storage::AppendOutcome::kAppended);
    ASSERT_TRUE(appender->Commit());
  }
  const auto store = Open(*fs);
  const auto intake = MakeIntake(*fs);
  ASSERT_TRUE(intake->MoveTo(store->head, NeverLate));
  EXPECT_FALSE(*fs->Exists("intake"));
  const Values all = All(store->head);
  EXPECT_EQ(all.size(), 4u);
  EXPECT_EQ(all.at(R"({__name__="m", i="0"})").size(), 6u);
}

TEST(Intake, ItsRefsAreUnknownToTheHead) {
  const auto fs = base::MakeMemoryFileSystem();
  const auto store = Open(*fs);
  ASSERT_TRUE(Tick(*store, 0));
  for (int start = 0; start < 2; ++start) {  // also those that came back from its log
    const auto intake = MakeIntake(*fs);
    const auto early = intake->NewAppender();
    EXPECT_EQ(Put(*early, 0, kNow + start, 1), storage::AppendOutcome::kAppended);
    const model::SeriesRef ref = Ref(*early, 0);
    ASSERT_TRUE(early->Commit());
    const auto appender = store->head.NewAppender();
    const storage::RefSample sample{ref, kNow + kInterval, 1};
    storage::AppendOutcome outcome = storage::AppendOutcome::kAppended;
    appender->Append({&sample, 1}, {&outcome, 1});
    EXPECT_EQ(outcome, storage::AppendOutcome::kUnknownSeries);
    EXPECT_EQ(appender->AppendHistogram(ref, kNow, HistogramAt(1)),
              storage::AppendOutcome::kUnknownSeries);
  }
}

// However the disk fails, what was acknowledged is in the head at last.
TEST(Intake, EveryFaultLeavesWhatWasAcknowledged) {
  int faults = 0;
  for (uint64_t n = 1;; ++n) {
    const auto memory = base::MakeMemoryFileSystem();
    base::FaultyFileSystem fs(*memory);
    bool acknowledged = false;
    {
      const auto store = Open(fs);
      ASSERT_NE(store, nullptr);
      ASSERT_TRUE(Tick(*store, 0));
      fs.FailAt(n, base::ErrorCode::kNoSpace);
      Intake intake(Options(), fs);
      if (intake.Recover()) {
        const auto appender = intake.NewAppender();
        std::vector<model::Label> span;
        const model::Labels labels = model::Labels::Of({{"__name__", "m"}, {"i", "0"}});
        labels.ToSpan(&span);
        if (const auto ref = appender->GetOrCreate(span, labels.Hash())) {
          const storage::RefSample sample{*ref, kNow + kInterval, 4};
          storage::AppendOutcome outcome = storage::AppendOutcome::kAppended;
          appender->Append({&sample, 1}, {&outcome, 1});
          acknowledged = appender->Commit().has_value();
        }
      }
      (void)intake.MoveTo(store->head, NeverLate);
    }
    const bool fired = fs.fault_fired();
    fs.Heal();
    ASSERT_TRUE(fs.DropUnsynced());
    const auto store = Open(fs);
    ASSERT_NE(store, nullptr);
    Intake intake(Options(), fs);
    ASSERT_TRUE(intake.Recover());
    ASSERT_TRUE(intake.MoveTo(store->head, NeverLate)) << n;
    if (acknowledged) {
      EXPECT_EQ(All(store->head).at(R"({__name__="m", i="0"})").size(), 2u) << "fault at " << n;
    }
    if (!fired) {
      EXPECT_TRUE(acknowledged);
      break;
    }
    ++faults;
  }
  EXPECT_GT(faults, 5);
}

// The store as a whole.
struct LoadingStore {
  std::unique_ptr<base::FileSystem> fs = base::MakeMemoryFileSystem();
  base::ThreadPool pool{"loading", 2};
  std::unique_ptr<base::MetricsRegistry> metrics;
  std::unique_ptr<Db> db;

  void Open() {
    db.reset();
    metrics = std::make_unique<base::MetricsRegistry>();
    auto opened = Db::Open({.path = "data",
                            .use_lock_file = false,
                            .min_block_duration_ms = 60'000,
                            .max_block_duration_ms = 60'000,
                            .compaction_poll_ms = 2},
                           *fs, base::SystemClock(), pool, *metrics);
    ASSERT_TRUE(opened) << opened.error().message();
    db = std::move(*opened);
  }
};

TEST(LoadingStore, TakesWritesAndAnswersWhatItCan) {
  LoadingStore s;
  s.Open();
  ASSERT_TRUE(s.db->Replay());
  for (int64_t t = kNow; t < kNow + 300'000; t += 1000) ASSERT_TRUE(PutOne(*s.db, 0, t, 1));
  while (s.db->Blocks().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  ASSERT_TRUE(s.db->Close());
  s.Open();

  ASSERT_TRUE(PutOne(*s.db, 0, kNow + 300'000, 2));
  ASSERT_TRUE(PutOne(*s.db, 1, kNow + 300'000, 3));
  const int64_t in_blocks = s.db->Blocks().back().max_time - 1;
  EXPECT_EQ(ReadPlain(*s.db, kNow, in_blocks).begin()->second.size(),
            static_cast<size_t>((in_blocks - kNow) / 1000 + 1))
      << "what is in blocks is there at once";

  PlainData waited;
  std::thread asker([&] { waited = ReadPlain(*s.db); });
  std::thread loader([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_TRUE(s.db->Replay());
  });
  loader.join();
  asker.join();
  ASSERT_EQ(waited.size(), 2u);
  EXPECT_EQ(waited.begin()->second.size(), 301u) << "an answer is never made of part of the data";
  ASSERT_TRUE(PutOne(*s.db, 0, kNow + 301'000, 2));
  EXPECT_EQ(ReadPlain(*s.db).begin()->second.size(), 302u);
  EXPECT_FALSE(*s.fs->Exists("data/intake"));
}

// What was acknowledged is in every answer, so blocks alone do not do any more.
TEST(LoadingStore, AnOldSampleThatIsTakenIsWaitedFor) {
  LoadingStore s;
  s.Open();
  ASSERT_TRUE(s.db->Replay());
  for (int64_t t = kNow; t < kNow + 300'000; t += 1000) ASSERT_TRUE(PutOne(*s.db, 0, t, 1));
  while (s.db->Blocks().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  ASSERT_TRUE(s.db->Close());
  s.Open();
  const int64_t in_blocks = s.db->Blocks().back().max_time - 1;
  ASSERT_TRUE(PutOne(*s.db, 0, kNow + 500, 2));
  PlainData answer;
  std::thread asker([&] { answer = ReadPlain(*s.db, kNow, in_blocks); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ASSERT_TRUE(s.db->Replay());
  asker.join();
  ASSERT_EQ(answer.size(), 1u);
  EXPECT_EQ(answer.begin()->second.size(), static_cast<size_t>((in_blocks - kNow) / 1000 + 2));
  EXPECT_TRUE(answer.begin()->second.contains(kNow + 500));
}

TEST(LoadingStore, SixteenWaitAndTheNextIsSentAway) {
  LoadingStore s;
  s.Open();
  ASSERT_TRUE(PutOne(*s.db, 0, kNow, 1));
  std::atomic<int> answered = 0;
  std::atomic<int> sent_away = 0;
  std::vector<std::thread> askers;
  for (int i = 0; i < 20; ++i) {
    askers.emplace_back([&] {
      const auto querier = s.db->NewQuerier(kNow, kNow);
      if (querier) {
        ++answered;
      } else {
        EXPECT_EQ(querier.error().code(), base::ErrorCode::kUnavailable);
        ++sent_away;
      }
    });
  }
  while (sent_away.load() < 4) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(answered.load(), 0);
  ASSERT_TRUE(s.db->Replay());
  for (std::thread& asker : askers) asker.join();
  EXPECT_EQ(answered.load(), 16);
  EXPECT_EQ(sent_away.load(), 4);
}

TEST(LoadingStore, NobodyWaitsForLongerThanTenSeconds) {
  LoadingStore s;
  s.Open();  // and is not loaded
  const auto begin = std::chrono::steady_clock::now();
  const auto querier = s.db->NewQuerier(kNow, kNow);
  const auto took = std::chrono::steady_clock::now() - begin;
  ASSERT_FALSE(querier);
  EXPECT_EQ(querier.error().code(), base::ErrorCode::kUnavailable);
  EXPECT_GE(took, std::chrono::seconds(10));
  EXPECT_LT(took, std::chrono::seconds(20));
}

// Commits go on while the store turns from loading to loaded.
TEST(LoadingStore, NoCommitIsLostInBetween) {
  LoadingStore s;
  s.Open();
  std::atomic<bool> stop = false;
  std::array<int64_t, 3> committed{};
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 3; ++writer) {
    writers.emplace_back([&, writer] {
      for (int64_t t = kNow; !stop.load(); ++t) {
        if (PutOne(*s.db, writer, t, 1)) ++committed[static_cast<size_t>(writer)];
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ASSERT_TRUE(s.db->Replay());
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  stop.store(true);
  for (std::thread& writer : writers) writer.join();
  const PlainData data = ReadPlain(*s.db);
  ASSERT_EQ(data.size(), 3u);
  size_t i = 0;
  for (const auto& [labels, samples] : data) {
    EXPECT_EQ(samples.size(), static_cast<size_t>(committed[i])) << labels.ToString();
    EXPECT_GT(committed[i++], 2);
  }
}

}  // namespace
}  // namespace tributary::tsdb
