// Samples out of order in the head: who is let in, what readers see, and what the log brings back.
#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fs_faulty.h"
#include "base/metrics.h"
#include "tsdb/block/block_test_support.h"
#include "tsdb/block/stored_sample.h"
#include "tsdb/head/head.h"
#include "tsdb/wal/segment.h"

namespace tributary::tsdb {
namespace {

using model::Labels;
using model::SeriesRef;
using storage::AppendOutcome;
using ::testing::ElementsAre;

constexpr int64_t kNow = 1'700'000'000'000;
constexpr int64_t kMinute = 60'000;
constexpr int64_t kHour = 60 * kMinute;

Labels Name(std::string_view name) { return Labels::Of({{"__name__", name}}); }

SeriesRef RefOf(storage::Appender& appender, const Labels& labels) {
  std::vector<model::Label> span;
  labels.ToSpan(&span);
  const auto ref = appender.GetOrCreate(span, labels.Hash());
  EXPECT_TRUE(ref);
  return *ref;
}

std::vector<AppendOutcome> Append(storage::Appender& appender, const Labels& labels,
                                  const PlainSeries& samples) {
  std::vector<storage::RefSample> list;
  const SeriesRef ref = RefOf(appender, labels);
  for (const auto& [t, v] : samples) list.push_back({ref, t, v});
  std::vector<AppendOutcome> outcomes(list.size());
  appender.Append(list, outcomes);
  return outcomes;
}

// One commit of one sample.
AppendOutcome Put(Head& head, const Labels& labels, int64_t t, double v) {
  const auto appender = head.NewAppender();
  const AppendOutcome outcome = Append(*appender, labels, {{t, v}}).front();
  EXPECT_TRUE(appender->Commit());
  return outcome;
}

double Metric(const base::MetricsRegistry& registry, const std::string& name) {
  const std::string text = registry.RenderText();
  const size_t at = text.find("\n" + name + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
}

model::Histogram SmallHistogram(uint64_t count) {
  model::Histogram h;
  h.schema = 0;
  h.count = count;
  h.sum = static_cast<double>(count);
  h.positive_spans = {{0, 1}};
  h.positive_buckets = {static_cast<int64_t>(count)};
  return h;
}

// All samples of all kinds that a querier sees of one series, by time; a float is its own, a
// histogram its count.
std::map<int64_t, double> ReadAny(Head& head, int64_t min = model::kMinTime,
                                  int64_t max = model::kMaxTime) {
  std::map<int64_t, double> out;
  const auto querier = head.NewQuerier(min, max);
  const auto selection = (*querier)->Select({}, {});
  storage::ChunkBuffer buffer;
  for (size_t i = 0; i < (*selection)->size(); ++i) {
    std::vector<chunk::ChunkView> chunks;
    EXPECT_TRUE((*selection)->Chunks(i, &buffer, &chunks));
    EXPECT_TRUE(std::ranges::is_sorted(chunks, {}, &chunk::ChunkView::min_time));
    std::vector<StoredSample> samples;
    for (const chunk::ChunkView& chunk : chunks) {
      EXPECT_TRUE(DecodeSamples(chunk, {min, max}, &samples));
    }
    for (const StoredSample& s : samples) {
      const auto* h = std::get_if<1>(&s.value);
      const auto* fh = std::get_if<2>(&s.value);
      out[s.t] = h ? static_cast<double>((*h)->count) : fh ? (*fh)->count : std::get<0>(s.value);
    }
  }
  return out;
}

class OutOfOrderTest : public ::testing::Test {
 protected:
  OutOfOrderTest() { head_.SetOutOfOrderWindow(2 * kHour, nullptr); }
  base::MetricsRegistry registry_;
  Head head_{{}, registry_, nullptr};
};

TEST_F(OutOfOrderTest, TheWindowDecidesByPrometheusRules) {
  const auto f = [&](std::string_view name, int64_t t, double v, AppendOutcome want) {
    EXPECT_EQ(Put(head_, Name(name), t, v), want) << name << " " << t - kNow << " " << v;
  };
  f("a", kNow, 1, AppendOutcome::kAppended);
  f("a", kNow - 1, 2, AppendOutcome::kAppended);
  f("a", kNow - 1, 2, AppendOutcome::kDuplicate);
  f("a", kNow - 1, 3, AppendOutcome::kDuplicateTimestamp);
  f("a", kNow, 1, AppendOutcome::kDuplicate);
  f("a", kNow, 2, AppendOutcome::kDuplicateTimestamp);
  f("a", kNow - 2 * kHour, 3, AppendOutcome::kAppended);
  f("a", kNow - 2 * kHour - 1, 3, AppendOutcome::kTooOld);
  // A new series: within an hour of the newest sample of all it begins in order, else not.
  f("b", kNow - 30 * kMinute, 1, AppendOutcome::kAppended);
  f("b", kNow - 31 * kMinute, 1, AppendOutcome::kAppended);
  f("c", kNow - 90 * kMinute, 1, AppendOutcome::kAppended);
  f("c", kNow - 90 * kMinute, 1, AppendOutcome::kDuplicate);
  f("c", kNow - 30 * kMinute, 2, AppendOutcome::kAppended);
  f("d", kNow - 3 * kHour, 1, AppendOutcome::kTooOld);
  EXPECT_EQ(ReadPlain(head_),
            (PlainData{{Name("a"), {{kNow - 2 * kHour, 3}, {kNow - 1, 2}, {kNow, 1}}},
                       {Name("b"), {{kNow - 31 * kMinute, 1}, {kNow - 30 * kMinute, 1}}},
                       {Name("c"), {{kNow - 90 * kMinute, 1}, {kNow - 30 * kMinute, 2}}}}));
  const std::string late = "prometheus_tsdb_head_out_of_order_samples_appended_total";
  EXPECT_EQ(Metric(registry_, late + "{type=\"float\"}"), 4);
  EXPECT_EQ(Metric(registry_, "prometheus_tsdb_head_samples_appended_total{type=\"float\"}"), 7);
  EXPECT_EQ(Metric(registry_, "prometheus_tsdb_too_old_samples_total{type=\"float\"}"), 2);
  EXPECT_EQ(Metric(registry_, "prometheus_tsdb_out_of_order_samples_total{type=\"float\"}"), 0);
  EXPECT_GT(Metric(registry_, "prometheus_tsdb_sample_ooo_delta_count"), 4);
}

TEST_F(OutOfOrderTest, ADuplicateOfAnOlderSampleIsFoundWhereverItIs) {
  const Labels a = Name("a");
  // Closed chunks, the open chunk, sealed ones out of order, the open one out of order.
  for (int i = 0; i < 300; ++i) Put(head_, a, kNow + i * 15'000, i);
  for (int i = 0; i < 100; ++i) Put(head_, a, kNow + i * 15'000 + 1, i);
  for (int i = 0; i < 299; i += 20) {
    EXPECT_EQ(Put(head_, a, kNow + i * 15'000, i), AppendOutcome::kDuplicate) << i;
    EXPECT_EQ(Put(head_, a, kNow + i * 15'000, i + 1), AppendOutcome::kDuplicateTimestamp) << i;
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(Put(head_, a, kNow + i * 15'000 + 1, i), AppendOutcome::kDuplicate) << i;
  }
  EXPECT_EQ(ReadPlain(head_)[a].size(), 400u);
}

TEST_F(OutOfOrderTest, ARequestMayHoldItsSamplesInAnyOrder) {
  const auto appender = head_.NewAppender();
  const SeriesRef a = RefOf(*appender, Name("a"));
  const SeriesRef b = RefOf(*appender, Name("b"));
  const std::vector<storage::RefSample> samples{
      {a, kNow, 1}, {a, kNow - 2, 2}, {b, kNow, 3}, {a, kNow - 1, 4}, {a, kNow - 3 * kHour, 5}};
  std::vector<AppendOutcome> outcomes(samples.size());
  appender->Append(samples, outcomes);
  EXPECT_THAT(outcomes,
              ElementsAre(AppendOutcome::kAppended, AppendOutcome::kAppended,
                          AppendOutcome::kAppended, AppendOutcome::kAppended, testing::_));
  EXPECT_TRUE(ReadPlain(head_).empty()) << "nothing is seen before the commit";
  ASSERT_TRUE(appender->Commit());
  EXPECT_EQ(ReadPlain(head_)[Name("a")], (PlainSeries{{kNow - 2, 2}, {kNow - 1, 4}, {kNow, 1}}));
}

TEST_F(OutOfOrderTest, WhoIsOvertakenBetweenAppendAndCommitIsPutBeside) {
  const Labels a = Name("a");
  Put(head_, a, kNow, 0);
  const auto slow = head_.NewAppender();
  EXPECT_THAT(Append(*slow, a, {{kNow + 1000, 1}}), ElementsAre(AppendOutcome::kAppended));
  Put(head_, a, kNow + 2000, 2);
  ASSERT_TRUE(slow->Commit());
  EXPECT_EQ(ReadPlain(head_)[a], (PlainSeries{{kNow, 0}, {kNow + 1000, 1}, {kNow + 2000, 2}}));
}

TEST_F(OutOfOrderTest, StaleMarkersOfScrapersAreNotTakenLate) {
  const Labels a = Name("a");
  Put(head_, a, kNow, 0);
  const auto scraper = head_.NewAppender();
  scraper->RejectLateStaleMarkers();
  EXPECT_THAT(Append(*scraper, a, {{kNow - 2, 1}, {kNow - 1, model::StaleNaN()}}),
              ElementsAre(AppendOutcome::kAppended, AppendOutcome::kOutOfOrder));
  ASSERT_TRUE(scraper->Commit());
  EXPECT_EQ(Put(head_, a, kNow - 3, model::StaleNaN()), AppendOutcome::kAppended);
  EXPECT_EQ(ReadPlain(head_)[a].size(), 3u);
}

TEST_F(OutOfOrderTest, AnyOrderReadsTheSame) {
  // Several sealed chunks that overlap each other and those in order.
  std::mt19937 random(1);
  std::vector<int64_t> times;
  PlainSeries want;
  for (int i = 0; i < 500; ++i) times.push_back(kNow + i * 10'000);
  std::shuffle(times.begin(), times.end(), random);
  const Labels a = Name("a");
  for (const int64_t t : times) {
    want[t] = static_cast<double>(t % 1009);
    ASSERT_EQ(Put(head_, a, t, want[t]), AppendOutcome::kAppended);
  }
  EXPECT_EQ(ReadPlain(head_)[a], want);
  EXPECT_GT(head_.NumChunks(), 10u);
  for (int i = 0; i < 50; ++i) {
    int64_t min = times[random() % times.size()], max = times[random() % times.size()];
    if (min > max) std::swap(min, max);
    const PlainSeries part(want.lower_bound(min), want.upper_bound(max));
    EXPECT_EQ(ReadPlain(head_, min, max)[a], part);
  }
  EXPECT_TRUE(ReadPlain(head_, kNow - kHour, kNow - 1).empty());
}

TEST_F(OutOfOrderTest, HistogramsOfBothKindsAndTheirStaleMarkers) {
  const auto put = [&](int64_t t, const auto& h) {
    const auto appender = head_.NewAppender();
    const AppendOutcome outcome = appender->AppendHistogram(RefOf(*appender, Name("h")), t, h);
    EXPECT_TRUE(appender->Commit());
    return outcome;
  };
  std::map<int64_t, double> want;
  for (int i = 0; i < 100; ++i) {
    // 37 and 100 share no divisor: all of 0 to 99, in no order.
    const int64_t t = kNow + (i * 37 % 100) * kMinute / 2;
    const auto count = static_cast<uint64_t>(i + 1);
    want[t] = static_cast<double>(count);
    if (i % 3 == 0) {
      EXPECT_EQ(put(t, model::ToFloat(SmallHistogram(count))), AppendOutcome::kAppended);
    } else {
      EXPECT_EQ(put(t, SmallHistogram(count)), AppendOutcome::kAppended);
    }
  }
  EXPECT_EQ(ReadAny(head_), want);
  const int64_t newest = want.rbegin()->first;
  EXPECT_EQ(put(newest - 1, SmallHistogram(7)), AppendOutcome::kAppended);
  EXPECT_EQ(put(newest - 1, SmallHistogram(7)), AppendOutcome::kDuplicate);
  EXPECT_EQ(put(newest - 1, SmallHistogram(8)), AppendOutcome::kDuplicateTimestamp);
  EXPECT_EQ(put(newest - 3 * kHour, SmallHistogram(8)), AppendOutcome::kTooOld);
  EXPECT_EQ(Put(head_, Name("h"), newest - 2, model::StaleNaN()), AppendOutcome::kAppended);
  EXPECT_EQ(ReadAny(head_).size(), want.size() + 2);
  const std::string late = "prometheus_tsdb_head_out_of_order_samples_appended_total";
  EXPECT_GT(Metric(registry_, late + "{type=\"histogram\"}"), 50);
  EXPECT_EQ(Metric(registry_, "prometheus_tsdb_too_old_samples_total{type=\"histogram\"}"), 1);
}

TEST_F(OutOfOrderTest, WhatWaitsIsSeenAndCompactedAfterTheWindowIsClosed) {
  const Labels a = Name("a");
  Put(head_, a, kNow, 1);
  Put(head_, a, kNow - 1000, 2);
  head_.SetOutOfOrderWindow(0, nullptr);
  EXPECT_EQ(Put(head_, a, kNow - 2000, 3), AppendOutcome::kOutOfOrder);
  EXPECT_EQ(Put(head_, a, kNow - 2 * kHour, 3), AppendOutcome::kOutOfBounds);
  EXPECT_EQ(ReadPlain(head_)[a], (PlainSeries{{kNow - 1000, 2}, {kNow, 1}}));
  const auto begins = head_.out_of_order().Seal(kHour);
  ASSERT_TRUE(begins);
  EXPECT_EQ(begins->size(), 1u);
  const auto memory = base::MakeMemoryFileSystem();
  ASSERT_TRUE(head_.out_of_order().Truncate(*memory));
  EXPECT_TRUE(head_.out_of_order().empty());
  EXPECT_EQ(ReadPlain(head_)[a], (PlainSeries{{kNow, 1}}));
}

TEST_F(OutOfOrderTest, ACompactionTakesWhatWasThereWhenItBegan) {
  const Labels a = Name("a");
  Put(head_, a, kNow, 1);
  PlainSeries marked;
  // A chunk whose samples lie in ranges far apart names just those.
  for (const int64_t t : {kNow - 90 * kMinute, kNow - 88 * kMinute, kNow - 5 * kMinute}) {
    marked[t] = 2;
    Put(head_, a, t, 2);
  }
  const auto begins = head_.out_of_order().Seal(10 * kMinute);
  ASSERT_TRUE(begins);
  std::set<int64_t> want_begins;
  for (const auto& [t, v] : marked) want_begins.insert(t - t % (10 * kMinute));
  EXPECT_EQ(std::set<int64_t>(begins->begin(), begins->end()), want_begins);
  Put(head_, a, kNow - 89 * kMinute, 3);  // comes too late for this one
  {
    const auto selection = head_.out_of_order().SelectMarked(kNow - 2 * kHour, kNow);
    ASSERT_EQ(selection->size(), 1u);
    std::vector<chunk::ChunkView> chunks;
    std::vector<StoredSample> samples;
    storage::ChunkBuffer buffer;
    ASSERT_TRUE(selection->Chunks(0, &buffer, &chunks));
    for (const auto& c : chunks) {
      ASSERT_TRUE(DecodeSamples(c, {model::kMinTime, model::kMaxTime}, &samples));
    }
    EXPECT_EQ(samples.size(), marked.size());
  }
  EXPECT_EQ(head_.out_of_order().SelectMarked(kNow - 60 * kMinute, kNow - 50 * kMinute)->size(), 1u)
      << "by the bounds of the chunk, whatever is in it";
  EXPECT_EQ(ReadPlain(head_)[a].size(), 5u);
  const auto memory = base::MakeMemoryFileSystem();
  ASSERT_TRUE(head_.out_of_order().Truncate(*memory));
  EXPECT_EQ(ReadPlain(head_)[a], (PlainSeries{{kNow - 89 * kMinute, 3}, {kNow, 1}}));
  // A querier made in between sees the next compaction's samples all the same.
  const auto querier = head_.NewQuerier(model::kMinTime, model::kMaxTime);
  ASSERT_TRUE(head_.out_of_order().Seal(10 * kMinute));
  const auto selection = (*querier)->Select({}, {});
  std::vector<chunk::ChunkView> chunks;
  storage::ChunkBuffer buffer;
  ASSERT_TRUE((*selection)->Chunks(0, &buffer, &chunks));
  EXPECT_EQ(chunks.size(), 2u);
}

TEST_F(OutOfOrderTest, TruncationKeepsSeriesThatHaveNothingElse) {
  Put(head_, Name("a"), kNow - 100 * kMinute, 1);
  Put(head_, Name("new"), kNow, 1);
  Put(head_, Name("a"), kNow - 110 * kMinute, 2);
  for (int i = 0; i < 3; ++i) {
    head_.Truncate(kNow - kMinute + i);
    EXPECT_EQ(ReadPlain(head_)[Name("a")].size(), 1u) << "what came in order went";
  }
  ASSERT_TRUE(head_.out_of_order().Seal(kHour));
  const auto memory = base::MakeMemoryFileSystem();
  ASSERT_TRUE(head_.out_of_order().Truncate(*memory));
  for (int i = 0; i < 3; ++i) head_.Truncate(kNow - 10 + i);
  EXPECT_EQ(head_.num_series(), 1u);
}

// The two logs behind the head.
class OutOfOrderLogTest : public ::testing::Test {
 protected:
  struct Store {
    base::MetricsRegistry registry;
    WalMetrics wal_metrics{registry};
    std::unique_ptr<WalWriter> wal, wbl;
    std::unique_ptr<Head> head = std::make_unique<Head>(HeadOptions{}, registry, &wal_metrics);
    ~Store() { head.reset(); }
  };
  static std::unique_ptr<Store> Open(base::FileSystem& fs, bool sync = false) {
    auto store = std::make_unique<Store>();
    if (!store->head->Replay(fs, {.wal_dir = "wal", .threads = 2})) return nullptr;
    if (!store->head->out_of_order().Replay(fs, "wbl")) return nullptr;
    for (auto [dir, log] : {std::pair{"wal", &store->wal}, {"wbl", &store->wbl}}) {
      WalWriterOptions options{.dir = dir, .segment_bytes = 4 * kWalPageBytes};
      options.sync_on_commit = sync;
      auto opened = WalWriter::Open(fs, options, nullptr);
      if (!opened) return nullptr;
      *log = std::move(*opened);
    }
    store->head->LogTo(store->wal.get());
    store->head->SetOutOfOrderWindow(2 * kHour, store->wbl.get());
    return store;
  }
  const std::unique_ptr<base::FileSystem> fs_ = base::MakeMemoryFileSystem();
};

TEST_F(OutOfOrderLogTest, ReplayGivesBackWhatWasThere) {
  PlainData want;
  std::mt19937 random(3);
  for (int restart = 0; restart < 4; ++restart) {
    const auto store = Open(*fs_);
    ASSERT_TRUE(store);
    EXPECT_EQ(ReadPlain(*store->head), want);
    for (int i = 0; i < 400; ++i) {
      const Labels labels = Name("s" + std::to_string(random() % 5));
      const int64_t t = kNow + static_cast<int64_t>(random() % 3'000'000);
      if (want[labels].contains(t)) continue;
      ASSERT_EQ(Put(*store->head, labels, t, i), AppendOutcome::kAppended);
      want[labels][t] = i;
    }
  }
}

TEST_F(OutOfOrderLogTest, ALateSampleIsLoggedToo) {
  const Labels a = Name("a");
  {
    const auto store = Open(*fs_);
    Put(*store->head, a, kNow, 0);
    const auto slow = store->head->NewAppender();
    Append(*slow, a, {{kNow + 1000, 1}});
    Put(*store->head, a, kNow + 2000, 2);
    ASSERT_TRUE(slow->Commit());
  }
  EXPECT_EQ(ReadPlain(*Open(*fs_)->head)[a].size(), 3u);
}

TEST_F(OutOfOrderLogTest, ATornTailIsCutOffAndDamagePassedOver) {
  const Labels a = Name("a");
  {
    const auto store = Open(*fs_);
    Put(*store->head, a, kNow, 0);
    for (int i = 1; i <= 10; ++i) Put(*store->head, a, kNow - i * 1000, i);
  }
  const auto segments = ListSegments(*fs_, "wbl");
  const std::string path = SegmentPath("wbl", segments->back().index);
  // Close() pads the page: the last record ends long before the file does.
  {
    const auto file = fs_->OpenForAppend(path);
    ASSERT_TRUE((*file)->Truncate(200));
  }
  size_t left = 0;
  {
    const auto store = Open(*fs_);
    ASSERT_TRUE(store);
    left = ReadPlain(*store->head)[a].size();
    EXPECT_GT(left, 2u);
    EXPECT_LT(left, 11u);
    EXPECT_EQ(store->wal_metrics.corruptions.value(), 1);
    ASSERT_EQ(Put(*store->head, a, kNow - 77, 77), AppendOutcome::kAppended);
  }
  const auto store = Open(*fs_);
  EXPECT_EQ(ReadPlain(*store->head)[a].size(), left + 1);
  EXPECT_EQ(store->wal_metrics.corruptions.value(), 0) << "it was cut off";
}

TEST_F(OutOfOrderLogTest, MarkersUnknownSeriesAndNonsenseDoNoHarm) {
  const Labels a = Name("a");
  SeriesRef ref;
  {
    const auto store = Open(*fs_);
    Put(*store->head, a, kNow, 0);
    ref = RefOf(*store->head->NewAppender(), a);
    RecordBatch batch;
    EncodeMmapMarkers(std::vector<RefMmapMarker>{{ref, 0}, {SeriesRef(999), 1ull << 32}},
                      batch.buffer());
    batch.EndRecord();
    batch.AddSamples(std::vector<storage::RefSample>{
        {ref, kNow - 2, 1}, {ref, kNow - 1, 2}, {SeriesRef(1u << 20), kNow, 3}});
    // Prometheus has the samples before this in a file; the log has them as well.
    EncodeMmapMarkers(std::vector<RefMmapMarker>{{ref, 1ull << 32 | 8}}, batch.buffer());
    batch.EndRecord();
    batch.AddSamples(std::vector<storage::RefSample>{{ref, kNow - 3, 3}});
    batch.buffer()->append("\x05half a marker");
    batch.EndRecord();
    ASSERT_TRUE(store->wbl->Log(batch));
  }
  const auto store = Open(*fs_);
  ASSERT_TRUE(store);
  EXPECT_EQ(ReadPlain(*store->head)[a],
            (PlainSeries{{kNow - 3, 3}, {kNow - 2, 1}, {kNow - 1, 2}, {kNow, 0}}));
  EXPECT_EQ(store->wal_metrics.corruptions.value(), 1);
  EXPECT_EQ(
      Metric(store->registry, "prometheus_tsdb_wbl_replay_unknown_refs_total{type=\"samples\"}"),
      1);
}

TEST_F(OutOfOrderLogTest, TruncationRemovesTheLogOfWhatWentIntoBlocks) {
  const Labels a = Name("a");
  {
    const auto store = Open(*fs_);
    Put(*store->head, a, kNow, 0);
    for (int i = 1; i <= 100; ++i) Put(*store->head, a, kNow - i * 1000, i);
    ASSERT_TRUE(store->head->out_of_order().Seal(kHour));
    Put(*store->head, a, kNow - 1, 1);
    ASSERT_TRUE(store->head->out_of_order().Truncate(*fs_));
    EXPECT_EQ(ListSegments(*fs_, "wbl")->size(), 1u);
  }
  EXPECT_EQ(ReadPlain(*Open(*fs_)->head)[a], (PlainSeries{{kNow - 1, 1}, {kNow, 0}}));
}

// Every changing call fails once, also half-done; then the power goes.
TEST_F(OutOfOrderLogTest, WhatWasAcknowledgedSurvivesAnyFault) {
  for (const bool tear : {false, true}) {
    for (uint64_t n = 1;; ++n) {
      const auto memory = base::MakeMemoryFileSystem();
      base::FaultyFileSystem faulty(*memory);
      if (tear) {
        faulty.TearAt(n, 40, base::ErrorCode::kNoSpace);
      } else {
        faulty.FailAt(n, base::ErrorCode::kNoSpace);
      }
      PlainData acknowledged;
      bool fired = true;
      if (const auto store = Open(faulty, true)) {
        for (int i = 0; i < 6; ++i) {
          const Labels labels = Name(i % 2 == 0 ? "a" : "b");
          const int64_t t = kNow + (i < 2 ? 0 : -i * 1000);
          const auto appender = store->head->NewAppender();
          ASSERT_THAT(Append(*appender, labels, {{t, i}}), ElementsAre(AppendOutcome::kAppended));
          if (appender->Commit()) {
            acknowledged[labels][t] = i;
          } else {
            EXPECT_FALSE(ReadPlain(*store->head)[labels].contains(t)) << "it was refused";
          }
        }
        fired = faulty.fault_fired();
        faulty.Heal();
        ASSERT_TRUE(faulty.DropUnsynced());
      }
      const auto after = Open(*memory);
      ASSERT_TRUE(after) << n;
      PlainData got = ReadPlain(*after->head);
      for (const auto& [labels, samples] : acknowledged) {
        for (const auto& [t, v] : samples) {
          EXPECT_EQ(got[labels].contains(t), true) << n << " tear " << tear << " " << t - kNow;
        }
      }
      if (!fired) break;
      ASSERT_LT(n, 500u);
    }
  }
}

// Appends, queries and compactions at once: nothing is seen twice with two values, nothing is
// missing. Mostly for the thread sanitizer.
TEST_F(OutOfOrderLogTest, EverythingAtOnce) {
  const auto store = Open(*fs_);
  Head& head = *store->head;
  constexpr int kWriters = 3;
  constexpr int kSamples = 400;
  for (int w = 0; w < kWriters; ++w) Put(head, Name("s" + std::to_string(w)), kNow, 0);
  std::atomic<bool> stop{false};
  std::vector<std::jthread> threads;
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&head, w] {
      const Labels labels = Name("s" + std::to_string(w));
      for (int i = 1; i <= kSamples; ++i) {
        Put(head, labels, kNow - (i * 37 % 1000) * 1000, i);
        if (i % 10 == 0) Put(head, labels, kNow + i, i);
      }
    });
  }
  std::jthread reader([&] {
    while (!stop) ReadPlain(head, kNow - kHour, kNow + kHour);
  });
  PlainData compacted;
  std::jthread compactor([&] {
    while (!stop) {
      ASSERT_TRUE(head.out_of_order().Seal(kHour));
      {
        const auto selection = head.out_of_order().SelectMarked(model::kMinTime, model::kMaxTime);
        storage::ChunkBuffer buffer;
        for (size_t i = 0; i < selection->size(); ++i) {
          std::vector<chunk::ChunkView> chunks;
          std::vector<StoredSample> samples;
          ASSERT_TRUE(selection->Chunks(i, &buffer, &chunks));
          for (const auto& c : chunks) {
            ASSERT_TRUE(DecodeSamples(c, {model::kMinTime, model::kMaxTime}, &samples));
          }
          for (const StoredSample& s : samples) {
            compacted[selection->LabelsOf(i)][s.t] = std::get<0>(s.value);
          }
        }
      }
      ASSERT_TRUE(head.out_of_order().Truncate(*fs_));
    }
  });
  threads.clear();
  stop = true;
  compactor.join();
  reader.join();
  PlainData all = ReadPlain(head);
  for (const auto& [labels, samples] : compacted)
    all[labels].insert(samples.begin(), samples.end());
  for (int w = 0; w < kWriters; ++w) {
    EXPECT_EQ(all[Name("s" + std::to_string(w))].size(), 1u + kSamples + kSamples / 10);
  }
}

}  // namespace
}  // namespace tributary::tsdb
