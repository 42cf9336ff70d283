#include "tsdb/head/head.h"

#include <algorithm>
#include <bit>
#include <malloc.h>
#include <map>
#include <random>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fs_faulty.h"
#include "base/metrics.h"
#include "chunk/histogram_reader.h"
#include "chunk/xor_chunk.h"
#include "tsdb/wal/segment.h"
#include "tsdb/wal/wal_reader.h"

namespace tributary::tsdb {
namespace {

using model::Labels;
using model::Matcher;
using model::MatchType;
using model::SeriesRef;
using storage::AppendOutcome;
using ::testing::ElementsAre;

constexpr int64_t kNow = 1'700'000'000'000;
constexpr int64_t kHour = 3'600'000;

std::vector<model::Label> SpanOf(const Labels& labels) {
  std::vector<model::Label> span;
  labels.ToSpan(&span);
  return span;
}

SeriesRef Ref(storage::Appender& appender, const Labels& labels) {
  const auto ref = appender.GetOrCreate(SpanOf(labels), labels.Hash());
  EXPECT_TRUE(ref) << ref.error().message();
  return *ref;
}

AppendOutcome AppendOne(storage::Appender& appender, SeriesRef ref, int64_t t, double v) {
  const storage::RefSample sample{ref, t, v};
  AppendOutcome outcome = AppendOutcome::kInvalid;
  appender.Append({&sample, 1}, {&outcome, 1});
  return outcome;
}

// One commit of one sample.
AppendOutcome Put(Head& head, const Labels& labels, int64_t t, double v) {
  const auto appender = head.NewAppender();
  const AppendOutcome outcome = AppendOne(*appender, Ref(*appender, labels), t, v);
  EXPECT_TRUE(appender->Commit());
  return outcome;
}

using Samples = std::vector<std::pair<int64_t, uint64_t>>;

Samples Decode(const std::vector<chunk::ChunkView>& chunks) {
  Samples out;
  for (const chunk::ChunkView& c : chunks) {
    const size_t n = chunk::ChunkNumSamples(c.data);
    std::vector<int64_t> t(n);
    std::vector<double> v(n);
    const auto decoded = chunk::XorDecode(c.data, t.data(), v.data());
    EXPECT_TRUE(decoded);
    EXPECT_EQ(t.front(), c.min_time);
    EXPECT_EQ(t.back(), c.max_time);
    for (size_t i = 0; i < n; ++i) out.emplace_back(t[i], std::bit_cast<uint64_t>(v[i]));
  }
  return out;
}

// Everything the matchers select, by labels.
std::map<std::string, Samples> Query(Head& head, const std::vector<Matcher>& matchers,
                                     int64_t min_time = model::kMinTime,
                                     int64_t max_time = model::kMaxTime) {
  std::map<std::string, Samples> out;
  const auto querier = head.NewQuerier(min_time, max_time);
  const auto selection = (*querier)->Select(matchers, {});
  EXPECT_TRUE(selection);
  storage::ChunkBuffer buffer;
  for (size_t i = 0; i < (*selection)->size(); ++i) {
    std::vector<chunk::ChunkView> chunks;
    EXPECT_TRUE((*selection)->Chunks(i, &buffer, &chunks));
    out[(*selection)->LabelsOf(i).ToString()] = Decode(chunks);
    buffer.Clear();
  }
  return out;
}

uint64_t Bits(double v) { return std::bit_cast<uint64_t>(v); }

class HeadTest : public ::testing::Test {
 protected:
  base::MetricsRegistry registry_;
  Head head_{{}, registry_, nullptr};
};

TEST_F(HeadTest, AppendFollowsPrometheusRules) {
  const Labels a = Labels::Of({{"__name__", "a"}});
  const auto f = [&](int64_t t, double v, AppendOutcome want) {
    EXPECT_EQ(Put(head_, a, t, v), want) << t - kNow << " " << v;
  };
  f(kNow, 1, AppendOutcome::kAppended);
  f(kNow, 1, AppendOutcome::kDuplicate);
  f(kNow, 2, AppendOutcome::kDuplicateTimestamp);
  f(kNow, -1, AppendOutcome::kDuplicateTimestamp);
  f(kNow + 1, model::StaleNaN(), AppendOutcome::kAppended);
  f(kNow + 1, model::StaleNaN(), AppendOutcome::kDuplicate);
  f(kNow + 1, model::NormalNaN(), AppendOutcome::kDuplicateTimestamp);
  f(kNow - 1, 1, AppendOutcome::kOutOfOrder);
  f(kNow + 1 - kHour, 1, AppendOutcome::kOutOfOrder);
  f(kNow - kHour, 1, AppendOutcome::kOutOfBounds);
  f(kNow + 24 * kHour, 3, AppendOutcome::kAppended);
  f(kNow + 2, 3, AppendOutcome::kOutOfBounds);
  // What is there already may be sent again, however late.
  f(kNow, 1, AppendOutcome::kDuplicate);
  f(kNow, 2, AppendOutcome::kOutOfBounds);
  f(kNow + 1, model::StaleNaN(), AppendOutcome::kDuplicate);
  // Another series may still be written up to an hour behind the newest sample of the head.
  EXPECT_EQ(Put(head_, Labels::Of({{"__name__", "b"}}), kNow + 23 * kHour, 1),
            AppendOutcome::kAppended);
  EXPECT_EQ(Put(head_, Labels::Of({{"__name__", "c"}}), kNow + 23 * kHour - 1, 1),
            AppendOutcome::kOutOfBounds);
  EXPECT_EQ(
      Query(head_, {Matcher::Equal("__name__", "a")})["{__name__=\"a\"}"],
      (Samples{{kNow, Bits(1)}, {kNow + 1, model::kStaleNaNBits}, {kNow + 24 * kHour, Bits(3)}}));
}

TEST_F(HeadTest, ABadSampleDoesNotTakeItsNeighboursWithIt) {
  const auto appender = head_.NewAppender();
  const SeriesRef a = Ref(*appender, Labels::Of({{"a", "1"}}));
  const SeriesRef b = Ref(*appender, Labels::Of({{"b", "1"}}));
  const std::vector<storage::RefSample> samples{{a, kNow, 1},
                                                {a, kNow, 1},
                                                {a, kNow, 2},
                                                {a, kNow - 1, 3},
                                                {a, kNow + 5, 4},
                                                {b, kNow, 1},
                                                {SeriesRef(0), kNow, 1},
                                                {SeriesRef(999'999), kNow, 1}};
  std::vector<AppendOutcome> outcomes(samples.size());
  appender->Append(samples, outcomes);
  EXPECT_THAT(outcomes, ElementsAre(AppendOutcome::kAppended, AppendOutcome::kDuplicate,
                                    AppendOutcome::kDuplicateTimestamp, AppendOutcome::kOutOfOrder,
                                    AppendOutcome::kAppended, AppendOutcome::kAppended,
                                    AppendOutcome::kUnknownSeries, AppendOutcome::kUnknownSeries));
  ASSERT_TRUE(appender->Commit());
  const auto got = Query(head_, {});
  EXPECT_EQ(got.at("{a=\"1\"}"), (Samples{{kNow, Bits(1)}, {kNow + 5, Bits(4)}}));
  EXPECT_EQ(got.at("{b=\"1\"}"), (Samples{{kNow, Bits(1)}}));
}

TEST_F(HeadTest, NothingIsVisibleBeforeCommitAndNothingAfterRollback) {
  const Labels a = Labels::Of({{"a", "1"}});
  auto appender = head_.NewAppender();
  EXPECT_EQ(AppendOne(*appender, Ref(*appender, a), kNow, 1), AppendOutcome::kAppended);
  EXPECT_TRUE(Query(head_, {}).empty());
  appender->Rollback();
  EXPECT_TRUE(Query(head_, {}).empty());
  EXPECT_FALSE(appender->Commit());
  appender.reset();
  EXPECT_EQ(head_.num_series(), 1u);
  EXPECT_EQ(Put(head_, a, kNow, 2), AppendOutcome::kAppended);
  EXPECT_EQ(head_.num_series(), 1u);
}

TEST_F(HeadTest, ChunksAreCutAsPrometheusCutsThem) {
  // 15 s apart: 480 samples in two hours make four equal chunks, cut at the predicted ends.
  const Labels a = Labels::Of({{"a", "1"}});
  const int64_t begin = kNow / (2 * kHour) * (2 * kHour);
  for (int i = 0; i < 960; ++i) Put(head_, a, begin + i * 15'000, i);
  const auto querier = head_.NewQuerier(begin, model::kMaxTime);
  const auto selection = (*querier)->Select({}, {});
  std::vector<chunk::ChunkView> chunks;
  storage::ChunkBuffer buffer;
  ASSERT_TRUE((*selection)->Chunks(0, &buffer, &chunks));
  std::vector<size_t> sizes;
  for (const auto& c : chunks) sizes.push_back(chunk::ChunkNumSamples(c.data));
  EXPECT_THAT(sizes, ElementsAre(120, 120, 120, 120, 120, 120, 120, 120));
  EXPECT_EQ(Decode(chunks).size(), 960u);
  EXPECT_EQ(head_.NumChunks(), 8u);
}

TEST(ComputeChunkEndTest, FillsTheRangeEvenly) {
  // Prometheus's own table (tsdb/head_test.go).
  const auto f = [](int64_t start, int64_t current, int64_t max, double ratio, int64_t want) {
    EXPECT_EQ(ComputeChunkEnd(start, current, max, ratio), want);
  };
  f(0, 250, 1000, 4, 1000);
  f(100, 200, 1000, 4, 550);
  f(0, 500, 1000, 4, 1000);
  f(0, 100, 1000, 4, 500);
  f(0, 10, 1000, 4, 1000 / (1000 / 44));
}

TEST_F(HeadTest, LargeValuesCutChunksBySizeAndComeBackExactly) {
  const Labels a = Labels::Of({{"a", "1"}});
  std::mt19937_64 random(7);
  Samples want;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t bits = random();
    const double v = std::bit_cast<double>(bits);
    Put(head_, a, kNow + i, v);
    want.emplace_back(kNow + i, bits);
  }
  EXPECT_EQ(Query(head_, {})["{a=\"1\"}"], want);
  EXPECT_GE(head_.NumChunks(), 1000 * 9 / 1024u);
}

TEST_F(HeadTest, OnlySeriesWithSamplesInTheTimeAreSelected) {
  Put(head_, Labels::Of({{"a", "old"}}), kNow, 1);
  Put(head_, Labels::Of({{"a", "new"}}), kNow + 100, 1);
  EXPECT_EQ(Query(head_, {}, kNow, kNow).size(), 1u);
  EXPECT_EQ(Query(head_, {}, kNow + 1, kNow + 99).size(), 0u);
  EXPECT_EQ(Query(head_, {}, kNow, kNow + 100).size(), 2u);
}

model::Histogram MakeHistogram(int64_t count) {
  model::Histogram h;
  h.schema = 1;
  h.zero_threshold = 0.001;
  h.count = static_cast<uint64_t>(3 * count);
  h.sum = static_cast<double>(count) * 1.5;
  h.positive_spans = {{0, 2}};
  h.positive_buckets = {count, count};
  return h;
}

TEST_F(HeadTest, HistogramsAreKeptAndGoStaleAndMixWithFloats) {
  const Labels a = Labels::Of({{"a", "1"}});
  const auto put = [&](int64_t t, const model::Histogram& h) {
    const auto appender = head_.NewAppender();
    const AppendOutcome outcome = appender->AppendHistogram(Ref(*appender, a), t, h);
    EXPECT_TRUE(appender->Commit());
    return outcome;
  };
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(put(kNow + i * 1000, MakeHistogram(i + 1)), AppendOutcome::kAppended);
  }
  EXPECT_EQ(put(kNow + 299'000, MakeHistogram(300)), AppendOutcome::kDuplicate);
  EXPECT_EQ(put(kNow + 299'000, MakeHistogram(301)), AppendOutcome::kDuplicateTimestamp);
  EXPECT_EQ(put(kNow + 1, MakeHistogram(1)), AppendOutcome::kOutOfOrder);
  EXPECT_EQ(Put(head_, a, kNow + 299'000, 1), AppendOutcome::kDuplicateTimestamp);
  model::Histogram broken = MakeHistogram(5);
  broken.positive_buckets.push_back(1);
  EXPECT_EQ(put(kNow + 300'000, broken), AppendOutcome::kInvalid);
  EXPECT_EQ(Put(head_, a, kNow + 300'000, model::StaleNaN()), AppendOutcome::kAppended);
  EXPECT_EQ(Put(head_, a, kNow + 300'000, model::StaleNaN()), AppendOutcome::kDuplicate);
  EXPECT_EQ(Put(head_, a, kNow + 301'000, 7), AppendOutcome::kAppended);
  EXPECT_EQ(put(kNow + 302'000, MakeHistogram(1)), AppendOutcome::kAppended);

  const auto querier = head_.NewQuerier(kNow, model::kMaxTime);
  const auto selection = (*querier)->Select({}, {});
  storage::ChunkBuffer buffer;
  std::vector<chunk::ChunkView> chunks;
  ASSERT_TRUE((*selection)->Chunks(0, &buffer, &chunks));
  int64_t count = 0;
  size_t floats = 0;
  for (const chunk::ChunkView& c : chunks) {
    if (c.encoding == chunk::Encoding::kXor) {
      floats += chunk::ChunkNumSamples(c.data);
      continue;
    }
    ASSERT_EQ(c.encoding, chunk::Encoding::kHistogram);
    chunk::HistogramReader reader(c.encoding, c.data);
    while (reader.Next()) {
      ++count;
      EXPECT_EQ(reader.is_stale(), count == 301);
      if (count > 300) continue;
      model::Histogram h;
      reader.Get(&h);
      EXPECT_EQ(h.count, MakeHistogram(count).count);
      EXPECT_EQ(reader.t(), kNow + (count - 1) * 1000);
    }
  }
  EXPECT_EQ(count, 302);
  EXPECT_EQ(floats, 1u);
}

// Matchers against all series, one by one.
TEST_F(HeadTest, SelectionAgreesWithNaiveMatching) {
  std::mt19937 random(42);
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  std::vector<Labels> all;
  std::set<std::string> distinct;
  for (int i = 0; i < 1200; ++i) {
    std::vector<std::pair<std::string, std::string>> pairs{
        {"__name__", "m" + std::to_string(pick(5))}};
    for (const char* name : {"a", "b", "c"}) {
      if (pick(3) != 0) pairs.emplace_back(name, "v" + std::to_string(pick(30)));
    }
    Labels labels = Labels::FromPairs(pairs);
    if (!distinct.insert(labels.ToString()).second) continue;
    Put(head_, labels, kNow, 1);
    all.push_back(std::move(labels));
  }
  const std::vector<std::string> names{"__name__", "a", "b", "c", "absent"};
  const std::vector<std::string> texts{"",         "v1",   "m1",      ".*",       ".+",
                                       "v1|v2|v3", "v1.*", "m.",      "|v7",      "v",
                                       "v1|",      ".*9",  "(?i)V1.", "m1|m2|v4", "v[0-4]"};
  for (int round = 0; round < 250; ++round) {
    std::vector<Matcher> matchers;
    for (int i = pick(4); i >= 0; --i) {
      const auto type = static_cast<MatchType>(pick(4));
      auto m =
          Matcher::Create(type, names[random() % names.size()], texts[random() % texts.size()]);
      ASSERT_TRUE(m);
      matchers.push_back(*m);
    }
    std::set<std::string> want;
    std::set<std::string> want_values;
    for (const Labels& labels : all) {
      if (std::ranges::all_of(matchers,
                              [&](const Matcher& m) { return m.Matches(labels.Get(m.name())); })) {
        want.insert(labels.ToString());
        if (labels.Has("b")) want_values.emplace(labels.Get("b"));
      }
    }
    std::set<std::string> got;
    for (const auto& [labels, samples] : Query(head_, matchers)) got.insert(labels);
    std::string text;
    for (const Matcher& m : matchers) text += m.ToString() + " ";
    ASSERT_EQ(got, want) << text;
    const auto querier = head_.NewQuerier(kNow, kNow);
    ASSERT_EQ(*(*querier)->LabelValues("b", matchers),
              std::vector<std::string>(want_values.begin(), want_values.end()))
        << text;
  }
}

TEST_F(HeadTest, ColumnsAreDictionariesOfTheSelection) {
  Put(head_, Labels::Of({{"a", "x"}, {"i", "1"}}), kNow, 1);
  Put(head_, Labels::Of({{"a", "y"}, {"i", "2"}}), kNow, 1);
  Put(head_, Labels::Of({{"i", "3"}}), kNow, 1);
  Put(head_, Labels::Of({{"a", "x"}, {"i", "4"}}), kNow, 1);
  const auto querier = head_.NewQuerier(kNow, kNow);
  const auto selection = (*querier)->Select({}, {});
  for (const char* name : {"a", "i", "none"}) {
    const storage::LabelColumn column = (*selection)->Column(name);
    ASSERT_EQ(column.ids.size(), 4u);
    for (size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(column.values[column.ids[i]], (*selection)->LabelsOf(i).Get(name));
    }
    EXPECT_EQ(std::set(column.values.begin(), column.values.end()).size(), column.values.size());
  }
  EXPECT_THAT(*(*querier)->LabelNames({}), ElementsAre("a", "i"));
  EXPECT_THAT(*(*querier)->LabelNames(std::vector<Matcher>{Matcher::Equal("i", "3")}),
              ElementsAre("i"));
  EXPECT_THAT(*(*querier)->LabelValues("a", {}), ElementsAre("x", "y"));
}

TEST_F(HeadTest, TheBlockSelectionIsSortedByLabels) {
  for (int i = 0; i < 200; ++i) {
    Put(head_, Labels::Of({{"a", std::to_string(i * 7919 % 200)}, {"b", "1"}}), kNow, i);
    if (i % 10 == 0) Put(head_, Labels::Of({{"a", std::to_string(i)}}), kNow, i);
  }
  const auto selection = head_.SelectForBlock(kNow, kNow);
  EXPECT_TRUE(selection->sorted());
  ASSERT_EQ(selection->size(), 220u);
  for (size_t i = 1; i < selection->size(); ++i) {
    EXPECT_LT(selection->LabelsOf(i - 1), selection->LabelsOf(i));
  }
}

TEST_F(HeadTest, TruncationForgetsOldChunksAndEmptySeriesAndKeepsRefsApart) {
  const Labels gone = Labels::Of({{"a", "gone"}});
  const Labels stays = Labels::Of({{"a", "stays"}});
  SeriesRef old_ref;
  {
    const auto appender = head_.NewAppender();
    old_ref = Ref(*appender, gone);
  }
  for (int i = 0; i < 1000; ++i) Put(head_, gone, kNow + i * 10'000, i);
  for (int i = 0; i < 2000; ++i) Put(head_, stays, kNow + i * 10'000, i);
  const int64_t cut = kNow + 15'000'000;
  head_.Truncate(cut);
  EXPECT_EQ(head_.num_series(), 1u);
  EXPECT_EQ(head_.min_time(), cut);
  const auto got = Query(head_, {});
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got.begin()->second.back().first, kNow + 1999 * 10'000);
  EXPECT_GE(got.begin()->second.front().first, cut - 2 * kHour);
  EXPECT_TRUE(Query(head_, {Matcher::Equal("a", "gone")}).empty());
  {
    const auto querier = head_.NewQuerier(0, model::kMaxTime);
    EXPECT_THAT(*(*querier)->LabelValues("a", {}), ElementsAre("stays"));
  }
  EXPECT_EQ(Put(head_, stays, cut - 1, 1), AppendOutcome::kOutOfBounds);

  const auto appender = head_.NewAppender();
  EXPECT_EQ(AppendOne(*appender, old_ref, kNow + 30'000'000, 1), AppendOutcome::kUnknownSeries);
  const SeriesRef new_ref = Ref(*appender, gone);
  EXPECT_NE(new_ref, old_ref);
  EXPECT_EQ(AppendOne(*appender, new_ref, kNow + 30'000'000, 1), AppendOutcome::kAppended);
  ASSERT_TRUE(appender->Commit());
  EXPECT_EQ(Query(head_, {Matcher::Equal("a", "gone")}).size(), 1u);
}

TEST_F(HeadTest, AppendersQueriersAndTruncationRunTogether) {
  constexpr int kWriters = 2;
  constexpr int kRounds = 150;
  constexpr int kEach = 50;
  std::atomic<bool> stop{false};
  {
    std::jthread reader([&] {
      while (!stop) {
        for (const auto& [labels, samples] :
             Query(head_, {*Matcher::Create(MatchType::kRegexp, "w", ".+")})) {
          for (size_t i = 1; i < samples.size(); ++i) {
            ASSERT_EQ(samples[i].first, samples[i - 1].first + 1000) << labels;
          }
        }
      }
    });
    std::jthread truncater([&] {
      for (int i = 0; !stop && i < 1000; ++i) {
        head_.Truncate(kNow + i * 1000);
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
    });
    std::vector<std::jthread> writers;
    for (int w = 0; w < kWriters; ++w) {
      writers.emplace_back([&, w] {
        for (int round = 0; round < kRounds; ++round) {
          const auto appender = head_.NewAppender();
          for (int i = 0; i < kEach; ++i) {
            const Labels labels = Labels::Of({{"w", std::to_string(w)},
                                              {"i", std::to_string(i)},
                                              {"churn", std::to_string(round / 20)}});
            const int64_t t = kNow + 1'000'000 + round * 1000;
            AppendOutcome outcome;
            do {
              outcome = AppendOne(*appender, Ref(*appender, labels), t, round);
            } while (outcome == AppendOutcome::kUnknownSeries);
            EXPECT_EQ(outcome, AppendOutcome::kAppended);
          }
          EXPECT_TRUE(appender->Commit());
        }
      });
    }
    writers.clear();
    stop = true;
  }
}

// A fifth of the series is replaced again and again, each with a label value of its own.
TEST_F(HeadTest, SeriesThatAreGoneLeaveNoMemoryBehind) {
  constexpr int kSeries = 5000;
  constexpr int kReplaced = kSeries / 5;
  std::vector<size_t> used;
  for (int step = 0; step < 40; ++step) {
    const int64_t t = kNow + step * kHour;
    auto appender = head_.NewAppender();
    for (int i = 0; i < kSeries; ++i) {
      const int life = (step + i / kReplaced) / 5;
      const std::string pod = "pod-" + std::to_string(i) + "-" + std::to_string(life);
      const Labels labels = Labels::Of({{"__name__", "m"},
                                        {"container", std::string(300, 'c') + pod},
                                        {"pod", pod},
                                        {"shard", std::to_string(i % 10)}});
      AppendOne(*appender, Ref(*appender, labels), t, i);
    }
    ASSERT_TRUE(appender->Commit());
    appender.reset();  // truncation waits for it
    head_.Truncate(t - kHour / 2);
    EXPECT_EQ(head_.num_series(), kSeries);
    EXPECT_EQ(Query(head_, {*Matcher::Create(MatchType::kRegexp, "pod", "pod-.*")}).size(),
              kSeries);
    const auto heap = mallinfo2();
    used.push_back(heap.uordblks + heap.hblkhd);
  }
  EXPECT_LE(used.back(), used[10] + used[10] / 50);
  // What goes on is what was there: no id has come to stand for another label.
  const auto back = Query(head_, {*Matcher::Create(MatchType::kEqual, "pod", "pod-0-7")});
  EXPECT_EQ(back.size(), 1u);
  EXPECT_TRUE(Query(head_, {*Matcher::Create(MatchType::kEqual, "pod", "pod-0-3")}).empty());
}

// The log behind the head.
class HeadLogTest : public ::testing::Test {
 protected:
  struct Store {
    base::MetricsRegistry registry;
    WalMetrics wal_metrics{registry};
    std::unique_ptr<Head> head = std::make_unique<Head>(HeadOptions{}, registry, &wal_metrics);
    std::unique_ptr<WalWriter> wal;
    ~Store() {
      head.reset();
      wal.reset();
    }
  };
  std::unique_ptr<Store> Open(base::FileSystem& fs) {
    auto store = std::make_unique<Store>();
    base::Status status = store->head->Replay(fs, {.wal_dir = "wal", .threads = 2});
    if (!status) return nullptr;
    auto wal = WalWriter::Open(fs, {.dir = "wal", .segment_bytes = 4 * kWalPageBytes}, nullptr);
    if (!wal) return nullptr;
    store->wal = std::move(*wal);
    store->head->LogTo(store->wal.get());
    return store;
  }
  std::unique_ptr<base::FileSystem> fs_ = base::MakeMemoryFileSystem();
};

TEST_F(HeadLogTest, ReplayGivesBackWhatWasThereUnderTheSameRefs) {
  std::map<std::string, Samples> want;
  SeriesRef ref;
  for (int restart = 0; restart < 3; ++restart) {
    const auto store = Open(*fs_);
    ASSERT_TRUE(store);
    EXPECT_EQ(Query(*store->head, {}), want);
    for (int round = 0; round < 100; ++round) {
      const auto appender = store->head->NewAppender();
      for (int i = 0; i < 50 + restart * 10; ++i) {
        const SeriesRef its = Ref(*appender, Labels::Of({{"i", std::to_string(i)}, {"j", "x"}}));
        if (i == 7 && restart == 0) ref = its;
        if (i == 7) {
          EXPECT_EQ(its, ref);
        }
        AppendOne(*appender, its, kNow + restart * 1'000'000 + round * 1000, round + i * 0.1);
      }
      ASSERT_TRUE(appender->Commit());
    }
    want = Query(*store->head, {});
    EXPECT_EQ(want.size(), 50u + static_cast<size_t>(restart) * 10);
  }
}

TEST_F(HeadLogTest, ForeignRefsAreTakenOverOrMapped) {
  {
    auto wal = WalWriter::Open(*fs_, {.dir = "wal"}, nullptr);
    RecordBatch batch;
    BeginSeriesRecord(batch.buffer());
    for (uint64_t ref = 1; ref <= 1000; ++ref) {
      const Labels labels = Labels::Of({{"i", std::to_string(ref)}});
      AppendSeriesEntry(SeriesRef(ref), SpanOf(labels), batch.buffer());
    }
    // A second ref for the same series, and a wild one.
    AppendSeriesEntry(SeriesRef(5000), SpanOf(Labels::Of({{"i", "1"}})), batch.buffer());
    AppendSeriesEntry(SeriesRef(UINT64_MAX), SpanOf(Labels::Of({{"i", "w"}})), batch.buffer());
    batch.EndRecord();
    std::vector<storage::RefSample> samples;
    for (uint64_t ref = 1; ref <= 1000; ++ref) {
      samples.push_back({SeriesRef(ref), kNow, static_cast<double>(ref)});
    }
    samples.push_back({SeriesRef(5000), kNow + 1, 5000});
    samples.push_back({SeriesRef(UINT64_MAX), kNow + 1, -1});
    samples.push_back({SeriesRef(77777), kNow + 1, -1});
    batch.AddSamples(samples);
    ASSERT_TRUE((*wal)->Log(batch));
  }
  std::map<std::string, Samples> want;
  for (int restart = 0; restart < 3; ++restart) {
    const auto store = Open(*fs_);
    ASSERT_TRUE(store);
    EXPECT_EQ(store->head->num_series(), 1001u + (restart > 0 ? 1 : 0));
    auto got = Query(*store->head, {});
    for (int i = 2; i <= 1000; ++i) {
      const auto& samples = got["{i=\"" + std::to_string(i) + "\"}"];
      ASSERT_EQ(samples.size(), 1u + static_cast<size_t>(restart));
      ASSERT_EQ(samples[0], (std::pair<int64_t, uint64_t>{kNow, Bits(i)}));
    }
    EXPECT_EQ(got["{i=\"1\"}"].size(), 2u + static_cast<size_t>(restart));
    EXPECT_EQ(got["{i=\"w\"}"].size(), 1u + static_cast<size_t>(restart));
    LabelRun run;
    store->head->FindRuns(std::array{SeriesRef(5000)}, std::span(&run, 1));
    ASSERT_NE(run, LabelRun(0));
    std::vector<model::Label> labels;
    store->head->labels().ToSpan(run, &labels);
    ASSERT_EQ(labels.size(), 1u);
    EXPECT_EQ(labels[0].name, "i");
    EXPECT_EQ(labels[0].value, "1");
    for (const auto& [name, samples] : got) {
      std::string value = name.substr(4, name.size() - 6);
      Put(*store->head, Labels::Of({{"i", value}}), kNow + 1000 * (restart + 1), restart);
    }
    Put(*store->head, Labels::Of({{"i", "later"}}), kNow + 1000 * (restart + 1), restart);
  }
  // A series goes on under the ref that the log knows it by: Prometheus forgets what it has read of
  // a series when another ref for it comes.
  auto reader = WalReader::Open(*fs_, "wal");
  ASSERT_TRUE(reader);
  std::multiset<std::string> series;
  while (reader->Next() == SegmentReader::State::kRecord) {
    if (TypeOfRecord(reader->record()) != RecordType::kSeries) continue;
    ASSERT_TRUE(DecodeSeries(reader->record(), [&](SeriesRef, model::LabelSpan labels) {
      series.insert(std::string(labels[0].value));
    }));
  }
  EXPECT_EQ(series.size(), 1003u);
  EXPECT_EQ(series.count("2"), 1u);
  EXPECT_EQ(series.count("later"), 1u);
}

// What a later version may write is passed over, and what stands around it is read.
TEST_F(HeadLogTest, RecordsOfUnknownTypesAreCounted) {
  const Labels a = Labels::Of({{"a", "1"}});
  {
    const auto store = Open(*fs_);
    ASSERT_EQ(Put(*store->head, a, kNow, 1), AppendOutcome::kAppended);
    for (const char type : {'\x2a', '\xff'}) {
      RecordBatch batch;
      batch.buffer()->assign({type, 1, 2, 3});
      batch.EndRecord();
      ASSERT_TRUE(store->wal->Log(batch));
    }
    ASSERT_EQ(Put(*store->head, a, kNow + 1, 2), AppendOutcome::kAppended);
  }
  const auto store = Open(*fs_);
  EXPECT_EQ(Query(*store->head, {})["{a=\"1\"}"], (Samples{{kNow, Bits(1)}, {kNow + 1, Bits(2)}}));
  EXPECT_THAT(store->registry.RenderText(),
              testing::HasSubstr("\ntributary_wal_replay_unknown_records_total 2\n"));
}

TEST_F(HeadLogTest, AFullDiskRefusesTheCommitAndHeals) {
  const auto store = Open(*fs_);
  const Labels a = Labels::Of({{"a", "1"}});
  ASSERT_EQ(Put(*store->head, a, kNow, 1), AppendOutcome::kAppended);
  ASSERT_TRUE(store->wal->Close());
  const auto appender = store->head->NewAppender();
  EXPECT_EQ(AppendOne(*appender, Ref(*appender, a), kNow + 1, 2), AppendOutcome::kAppended);
  EXPECT_FALSE(appender->Commit());
  EXPECT_EQ(Query(*store->head, {})["{a=\"1\"}"], (Samples{{kNow, Bits(1)}}));
}

// Every changing call fails once, also half-done; then the power goes.
TEST_F(HeadLogTest, WhatWasAcknowledgedSurvivesAnyFault) {
  for (const bool tear : {false, true}) {
    for (const bool power_cut : {false, true}) {
      for (uint64_t n = 1;; ++n) {
        auto memory = base::MakeMemoryFileSystem();
        base::FaultyFileSystem fs(*memory);
        ASSERT_TRUE(fs.CreateDirs("wal"));
        if (tear) {
          fs.TearAt(n, 40, base::ErrorCode::kNoSpace);
        } else {
          fs.FailAt(n, base::ErrorCode::kNoSpace);
        }
        Samples acknowledged;
        bool fired = false;
        {
          base::MetricsRegistry registry;
          Head head({}, registry, nullptr);
          const auto wal = WalWriter::Open(
              fs, {.dir = "wal", .segment_bytes = kWalPageBytes, .sync_on_commit = power_cut},
              nullptr);
          if (wal) {
            head.LogTo(wal->get());
            for (int i = 0; i < 6; ++i) {
              const auto appender = head.NewAppender();
              std::string filler(9000, 'x');  // so that segments are cut on the way
              const SeriesRef ref =
                  Ref(*appender, Labels::Of({{"a", "1"}, {"i", std::to_string(i) + filler}}));
              const SeriesRef same = Ref(*appender, Labels::Of({{"a", "1"}}));
              AppendOne(*appender, ref, kNow + i, i);
              AppendOne(*appender, same, kNow + i, i);
              if (appender->Commit()) acknowledged.emplace_back(kNow + i, Bits(i));
            }
            EXPECT_EQ(Query(head, {})["{a=\"1\"}"], acknowledged);
          }
          fired = fs.fault_fired();
          fs.Heal();
          if (power_cut) {
            ASSERT_TRUE(fs.DropUnsynced());
          }
        }
        base::MetricsRegistry registry;
        Head head({}, registry, nullptr);
        ASSERT_TRUE(head.Replay(*memory, {.wal_dir = "wal"}));
        const Samples back = Query(head, {})["{a=\"1\"}"];
        for (const auto& sample : acknowledged) {
          ASSERT_TRUE(std::ranges::count(back, sample) == 1)
              << "call " << n << " tear " << tear << " power cut " << power_cut;
        }
        EXPECT_LE(back.size(), acknowledged.size() + (fired ? 1 : 0));
        if (!fired) break;
      }
    }
  }
}

TEST_F(HeadLogTest, ATornTailIsCutAndTheRestComesBack) {
  {
    const auto store = Open(*fs_);
    for (int i = 0; i < 10; ++i) Put(*store->head, Labels::Of({{"a", "1"}}), kNow + i, i);
  }
  const std::string path = SegmentPath("wal", 0);
  const uint64_t size = *fs_->FileSize(path);
  std::string bytes = *fs_->ReadFile(path);
  const size_t end = bytes.find_last_not_of('\0') + 1;
  ASSERT_LT(end, size);
  {
    const auto file = fs_->OpenForAppend(path);
    ASSERT_TRUE((*file)->Truncate(end - 3));
  }
  const auto store = Open(*fs_);
  ASSERT_TRUE(store);
  EXPECT_EQ(Query(*store->head, {})["{a=\"1\"}"].size(), 9u);
  EXPECT_EQ(store->wal_metrics.corruptions.value(), 1);
  EXPECT_LT(*fs_->FileSize(path), end - 3);
  EXPECT_EQ(Put(*store->head, Labels::Of({{"a", "1"}}), kNow + 9, 9), AppendOutcome::kAppended);
}

TEST_F(HeadLogTest, LogTruncationKeepsLivingSeriesAndNewSamples) {
  std::map<std::string, Samples> want;
  {
    const auto store = Open(*fs_);
    Put(*store->head, Labels::Of({{"a", "gone"}}), kNow, 1);
    for (int i = 0; i < 4000; ++i) {
      Put(*store->head, Labels::Of({{"a", "stays"}}), kNow + i * 10'000, i * 1.1);
      if (i % 500 == 0) {
        ASSERT_TRUE(store->wal->CutSegment());
      }
    }
    const int64_t cut = kNow + 30'000'000;
    store->head->Truncate(cut);
    ASSERT_TRUE(store->head->TruncateLog(*fs_, cut, UINT32_MAX, WalCompression::kSnappy));
    EXPECT_GT(ListSegments(*fs_, "wal")->front().index, 2u);
    want = Query(*store->head, {}, cut, model::kMaxTime);
    Put(*store->head, Labels::Of({{"a", "new"}}), kNow + 40'000'000, 1);
  }
  const auto store = Open(*fs_);
  ASSERT_TRUE(store);
  auto got = Query(*store->head, {});
  EXPECT_EQ(got.size(), 2u);
  EXPECT_EQ(got["{a=\"new\"}"].size(), 1u);
  // Samples before the cut may be there, in chunks or segments that are not all old; none after it
  // may be missing.
  const auto since_cut = [&](Samples samples) {
    std::erase_if(samples, [](const auto& sample) { return sample.first < kNow + 30'000'000; });
    return samples;
  };
  EXPECT_EQ(since_cut(got["{a=\"stays\"}"]), since_cut(want["{a=\"stays\"}"]));
  EXPECT_EQ(since_cut(got["{a=\"stays\"}"]).size(), 1000u);
  EXPECT_LT(got["{a=\"stays\"}"].size(), 2500u);
}

}  // namespace
}  // namespace tributary::tsdb
