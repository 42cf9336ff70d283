#include "tsdb/head/mixed_samples.h"

#include <array>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/metrics.h"
#include "base/threads.h"
#include "tsdb/block/stored_sample.h"
#include "tsdb/tsdb.h"

namespace tributary::tsdb {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;

storage::RefHistogram HistogramAt(uint64_t ref, int64_t t) {
  storage::RefHistogram h;
  h.ref = model::SeriesRef(ref);
  h.t = t;
  return h;
}

TEST(TakeMixed, TakesSeriesThatHaveBothByTime) {
  const auto float_at = [](uint64_t ref, int64_t t) {
    return storage::RefSample{model::SeriesRef(ref), t, 0};
  };
  std::vector<storage::RefSample> floats = {float_at(1, 20), float_at(2, 5), float_at(1, 40)};
  std::vector<storage::RefHistogram> histograms = {HistogramAt(1, 10), HistogramAt(3, 7),
                                                   HistogramAt(1, 30)};
  const std::vector<MixedSample> mixed = TakeMixed(&floats, &histograms);
  std::string got;
  for (const MixedSample& sample : mixed) {
    got += sample.index() == 0 ? "f" : "h";
    got += std::to_string(std::visit([](const auto& s) { return s.t; }, sample)) + " ";
  }
  EXPECT_EQ(got, "h10 f20 h30 f40 ");
  ASSERT_EQ(floats.size(), 1u);
  EXPECT_EQ(floats[0].ref, model::SeriesRef(2));
  ASSERT_EQ(histograms.size(), 1u);
  EXPECT_EQ(histograms[0].ref, model::SeriesRef(3));
}

TEST(MixedSamples, OfOneCommitAreAllKeptAlsoByReplay) {
  const auto fs = base::MakeMemoryFileSystem();
  ASSERT_TRUE(fs->CreateDirs("data"));
  const base::ManualClock clock(kNow);
  base::ThreadPool pool("mixed", 2);
  std::array<base::MetricsRegistry, 2> metrics;
  const model::Labels name = model::Labels::Of({{"__name__", "m"}});
  for (const bool again : {false, true}) {
    DbOptions options;
    options.use_lock_file = false;
    options.path = "data";
    const auto db = Db::Open(options, *fs, clock, pool, metrics[again ? 1 : 0]).value();
    ASSERT_TRUE(db->Replay());
    if (!again) {
      const auto appender = db->NewAppender();
      std::vector<model::Label> span;
      name.ToSpan(&span);
      const model::SeriesRef ref = *appender->GetOrCreate(span, name.Hash());
      model::Histogram h;
      h.count = 1;
      h.sum = 1;
      h.zero_count = 1;
      EXPECT_EQ(appender->AppendHistogram(ref, kNow + 10, h), storage::AppendOutcome::kAppended);
      const storage::RefSample sample{ref, kNow + 20, 7};
      storage::AppendOutcome outcome;
      appender->Append({&sample, 1}, {&outcome, 1});
      EXPECT_EQ(outcome, storage::AppendOutcome::kAppended);
      EXPECT_EQ(appender->AppendHistogram(ref, kNow + 30, h), storage::AppendOutcome::kAppended);
      ASSERT_TRUE(appender->Commit());
    }
    const auto querier = db->NewQuerier(0, model::kMaxTime).value();
    const auto selection = querier->Select({}, {}).value();
    ASSERT_EQ(selection->size(), 1u);
    storage::ChunkBuffer buffer;
    std::vector<chunk::ChunkView> chunks;
    ASSERT_TRUE(selection->Chunks(0, &buffer, &chunks));
    std::vector<StoredSample> samples;
    for (const chunk::ChunkView& chunk : chunks) {
      ASSERT_TRUE(DecodeSamples(chunk, {0, model::kMaxTime}, &samples));
    }
    ASSERT_EQ(samples.size(), 3u) << (again ? "after a restart" : "");
    EXPECT_EQ(samples[0].t, kNow + 10);
    EXPECT_EQ(samples[0].value.index(), 1u);
    EXPECT_EQ(samples[1].t, kNow + 20);
    EXPECT_EQ(std::get<double>(samples[1].value), 7);
    EXPECT_EQ(samples[2].t, kNow + 30);
  }
}

}  // namespace
}  // namespace tributary::tsdb
