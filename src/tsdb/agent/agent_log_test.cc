// How an agent's log is written and how long it is kept.
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/metrics.h"
#include "tsdb/agent/agent_db.h"
#include "tsdb/head/head_test_support.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/segment.h"
#include "tsdb/wal/wal_reader.h"

namespace tributary::tsdb {
namespace {

constexpr uint64_t kSegment = 32 << 10;

class AgentLogTest : public ::testing::Test {
 protected:
  void Open(AgentDbOptions options) {
    options.path = "data";
    options.wal_segment_bytes = kSegment;
    auto opened = AgentDb::Open(options, *fs_, base::SystemClock(), registry_);
    ASSERT_TRUE(opened) << opened.error().message();
    db_ = std::move(*opened);
    ASSERT_TRUE(db_->Replay());
  }

  // Ten samples of one series that pack well.
  void LogSome() {
    const auto appender = db_->NewAppender();
    const model::SeriesRef ref = Ref(*appender, 0);
    std::vector<storage::RefSample> samples;
    for (int i = 0; i < 10; ++i) samples.push_back({ref, ++t_, 7});
    std::vector<storage::AppendOutcome> outcomes(samples.size());
    appender->Append(samples, outcomes);
    ASSERT_TRUE(appender->Commit());
  }
  void LogBytes(uint64_t bytes) {
    const storage::WalPosition begin = source().End();
    while (source().BytesBetween(begin, source().End()) < bytes) LogSome();
  }
  void SayDelivered(std::string_view follower, storage::WalPosition end) {
    source().SetNeeded(follower, {{end, storage::kWalOpenEnd}});
  }
  bool PacksNow() {
    const double saved = saved_.value();
    LogSome();
    return saved_.value() > saved;
  }
  size_t Segments() { return ListSegments(*fs_, "data/wal")->size(); }
  storage::WalSource& source() { return db_->wal_source(); }

  const std::unique_ptr<base::FileSystem> fs_ = base::MakeMemoryFileSystem();
  base::MetricsRegistry registry_;
  std::unique_ptr<AgentDb> db_;
  int64_t t_ = 0;

 private:
  base::Counter& saved_ = WalMetrics(registry_).record_bytes_saved;
};

TEST_F(AgentLogTest, RecordsArePackedUnlessEveryFollowerIsClose) {
  Open({.most_unpacked_bytes = 2000});
  EXPECT_TRUE(PacksNow()) << "nobody follows";
  SayDelivered("fast", source().End());
  EXPECT_FALSE(PacksNow());
  SayDelivered("slow", source().End());
  EXPECT_FALSE(PacksNow());
  LogBytes(2000);
  SayDelivered("fast", source().End());
  EXPECT_TRUE(PacksNow());
  SayDelivered("slow", source().End());
  EXPECT_FALSE(PacksNow());
  LogBytes(2 * kSegment);
  EXPECT_TRUE(PacksNow());
}

TEST_F(AgentLogTest, LabelsAreLoggedOnce) {
  Open({});
  LogSome();
  LogSome();
  int entries = 0;
  auto reader = WalReader::Open(*fs_, "data/wal", 0);
  ASSERT_TRUE(reader);
  while (reader->Next() == SegmentReader::State::kRecord) {
    if (TypeOfRecord(reader->record()) != RecordType::kSeries) continue;
    ASSERT_TRUE(DecodeSeries(reader->record(), [&](auto&&...) { ++entries; }));
  }
  EXPECT_EQ(entries, 1);
}

TEST_F(AgentLogTest, WhatIsDeliveredGoesBeforeItIsMuch) {
  Open({.most_delivered_bytes = 3 * kSegment, .max_wal_bytes = 1000 * kSegment});
  SayDelivered("one", source().End());
  LogBytes(10 * kSegment);
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));  // it looks once a second
  const size_t undelivered = Segments();
  EXPECT_GE(undelivered, 10u);
  SayDelivered("one", source().End());
  for (int i = 0; i < 100 && Segments() >= undelivered; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_LE(Segments(), 2u);
}

}  // namespace
}  // namespace tributary::tsdb
