// What an agent's store takes, and what of it can be read from its log.
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/fs_faulty.h"
#include "base/metrics.h"
#include "tsdb/agent/agent_db.h"
#include "tsdb/head/head_test_support.h"

namespace tributary::tsdb {
namespace {

using storage::AppendOutcome;
using ::testing::ElementsAre;

class AgentAppenderTest : public ::testing::Test {
 protected:
  void Open(AgentDbOptions options = {}) {
    options.path = "data";
    auto opened = AgentDb::Open(options, fs_, base::SystemClock(), registry_);
    ASSERT_TRUE(opened) << opened.error().message();
    db_ = std::move(*opened);
    ASSERT_TRUE(db_->Replay());
  }

  std::unique_ptr<storage::Appender> Received() {
    auto appender = db_->NewAppender();
    appender->ExpectResends();
    return appender;
  }
  static AppendOutcome Take(storage::Appender& appender, int64_t t) {
    const storage::RefSample sample{Ref(appender, 0), t, 7};
    AppendOutcome outcome = AppendOutcome::kInvalid;
    appender.Append({&sample, 1}, {&outcome, 1});
    return outcome;
  }
  void FailNextWrite() { fs_.FailAt(1); }

  storage::WalBatch Logged() {
    storage::WalBatch batch;
    bool skipped = false;
    auto cursor = db_->wal_source().Open(db_->wal_source().Begin(), &skipped);
    EXPECT_TRUE(cursor && (*cursor)->Read(1000, &batch));
    return batch;
  }
  std::vector<int64_t> LoggedTimes() {
    std::vector<int64_t> times;
    for (const storage::RefSample& sample : Logged().samples) {
      times.push_back(sample.t);
    }
    return times;
  }

  const std::unique_ptr<base::FileSystem> memory_ = base::MakeMemoryFileSystem();
  base::FaultyFileSystem fs_{*memory_};
  base::MetricsRegistry registry_;
  std::unique_ptr<AgentDb> db_;
};

TEST_F(AgentAppenderTest, WhatIsLoggedAlreadyIsOutOfOrder) {
  Open();
  const auto first = Received();
  EXPECT_EQ(Take(*first, 1), AppendOutcome::kAppended);
  EXPECT_EQ(Take(*first, 2), AppendOutcome::kAppended);
  ASSERT_TRUE(first->Commit());
  const auto again = Received();
  EXPECT_EQ(Take(*again, 1), AppendOutcome::kOutOfOrder);
  EXPECT_EQ(Take(*again, 2), AppendOutcome::kOutOfOrder);
  EXPECT_THAT(LoggedTimes(), ElementsAre(1, 2));
}

// A sender that had no answer in time sends again: what is not in the log yet may never get there.
TEST_F(AgentAppenderTest, WhatIsPendingIsTakenAgain) {
  Open();
  const auto first = Received();
  EXPECT_EQ(Take(*first, 1), AppendOutcome::kAppended);
  const auto again = Received();
  EXPECT_EQ(Take(*again, 1), AppendOutcome::kAppended);
  FailNextWrite();
  EXPECT_FALSE(first->Commit());
  EXPECT_TRUE(again->Commit());
  EXPECT_THAT(LoggedTimes(), ElementsAre(1));
}

TEST_F(AgentAppenderTest, WhatIsPendingOutlastsTheCommitOfWhatIsOlder) {
  Open();
  const auto older = Received();
  EXPECT_EQ(Take(*older, 1), AppendOutcome::kAppended);
  const auto first = Received();
  EXPECT_EQ(Take(*first, 2), AppendOutcome::kAppended);
  ASSERT_TRUE(older->Commit());
  const auto again = Received();
  EXPECT_EQ(Take(*again, 2), AppendOutcome::kAppended);
  FailNextWrite();
  EXPECT_FALSE(first->Commit());
  EXPECT_TRUE(again->Commit());
  EXPECT_THAT(LoggedTimes(), ElementsAre(1, 2));
  EXPECT_EQ(Take(*Received(), 2), AppendOutcome::kOutOfOrder);
}

TEST_F(AgentAppenderTest, WhatWasRolledBackIsTakenAgain) {
  Open();
  EXPECT_EQ(Take(*Received(), 1), AppendOutcome::kAppended);
  EXPECT_EQ(Take(*Received(), 1), AppendOutcome::kAppended);
}

TEST_F(AgentAppenderTest, HistogramsBeginAsHistograms) {
  Open({.start_zeros = true});
  const auto appender = db_->NewAppender();
  const model::SeriesRef whole = Ref(*appender, 0);
  const model::SeriesRef fractions = Ref(*appender, 1);
  for (const int64_t t : {10, 20}) {
    EXPECT_EQ(appender->AppendHistogramWithStart(whole, t, 5, HistogramAt(1)),
              AppendOutcome::kAppended);
    EXPECT_EQ(appender->AppendHistogramWithStart(fractions, t, 5, model::ToFloat(HistogramAt(1))),
              AppendOutcome::kAppended);
  }
  ASSERT_TRUE(appender->Commit());
  std::vector<int64_t> of_whole;
  std::vector<int64_t> of_fractions;
  for (const storage::RefHistogram& h : Logged().histograms) {
    (h.is_float ? of_fractions : of_whole).push_back(h.t);
    const double count =
        h.is_float ? h.float_histogram.count : static_cast<double>(h.histogram.count);
    EXPECT_EQ(count == 0, h.t == 5) << h.t;
  }
  EXPECT_THAT(of_whole, ElementsAre(5, 10, 20));
  EXPECT_THAT(of_fractions, ElementsAre(5, 10, 20));
}

}  // namespace
}  // namespace tributary::tsdb
