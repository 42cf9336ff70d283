// Delivery end to end: refusals, restarts, relabelling, reloads.
#include <algorithm>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "delivery_fixture.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

TEST_F(DeliveryTest, EverythingArrivesInOrderUnderExternalLabels) {
  StartAgent();
  for (int64_t t = 1; t <= 20; ++t) {
    Append(25, t);
  }
  ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= 500; }));
  ExpectComplete(25, 1, 20);
  EXPECT_THAT(receiver_.received().begin()->first,
              HasSubstr(R"(m{cluster="one", i="0", job="own"})"))
      << "an external label does not replace the series' own";
}

TEST_F(DeliveryTest, ARequestTakesMoreWhereItsSizeIsNotConfigured) {
  write().queue.max_samples_per_send_is_default = true;
  StartAgent();
  Append(100, 1);
  EXPECT_TRUE(Eventually([&] { return receiver_.samples() == 100; }));
  EXPECT_EQ(receiver_.requests(), 1u);
}

TEST_F(DeliveryTest, ServerErrorsAreRetriedUntilTheyEnd) {
  receiver_.SetJudge([](const Received&, size_t request) { return request < 6 ? 500 : 204; });
  StartAgent();
  for (int64_t t = 1; t <= 10; ++t) {
    Append(5, t);
  }
  ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= 50; }));
  ExpectComplete(5, 1, 10);
  EXPECT_GE(receiver_.requests(), 11u);
}

TEST_F(DeliveryTest, RefusalsHoldTheData) {
  receiver_.SetJudge([](const Received&, size_t request) { return request == 0 ? 401 : 204; });
  StartAgent();
  Append(3, 1);
  ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= 3; }));
  ExpectComplete(3, 1, 1);
  EXPECT_EQ(receiver_.requests(), 2u);
}

TEST_F(DeliveryTest, RetryAfterIsHonoured) {
  receiver_.SetHeader("Retry-After", "1");
  receiver_.SetJudge([](const Received&, size_t request) { return request == 0 ? 429 : 204; });
  StartAgent();
  Append(1, 1);
  const auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= 1; }));
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(900));
}

TEST_F(DeliveryTest, ARejectedSampleTakesNoNeighbourWithIt) {
  // As Prometheus does: one bad sample fails the whole request.
  receiver_.SetJudge([](const Received& message, size_t) {
    for (const auto& [series, samples] : message) {
      if (series.find("i=\"7\"") != std::string::npos) {
        return 400;
      }
    }
    return 204;
  });
  write().queue.max_samples_per_send = 100;
  StartAgent();
  Append(20, 1);
  Append(20, 2);
  ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= 38; }));
  StopAgent();
  ExpectComplete(19, 1, 2);
  EXPECT_THAT(metrics_.RenderText(),
              HasSubstr("prometheus_remote_storage_samples_failed_total{remote_name=\"centre\""));
}

TEST_F(DeliveryTest, TooLargeIsSentInHalves) {
  receiver_.SetJudge(
      [](const Received& message, size_t) { return message.size() > 4 ? 413 : 204; });
  write().queue.max_samples_per_send = 100;
  StartAgent();
  Append(16, 1);
  ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= 16; }));
  ExpectComplete(16, 1, 1);
}

TEST_F(DeliveryTest, ARestartGoesOnWhereDeliveryStopped) {
  StartAgent();
  Append(5, 1);
  ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= 5; }));
  receiver_.SetJudge([](const Received&, size_t) { return 503; });
  Append(5, 2);
  Append(5, 3);
  const size_t requests = receiver_.requests();
  ASSERT_TRUE(Eventually([&] { return receiver_.requests() > requests; }));
  StopAgent();
  receiver_.SetJudge(nullptr);
  StartAgent();
  Append(5, 4);
  ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= 20; }));
  ExpectComplete(5, 1, 4);
}

TEST_F(DeliveryTest, ACrashLosesNothing) {
  StartAgent();
  receiver_.SetJudge([](const Received&, size_t) { return 503; });
  for (int64_t t = 1; t <= 5; ++t) {
    Append(5, t);
  }
  const size_t requests = receiver_.requests();
  ASSERT_TRUE(Eventually([&] { return receiver_.requests() > requests; }));
  CrashAgent();
  receiver_.SetJudge(nullptr);
  StartAgent();
  ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= 25; }));
  ExpectComplete(5, 1, 5);
}

// What is on its way when the agent is told to end gets its answer: nothing of it is sent again.
TEST_F(DeliveryTest, AnEndInOrderWaitsForTheLastAnswer) {
  receiver_.SetJudge([](const Received&, size_t) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return 204;
  });
  StartAgent();
  Append(5, 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  StopAgent();
  EXPECT_EQ(receiver_.samples(), 5u);
  StartAgent();
  Append(5, 2);
  ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= 10; }));
  ExpectComplete(5, 1, 2);
}

// Pods come and go: every series has labels of its own and one sample. What arrives is under the
// right labels, though their memory serves others all the time, and the memory does not grow.
TEST_F(DeliveryTest, LabelsOfSeriesThatAreGoneAreGivenBack) {
  db_options_.wal_segment_bytes = 32 << 10;
  db_options_.truncate_frequency_ms = 1;
  db_options_.min_wal_time_ms = 0;
  write().queue.max_samples_per_send = 100;
  StartAgent();
  constexpr int64_t kRounds = 400;
  constexpr int64_t kSeries = 50;
  double bytes_before = 0;
  for (int64_t round = 0; round < kRounds; ++round) {
    auto app = db_->NewAppender();
    std::vector<storage::RefSample> samples;
    for (int64_t i = round * kSeries; i < (round + 1) * kSeries; ++i) {
      const model::Labels labels =
          model::Labels::Of({{"__name__", "m"}, {"pod", "pod-" + std::to_string(1'000'000 + i)}});
      std::vector<model::Label> span;
      labels.ToSpan(&span);
      auto ref = app->GetOrCreate(span, labels.Hash());
      ASSERT_TRUE(ref);
      samples.push_back({*ref, 1, static_cast<double>(1'000'000 + i)});
    }
    std::vector<storage::AppendOutcome> outcomes(samples.size());
    app->Append(samples, outcomes);
    ASSERT_TRUE(app->Commit());
    app.reset();
    if (round % 50 == 49) {
      const auto sent = static_cast<size_t>((round + 1) * kSeries);
      ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= sent; }));
      ASSERT_TRUE(Eventually([&] { return db_->active_series() <= 2 * kSeries; }));
      const double bytes = Metric("tributary_agent_label_bytes");
      bytes_before = round < 100 ? bytes : bytes_before;
    }
  }
  ASSERT_GT(bytes_before, 0);
  EXPECT_LE(Metric("tributary_agent_label_bytes"), 1.2 * bytes_before);
  const Received received = receiver_.received();
  EXPECT_EQ(received.size(), static_cast<size_t>(kRounds * kSeries));
  for (const auto& [series, samples] : received) {
    ASSERT_THAT(series, HasSubstr("pod=\"pod-" +
                                  std::to_string(static_cast<int64_t>(samples[0].second)) + "\""));
  }
}

TEST_F(DeliveryTest, LagIsTheAgeOfTheOldestSampleNotDelivered) {
  const char* const kLag = "tributary_remote_storage_lag_seconds";
  receiver_.SetJudge([](const Received&, size_t) { return 503; });
  StartAgent();
  Append(1, base::SystemClock().NowMs() - 100'000);
  ASSERT_TRUE(Eventually([&] { return Metric(kLag) > 0; }));
  EXPECT_NEAR(Metric(kLag), 100, 10);
  receiver_.SetJudge(nullptr);
  ASSERT_TRUE(Eventually([&] { return Metric(kLag) == 0; }));
}

TEST_F(DeliveryTest, WriteRelabellingDropsAndChanges) {
  write().write_relabel_configs = *model::Relabeler::Create(
      {{.source_labels = {"i"}, .regex = "1", .action = model::RelabelAction::kDrop},
       {.source_labels = {"i"}, .regex = "2", .target_label = "changed", .replacement = "yes"}});
  StartAgent();
  Append(3, 1);
  Append(3, 2);
  ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= 4; }));
  ExpectComplete(2, 1, 2);
  EXPECT_TRUE(
      receiver_.received().contains(R"(m{changed="yes", cluster="one", i="2", job="own"})"));
}

TEST_F(DeliveryTest, AReloadGoesOnWhereTheOldConfigurationStopped) {
  StartAgent();
  Append(4, 1);
  ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= 4; }));
  auto changed = std::make_shared<config::Config>(*config_);
  changed->remote_write[0].headers["X-Scope"] = "two";
  config_ = changed;
  ASSERT_TRUE(sender_->Apply(config_));
  Append(4, 2);
  ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= 8; }));
  ExpectComplete(4, 1, 2);
}

}  // namespace
}  // namespace tributary
