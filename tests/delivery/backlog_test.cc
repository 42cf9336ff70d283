// What piles up while a receiver is away: fresh samples first, and how much is kept of which end.
#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "delivery_fixture.h"

namespace tributary {
namespace {

// After an outage: a backlog of ten minutes that takes seconds to send, and what is scraped then.
class BacklogTest : public DeliveryTest {
 protected:
  static constexpr int kSeries = 10;
  static constexpr int kTicks = 100;
  static constexpr size_t kBacklog = size_t{kSeries} * kTicks;

  BacklogTest() {
    write().queue.max_shards = 1;
    receiver_.SetJudge([](const Received&, size_t) { return 503; });
  }

  void AppendBacklog() {
    for (int64_t tick = 0; tick < kTicks; ++tick) {
      Append(kSeries, first_ + tick * 1000);
    }
  }
  void EndOutage() {
    receiver_.SetJudge([](const Received&, size_t) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      return 204;
    });
  }
  // The receiver is back, offers such a window, and has had the first of the backlog.
  void StartBehind(const std::string& window_seconds) {
    receiver_.SetHeader("X-Tributary-Out-Of-Order-Window", window_seconds);
    StartAgent();
    AppendBacklog();
    EndOutage();
    ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= 2 * kSeries; }));
  }
  bool HasArrived(int64_t t) {
    const Received received = receiver_.received();
    return received.size() == kSeries && std::ranges::all_of(received, [t](const auto& series) {
             return std::ranges::any_of(series.second,
                                        [t](const auto& sample) { return sample.first == t; });
           });
  }
  // All of the backlog and `fresh` are there; how many samples came more than once.
  size_t CountRepeated(const std::vector<int64_t>& fresh) {
    size_t repeated = 0;
    for (auto& [name, samples] : receiver_.received()) {
      std::vector<int64_t> wanted;
      for (int64_t tick = 0; tick < kTicks; ++tick) {
        wanted.push_back(first_ + tick * 1000);
      }
      wanted.insert(wanted.end(), fresh.begin(), fresh.end());
      std::vector<int64_t> times;
      for (const auto& [t, v] : samples) {
        times.push_back(t);
      }
      std::ranges::sort(times);
      const auto [end, last] = std::ranges::unique(times);
      repeated += static_cast<size_t>(last - end);
      times.erase(end, last);
      EXPECT_EQ(times, wanted) << name;
    }
    return repeated;
  }

  const int64_t first_ = base::SystemClock().NowMs() - 600'000;
};

TEST_F(BacklogTest, FreshSamplesGoFirstWhereTheReceiverTakesOldOnes) {
  ASSERT_NO_FATAL_FAILURE(StartBehind("3600"));
  const int64_t fresh = base::SystemClock().NowMs();
  Append(kSeries, fresh);
  ASSERT_TRUE(Eventually([&] { return HasArrived(fresh); }));
  EXPECT_LT(receiver_.samples(), kBacklog / 2);
  EXPECT_GT(Metric("tributary_remote_storage_set_aside_bytes"), 0);
  EXPECT_GT(Metric("tributary_remote_storage_lag_seconds"), 400);
  ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= kBacklog + kSeries; }));
  EXPECT_EQ(CountRepeated({fresh}), 0u);
  ASSERT_TRUE(Eventually([&] { return Metric("tributary_remote_storage_lag_seconds") == 0; }));
  EXPECT_EQ(Metric("tributary_remote_storage_set_aside_bytes"), 0);
}

TEST_F(BacklogTest, ItGoesInOrderWhereItIsTooOldForThat) {
  // It would be taken now, but ages while it is sent.
  ASSERT_NO_FATAL_FAILURE(StartBehind("1100"));
  const int64_t fresh = base::SystemClock().NowMs();
  Append(kSeries, fresh);
  ASSERT_TRUE(Eventually([&] { return HasArrived(fresh); }));
  EXPECT_EQ(receiver_.samples(), kBacklog + kSeries);
  for (const auto& [series, samples] : receiver_.received()) {
    EXPECT_TRUE(std::ranges::is_sorted(samples)) << series;
  }
}

TEST_F(BacklogTest, WhatIsSetAsideOutlivesKills) {
  ASSERT_NO_FATAL_FAILURE(StartBehind("3600"));
  std::vector<int64_t> fresh;
  constexpr size_t kKills = 5;
  for (size_t i = 0; i < kKills; ++i) {
    fresh.push_back(base::SystemClock().NowMs());
    Append(kSeries, fresh.back());
    ASSERT_TRUE(Eventually([&] { return HasArrived(fresh.back()); }));
    CrashAgent();
    StartAgent();
  }
  EXPECT_LT(receiver_.samples(), kBacklog);
  ASSERT_TRUE(Eventually([&] { return Metric("tributary_remote_storage_set_aside_bytes") == 0; }));
  ASSERT_TRUE(Eventually([&] { return Metric("tributary_remote_storage_lag_seconds") == 0; }));
  EXPECT_LE(CountRepeated(fresh), kKills * kSeries) << "a request for each kill";
}

// A second outage while the backlog of the first is set aside.
TEST_F(BacklogTest, ABudgetIsKeptAlsoWithWhatIsSetAside) {
  constexpr size_t kFresh = 100;
  db_options_.wal_compression = tsdb::WalCompression::kNone;
  send_options_.max_backlog_bytes = 16 << 10;
  ASSERT_NO_FATAL_FAILURE(StartBehind("3600"));
  ASSERT_TRUE(Eventually([&] { return Metric("tributary_remote_storage_set_aside_bytes") > 0; }));
  receiver_.SetJudge([](const Received&, size_t) { return 503; });
  int64_t fresh = base::SystemClock().NowMs();
  for (size_t i = 0; i < kFresh; ++i) {
    Append(kSeries, ++fresh);
  }
  const auto dropped = [&] {
    return Metric("prometheus_remote_storage_samples_dropped_total",
                  "reason=\"backlog_too_large\"");
  };
  ASSERT_TRUE(Eventually([&] { return dropped() > 0; }));
  EndOutage();
  ASSERT_TRUE(Eventually([&] { return HasArrived(fresh); }));
  ASSERT_TRUE(Eventually([&] { return Metric("tributary_remote_storage_lag_seconds") == 0; }));
  EXPECT_EQ(dropped() + static_cast<double>(receiver_.samples()), kBacklog + kFresh * kSeries);
  for (const auto& [name, samples] : receiver_.received()) {
    EXPECT_EQ(
        std::ranges::count_if(
            samples, [&](const auto& sample) { return sample.first > fresh - int64_t{kFresh}; }),
        kFresh)
        << name << ": the oldest go first";
  }
}

// However long the receiver is away, the log stays within its bytes; the newest samples are those
// that are kept, and each of the others is counted.
TEST_F(DeliveryTest, AnOutageWithoutEndCostsABoundedLog) {
  constexpr int kSeries = 50;
  constexpr int64_t kTicks = 3000;
  constexpr uint64_t kBudget = 400 << 10;
  BoundLog(kBudget);
  write().queue.max_samples_per_send = 500;
  receiver_.SetJudge([](const Received&, size_t) { return 503; });
  StartAgent();
  uint64_t most = 0;
  for (int64_t t = 1; t <= kTicks; ++t) {
    Append(kSeries, t);
    if (t % 50 == 0) {
      // Not faster than the size of the log is looked at.
      ASSERT_TRUE(Eventually([&] { return LogBytes() <= kBudget; })) << t << " " << LogBytes();
      most = std::max(most, LogBytes());
    }
  }
  EXPECT_GT(most, kBudget / 2);
  receiver_.SetJudge(nullptr);
  ASSERT_TRUE(Eventually([&] { return AllEndAt(kSeries, kTicks); }));
  const double dropped =
      Metric("prometheus_remote_storage_samples_dropped_total", "reason=\"backlog_too_large\"");
  EXPECT_GT(dropped, 0);
  EXPECT_EQ(dropped + static_cast<double>(receiver_.samples()), kSeries * kTicks);
  EXPECT_GT(receiver_.samples(), 5000u) << "what fits into the log is kept";
  for (const auto& [series, samples] : receiver_.received()) {
    EXPECT_TRUE(std::ranges::is_sorted(samples)) << series;
  }
}

// The same with the other end dropped: what was first is kept, and after the outage all goes on.
TEST_F(DeliveryTest, TheOldestIsKeptWhereThatIsAskedFor) {
  constexpr int kSeries = 50;
  constexpr int64_t kTicks = 3000;
  constexpr uint64_t kBudget = 400 << 10;
  BoundLog(kBudget);
  send_options_.keep_oldest = true;
  write().queue.max_samples_per_send = 500;
  receiver_.SetJudge([](const Received&, size_t) { return 503; });
  StartAgent();
  for (int64_t t = 1; t <= kTicks; ++t) {
    Append(kSeries, t);
    if (t % 50 == 0) {
      // Not faster than the destination looks at the size.
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      ASSERT_LE(LogBytes(), kBudget) << t;
    }
  }
  EXPECT_GT(LogBytes(), kBudget / 2);
  receiver_.SetJudge(nullptr);
  ASSERT_TRUE(Eventually([&] { return Metric("tributary_remote_storage_backlog_bytes") == 0; }));
  Append(kSeries, kTicks + 1);
  ASSERT_TRUE(Eventually([&] { return AllEndAt(kSeries, kTicks + 1); }));
  const double dropped =
      Metric("prometheus_remote_storage_samples_dropped_total", "reason=\"log_full\"");
  EXPECT_GT(dropped, 0);
  EXPECT_EQ(dropped + static_cast<double>(receiver_.samples()), kSeries * (kTicks + 1));
  for (const auto& [series, samples] : receiver_.received()) {
    EXPECT_EQ(samples.front().first, 1) << series;
    EXPECT_EQ(samples[samples.size() - 2].first, static_cast<int64_t>(samples.size()) - 1)
        << series << ": no hole in what was kept";
  }
}

// Two destinations, the first of which is away, each with the same budget, and the oldest kept.
class TwoDestinationsTest : public DeliveryTest {
 protected:
  static constexpr int kSeries = 50;
  static constexpr uint64_t kBudget = 400 << 10;

  TwoDestinationsTest() {
    config::RemoteWriteConfig second = write();
    second.name = "other";
    second.url = other_.Url();
    config_->remote_write.push_back(second);
    BoundLog(kBudget);
    send_options_.keep_oldest = true;
    write().queue.max_samples_per_send = 500;
    receiver_.SetJudge([](const Received&, size_t) { return 503; });
  }
  // Up to and including `last`; the second destination takes it all meanwhile.
  void AppendUntil(int64_t last) {
    while (t_ < last) {
      Append(kSeries, ++t_);
      if (t_ % 50 == 0 || t_ == last) {
        ASSERT_TRUE(Eventually([&] {
          return other_.samples() >= static_cast<size_t>(kSeries * t_);
        })) << t_;
        // Not faster than destinations and store look at the size.
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        ASSERT_TRUE(Eventually([&] { return LogBytes() <= kBudget; })) << LogBytes();
      }
    }
  }
  double Dropped(const std::string& labels) {
    return Metric("prometheus_remote_storage_samples_dropped_total", labels);
  }
  bool IsDelivered() { return Metric("tributary_remote_storage_backlog_bytes", "centre") == 0; }

  Receiver other_;
  int64_t t_ = 0;
};

// One that is up gets everything; of the other's log the end is dropped, and what it was first is
// kept, although the log goes on behind it.
TEST_F(TwoDestinationsTest, EachKeepsItsOldest) {
  constexpr int64_t kTicks = 1500;
  StartAgent();
  ASSERT_NO_FATAL_FAILURE(AppendUntil(kTicks));
  const double dropped = Dropped(R"(reason="log_full",remote_name="centre")");
  EXPECT_GT(dropped, 0);
  receiver_.SetJudge(nullptr);
  ASSERT_TRUE(Eventually([&] { return IsDelivered(); }));
  ASSERT_NO_FATAL_FAILURE(AppendUntil(kTicks + 50));
  ASSERT_TRUE(Eventually([&] { return AllEndAt(kSeries, t_); }));

  EXPECT_EQ(other_.samples(), static_cast<size_t>(kSeries * t_));
  EXPECT_EQ(Dropped("remote_name=\"other\""), 0);
  EXPECT_EQ(Dropped("remote_name=\"centre\"") + static_cast<double>(receiver_.samples()),
            kSeries * t_);
  EXPECT_GT(receiver_.samples(), 5000u) << "what fits into the log is kept";
  for (const auto& [series, samples] : receiver_.received()) {
    EXPECT_EQ(samples.front().first, 1) << series;
    int holes = 0;
    for (size_t i = 1; i < samples.size(); ++i) {
      ASSERT_LT(samples[i - 1].first, samples[i].first) << series;
      holes += samples[i].first != samples[i - 1].first + 1 ? 1 : 0;
    }
    EXPECT_EQ(holes, 1) << series << ": only what came while it was full is missing";
  }
}

TEST_F(TwoDestinationsTest, WhatIsKeptOutlivesKills) {
  StartAgent();
  double dropped = 0;
  for (int64_t kill = 1; kill <= 4; ++kill) {
    ASSERT_NO_FATAL_FAILURE(AppendUntil(kill * 400));
    dropped = Dropped(R"(reason="log_full",remote_name="centre")");
    CrashAgent();
    StartAgent();
  }
  EXPECT_GT(dropped, 0);
  receiver_.SetJudge(nullptr);
  ASSERT_TRUE(Eventually([&] { return IsDelivered(); }));
  ASSERT_NO_FATAL_FAILURE(AppendUntil(1650));
  ASSERT_TRUE(Eventually([&] { return AllEndAt(kSeries, t_); }));
  EXPECT_GT(receiver_.samples(), 5000u);
  for (const auto& [series, samples] : receiver_.received()) {
    EXPECT_TRUE(std::ranges::is_sorted(samples)) << series;
    EXPECT_EQ(samples.front().first, 1) << series;
    EXPECT_EQ(samples[100].first, 101) << series;
  }
}

// One follower needs the first part of the log and what comes; the part between goes from under it,
// but not before all followers are known.
TEST_F(DeliveryTest, TheLogKeepsWhatIsNeededAndNoMore) {
  constexpr int kSeries = 50;
  constexpr int64_t kFirst = 500, kTicks = 2000;
  constexpr uint64_t kBudget = 400 << 10;
  BoundLog(kBudget);
  config_->remote_write.clear();
  StartAgent();
  storage::WalSource& source = db_->wal_source();
  const storage::WalPosition begin = source.Begin();
  source.SetNeeded("one", {{begin, storage::kWalOpenEnd}});
  for (int64_t t = 1; t <= kFirst; ++t) {
    Append(kSeries, t);
  }
  const storage::WalPosition end = source.End();
  const auto go_on_until = [&](int64_t last) {
    for (int64_t t = last - kTicks + 1; t <= last; ++t) {
      Append(kSeries, t);
    }
    source.SetNeeded("one", {{begin, end}, {source.End(), storage::kWalOpenEnd}});
  };
  source.ExpectFollowers(true);
  go_on_until(kFirst + kTicks);
  std::this_thread::sleep_for(
      std::chrono::milliseconds(2500));  // the size is looked at each second
  EXPECT_GT(LogBytes(), 2 * kBudget);
  source.ExpectFollowers(false);
  EXPECT_TRUE(Eventually([&] { return LogBytes() <= kBudget; })) << LogBytes();

  bool skipped = false;
  const auto cursor = source.Open(begin, &skipped);
  ASSERT_TRUE(cursor);
  EXPECT_FALSE(skipped);
  (*cursor)->StopAt(end);
  storage::WalBatch batch;
  ASSERT_TRUE((*cursor)->Read(2 * kSeries * kFirst, &batch));
  EXPECT_EQ(batch.samples.size(), size_t{kSeries * kFirst});
}

}  // namespace
}  // namespace tributary
