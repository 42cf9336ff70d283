#include "storage/memory_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "chunk/histogram_reader.h"
#include "chunk/xor_chunk.h"
#include "model/float_histogram.h"
#include "storage/merge_selection.h"

namespace tributary::storage {
namespace {

using model::Labels;
using model::Matcher;
using model::MatchType;
using ::testing::ElementsAre;

Labels Up(std::string_view job) { return Labels::Of({{"__name__", "up"}, {"job", job}}); }

std::vector<model::Sample> Ramp(int n, int64_t step = 1000) {
  std::vector<model::Sample> samples;
  for (int i = 0; i < n; ++i) samples.push_back({i * step, static_cast<double>(i)});
  return samples;
}

std::unique_ptr<SeriesSelection> Select(Querier& querier, std::vector<Matcher> matchers = {},
                                        SelectHints hints = {}) {
  auto selection = querier.Select(matchers, hints);
  EXPECT_TRUE(selection);
  return std::move(*selection);
}

// All samples of a series as "t=v", floats and the counts of histograms.
std::string Samples(const SeriesSelection& selection, size_t i) {
  ChunkBuffer buffer;
  std::vector<chunk::ChunkView> chunks;
  EXPECT_TRUE(selection.Chunks(i, &buffer, &chunks));
  std::string out;
  const auto add = [&](int64_t t, double v) {
    if (!out.empty()) out += " ";
    out += std::to_string(t) + "=" + std::to_string(static_cast<int>(v));
  };
  for (const chunk::ChunkView& c : chunks) {
    if (c.encoding == chunk::Encoding::kXor) {
      std::vector<int64_t> t(chunk::ChunkNumSamples(c.data));
      std::vector<double> v(t.size());
      EXPECT_TRUE(chunk::XorDecode(c.data, t.data(), v.data()));
      EXPECT_EQ(t.front(), c.min_time);
      EXPECT_EQ(t.back(), c.max_time);
      for (size_t k = 0; k < t.size(); ++k) add(t[k], v[k]);
    } else {
      chunk::HistogramReader in(c.encoding, c.data);
      model::FloatHistogram h;
      while (in.Next()) {
        in.Get(&h);
        add(in.t(), h.count);
      }
      EXPECT_TRUE(in.status());
    }
  }
  return out;
}

TEST(MemoryStoreTest, GivesBackWhatItWasGiven) {
  for (const size_t samples_per_chunk : {1U, 2U, 3U, 120U}) {
    MemoryStore store(samples_per_chunk);
    ASSERT_TRUE(store.Add(Up("b"), Ramp(5)));
    ASSERT_TRUE(store.Add(Up("a"), Ramp(2)));
    ASSERT_TRUE(store.Add(Up("a"), std::vector<model::Sample>{{5000, 7}, {6000, 8}}));
    const auto querier = store.NewQuerier(model::kMinTime, model::kMaxTime);
    const auto selection = Select(**querier);
    ASSERT_EQ(selection->size(), 2U);
    EXPECT_TRUE(selection->sorted());
    EXPECT_EQ(selection->LabelsOf(0), Up("a"));
    EXPECT_EQ(Samples(*selection, 0), "0=0 1000=1 5000=7 6000=8");
    EXPECT_EQ(Samples(*selection, 1), "0=0 1000=1 2000=2 3000=3 4000=4");
  }
}

TEST(MemoryStoreTest, SelectsByMatchersTimeAndLimit) {
  MemoryStore store(2);
  ASSERT_TRUE(store.Add(Up("a"), Ramp(10)));
  ASSERT_TRUE(store.Add(Up("b"), Ramp(2)));
  ASSERT_TRUE(store.Add(Labels::Of({{"__name__", "down"}}), Ramp(1)));
  const auto all = store.NewQuerier(model::kMinTime, model::kMaxTime);
  const auto count = [&](Matcher matcher) { return Select(**all, {std::move(matcher)})->size(); };
  EXPECT_EQ(count(Matcher::Equal("__name__", "up")), 2U);
  EXPECT_EQ(count(Matcher::Equal("job", "")), 1U);
  EXPECT_EQ(count(*Matcher::Create(MatchType::kRegexp, "job", "a|b")), 2U);
  EXPECT_EQ(count(*Matcher::Create(MatchType::kNotEqual, "job", "a")), 2U);
  EXPECT_EQ(Select(**all, {}, {.limit = 1})->size(), 1U);
  const auto late = store.NewQuerier(4500, 6500);
  const auto selection = Select(**late);
  ASSERT_EQ(selection->size(), 1U);
  EXPECT_EQ(Samples(*selection, 0), "4000=4 5000=5 6000=6 7000=7");
  EXPECT_THAT(*(*all)->LabelNames({}), ElementsAre("__name__", "job"));
  EXPECT_THAT(*(*all)->LabelValues("job", {}), ElementsAre("a", "b"));
  EXPECT_THAT(*(*late)->LabelValues("job", {}), ElementsAre("a"));
}

TEST(MemoryStoreTest, ColumnsAreDictionaries) {
  MemoryStore store;
  ASSERT_TRUE(store.Add(Up("a"), Ramp(1)));
  ASSERT_TRUE(store.Add(Up("b"), Ramp(1)));
  ASSERT_TRUE(store.Add(Labels::Of({{"__name__", "up"}, {"job", "a"}, {"z", "1"}}), Ramp(1)));
  const auto querier = store.NewQuerier(0, 10);
  const auto selection = Select(**querier);
  const LabelColumn z = selection->Column("z");
  const LabelColumn job = selection->Column("job");
  std::string got;
  for (size_t i = 0; i < selection->size(); ++i) {
    got += std::string(job.values[job.ids[i]]) + ":" + std::string(z.values[z.ids[i]]) + " ";
  }
  EXPECT_EQ(got, "a: a:1 b: ");
  EXPECT_EQ(job.values.size(), 2U);
}

TEST(MemoryStoreTest, VerdictsPerSample) {
  MemoryStore store;
  ASSERT_TRUE(store.Add(Up("a"), Ramp(2)));
  const auto appender = store.NewAppender();
  std::vector<model::Label> span;
  const Labels labels = Up("a");
  labels.ToSpan(&span);
  const auto ref = appender->GetOrCreate(span, labels.Hash());
  ASSERT_TRUE(ref);
  const std::vector<RefSample> samples = {{*ref, 1000, 1},
                                          {*ref, 1000, 2},
                                          {*ref, 0, 0},
                                          {*ref, 2000, 2},
                                          {*ref, 1500, 2},
                                          {*ref, 3000, 3},
                                          {model::SeriesRef(99), 1, 1},
                                          {model::SeriesRef(), 1, 1}};
  std::vector<AppendOutcome> outcomes(samples.size());
  appender->Append(samples, outcomes);
  using enum AppendOutcome;
  EXPECT_THAT(outcomes, ElementsAre(kDuplicate, kDuplicateTimestamp, kOutOfOrder, kAppended,
                                    kOutOfOrder, kAppended, kUnknownSeries, kUnknownSeries));
  model::FloatHistogram invalid;
  invalid.count = -1;
  EXPECT_EQ(appender->AppendHistogram(*ref, 9000, invalid), kInvalid);
  const auto before = store.NewQuerier(0, 10000);
  EXPECT_EQ(Samples(*Select(**before), 0), "0=0 1000=1");
  ASSERT_TRUE(appender->Commit());
  EXPECT_EQ(Samples(*Select(**before), 0), "0=0 1000=1") << "a querier is a view of its time";
  const auto after = store.NewQuerier(0, 10000);
  EXPECT_EQ(Samples(*Select(**after), 0), "0=0 1000=1 2000=2 3000=3");
  EXPECT_FALSE(store.Add(Up("a"), Ramp(1)));
}

TEST(MemoryStoreTest, RollbackForgetsSamples) {
  MemoryStore store;
  {
    const auto appender = store.NewAppender();
    const std::vector<model::Label> span = {{"a", "b"}};
    const auto ref = appender->GetOrCreate(span, HashLabels(span));
    EXPECT_EQ(appender->stats().series_created, 1U);
    std::vector<AppendOutcome> outcomes(1);
    appender->Append(std::vector<RefSample>{{*ref, 1, 1}}, outcomes);
  }
  const auto querier = store.NewQuerier(0, 10);
  EXPECT_EQ(Select(**querier)->size(), 0U);
}

TEST(MemoryStoreTest, HistogramsAndFloatsMayAlternate) {
  MemoryStore store(3);
  model::FloatHistogram h;
  h.positive_spans = {{0, 1}};
  for (int i = 0; i < 8; ++i) {
    if (i == 4) {
      ASSERT_TRUE(store.Add(Up("a"), std::vector<model::Sample>{{4000, 4}}));
      continue;
    }
    h.count = i == 6 ? 1 : i + 10;  // a reset at 6
    h.positive_buckets = {h.count};
    ASSERT_TRUE(store.Add(Up("a"), i * 1000, h));
  }
  EXPECT_TRUE(store.Add(Up("a"), 7000, h)) << "a repeated histogram is harmless";
  h.sum = 5;
  EXPECT_FALSE(store.Add(Up("a"), 7000, h));
  const auto querier = store.NewQuerier(0, 10000);
  EXPECT_EQ(Samples(*Select(**querier), 0),
            "0=10 1000=11 2000=12 3000=13 4000=4 5000=15 6000=1 7000=17");
}

TEST(MergeSelectionTest, UnionByLabelsWithChunksByTime) {
  MemoryStore blocks(2);
  MemoryStore head(2);
  ASSERT_TRUE(blocks.Add(Up("a"), Ramp(4)));
  ASSERT_TRUE(blocks.Add(Up("c"), Ramp(1)));
  ASSERT_TRUE(head.Add(Up("a"), std::vector<model::Sample>{{4000, 4}, {5000, 5}}));
  ASSERT_TRUE(head.Add(Up("b"), Ramp(2)));
  const auto old_querier = blocks.NewQuerier(0, 10000);
  const auto new_querier = head.NewQuerier(0, 10000);
  std::vector<std::unique_ptr<SeriesSelection>> inputs;
  inputs.push_back(Select(**new_querier));
  inputs.push_back(Select(**old_querier));
  const auto merged = MergeSelections(std::move(inputs));
  ASSERT_EQ(merged->size(), 3U);
  EXPECT_TRUE(merged->sorted());
  EXPECT_EQ(merged->LabelsOf(0), Up("a"));
  EXPECT_EQ(merged->LabelsOf(1), Up("b"));
  EXPECT_EQ(merged->LabelsOf(2), Up("c"));
  EXPECT_EQ(Samples(*merged, 0), "0=0 1000=1 2000=2 3000=3 4000=4 5000=5");
  EXPECT_EQ(Samples(*merged, 1), "0=0 1000=1");
  const LabelColumn job = merged->Column("job");
  EXPECT_EQ(job.values[job.ids[0]], "a");
  EXPECT_EQ(job.values[job.ids[1]], "b");
  EXPECT_EQ(job.values[job.ids[2]], "c");
  EXPECT_EQ(MergeSelections({})->size(), 0U);
}

TEST(UniteSelectionsTest, UnionByFingerprintsInTheOrderOfTheFirstInput) {
  MemoryStore blocks(2);
  MemoryStore head(2);
  ASSERT_TRUE(blocks.Add(Up("c"), Ramp(4)));
  ASSERT_TRUE(blocks.Add(Up("d"), Ramp(1)));
  ASSERT_TRUE(head.Add(Up("c"), std::vector<model::Sample>{{4000, 4}, {5000, 5}}));
  ASSERT_TRUE(head.Add(Up("b"), Ramp(2)));
  const auto old_querier = blocks.NewQuerier(0, 10000);
  const auto new_querier = head.NewQuerier(0, 10000);
  std::vector<std::unique_ptr<SeriesSelection>> inputs;
  inputs.push_back(Select(**old_querier));
  inputs.push_back(Select(**new_querier));
  const std::vector<Fingerprint> of_c = {inputs[0]->Fingerprints()[0],
                                         inputs[1]->Fingerprints()[1]};
  EXPECT_EQ(of_c[0], of_c[1]);
  const auto united = UniteSelections(std::move(inputs));
  ASSERT_EQ(united->size(), 3U);
  EXPECT_FALSE(united->sorted());
  EXPECT_EQ(united->LabelsOf(0), Up("c"));
  EXPECT_EQ(united->LabelsOf(1), Up("d"));
  EXPECT_EQ(united->LabelsOf(2), Up("b"));
  EXPECT_EQ(Samples(*united, 0), "0=0 1000=1 2000=2 3000=3 4000=4 5000=5");
  EXPECT_EQ(Samples(*united, 2), "0=0 1000=1");
  EXPECT_EQ(united->Fingerprints()[0], of_c[0]);
  EXPECT_NE(united->Fingerprints()[1], of_c[0]);
  const LabelColumn job = united->Column("job");
  EXPECT_EQ(job.values[job.ids[2]], "b");
  EXPECT_EQ(UniteSelections({})->size(), 0U);
}

TEST(FingerprintTest, KnowsWhereANameEnds) {
  EXPECT_NE(FingerprintOf({"a", "bc"}), FingerprintOf({"ab", "c"}));
  EXPECT_NE(FingerprintOf({"a", "b"}), FingerprintOf({"b", "a"}));
  FingerprintBuilder builder;
  for (int round = 0; round < 2; ++round) {
    builder.Begin();
    builder.Add(1, [] { return model::Label{"a", "b"}; });
    builder.Add(7, [] { return model::Label{"c", "d"}; });
    EXPECT_EQ(builder.sum(), FingerprintOf({"c", "d"}) + FingerprintOf({"a", "b"}));
  }
}

TEST(ChunkBufferTest, NeverMovesAndReusesItsMemory) {
  ChunkBuffer buffer;
  std::vector<std::span<uint8_t>> spans;
  for (const size_t size : {1U, 100U, 60000U, 70000U, 8U, 200000U}) {
    spans.push_back(buffer.Allocate(size));
    std::fill(spans.back().begin(), spans.back().end(), static_cast<uint8_t>(spans.size()));
  }
  for (size_t i = 0; i < spans.size(); ++i) {
    EXPECT_EQ(spans[i].front(), i + 1);
    EXPECT_EQ(spans[i].back(), i + 1);
  }
  const uint8_t* first = spans[0].data();
  buffer.Clear();
  EXPECT_EQ(buffer.Allocate(50).data(), first);
  EXPECT_EQ(buffer.Allocate(0).size(), 0U);
}

TEST(AppendOutcomeTest, SpeaksPrometheusWords) {
  EXPECT_EQ(AppendOutcomeText(AppendOutcome::kOutOfOrder), "out of order sample");
  EXPECT_EQ(AppendOutcomeText(AppendOutcome::kDuplicateTimestamp),
            "duplicate sample for timestamp");
  EXPECT_FALSE(IsRejected(AppendOutcome::kDuplicate));
  EXPECT_TRUE(IsRejected(AppendOutcome::kTooOld));
}

}  // namespace
}  // namespace tributary::storage
