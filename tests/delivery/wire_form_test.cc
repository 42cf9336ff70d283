// In which form messages go out, and what they carry beside samples.
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "delivery_fixture.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

constexpr const char* kSnappyV1 = "snappy application/x-protobuf";
constexpr const char* kZstdV1 = "zstd application/x-protobuf";
constexpr const char* kSnappyV2 =
    "snappy application/x-protobuf;proto=io.prometheus.write.v2.Request";
constexpr const char* kZstdV2 = "zstd application/x-protobuf;proto=io.prometheus.write.v2.Request";

TEST_F(DeliveryTest, AReceiverOfOldGetsTheOldFormat) {
  write().protobuf_message = config::WriteMessage::kV2;
  write().queue.min_shards = 4;
  receiver_.Refuse("v2.Request", 415);
  StartAgent();
  Append(40, 1);
  ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= 40; }));
  ExpectComplete(40, 1, 1);
  EXPECT_EQ(receiver_.forms().front(), kSnappyV2);
  EXPECT_EQ(receiver_.forms().back(), kSnappyV1);
}

TEST_F(DeliveryTest, WhatTheReceiverOffersIsTakenUp) {
  receiver_.SetHeader("Accept-Encoding", "gzip, zstd");
  receiver_.SetHeader("Accept-Post",
                      "application/x-protobuf;proto=prometheus.WriteRequest, "
                      "application/x-protobuf;proto=io.prometheus.write.v2.Request");
  StartAgent();
  for (int64_t t = 1; t <= 10; ++t) {
    Append(5, t);
    ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= static_cast<size_t>(5 * t); }));
  }
  ExpectComplete(5, 1, 10);
  EXPECT_EQ(receiver_.forms(), (std::vector<std::string>{kSnappyV1, kZstdV2}));
}

TEST_F(DeliveryTest, AConfiguredMessageIsKeptButCompressedBetter) {
  write().protobuf_message_is_default = false;
  receiver_.SetHeader("Accept-Encoding", "zstd");
  receiver_.SetHeader("Accept-Post", "application/x-protobuf;proto=io.prometheus.write.v2.Request");
  StartAgent();
  for (int64_t t = 1; t <= 3; ++t) {
    Append(5, t);
    ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= static_cast<size_t>(5 * t); }));
  }
  EXPECT_EQ(receiver_.forms(), (std::vector<std::string>{kSnappyV1, kZstdV1}));
}

TEST_F(DeliveryTest, ConfiguredSecondMessagesSayWhatTargetsSayOfTheirFamilies) {
  write().protobuf_message = config::WriteMessage::kV2;
  write().protobuf_message_is_default = false;
  write().metadata.send = true;
  write().metadata.send_interval_ms = 10;
  send_options_.families = [] {
    return std::vector<remote::FamilyMetadata>{
        {"m", {model::MetricType::kGauge, "what it is", "seconds"}}};
  };
  StartAgent();
  int64_t t = 0;
  EXPECT_TRUE(Eventually([&] {
    Append(3, ++t);
    return receiver_.metadata() == "gauge seconds what it is";
  })) << receiver_.metadata();
}

// Also where series before theirs are dropped, samples without one come between, and a request is
// cut in half.
TEST_F(DeliveryTest, StartTimestampsStayWithTheirSamples) {
  write().protobuf_message = config::WriteMessage::kV2;
  write().write_relabel_configs = *model::Relabeler::Create(
      {{.source_labels = {"i"}, .regex = "[147]", .action = model::RelabelAction::kDrop}});
  receiver_.SetJudge(
      [](const Received& message, size_t) { return message.size() > 5 ? 413 : 204; });
  StartAgent();
  const auto start = [](int i) { return i % 2 == 0 ? int64_t{1000} + i : 0; };
  Append(20, 1);
  Append(20, 2, start);
  ASSERT_TRUE(Eventually([&] { return AllEndAt(17, 2); }));
  for (const auto& [series, got] : receiver_.starts()) {
    const size_t at = series.find("i=\"") + 3;
    EXPECT_EQ(got, start(std::stoi(series.substr(at)))) << series;
  }
}

// Neither its own nor those of the series before it, whose message's hold on them may be over.
// A start that is newer than what the series has is a sample of its own.
TEST_F(DeliveryTest, StartsBecomeZerosWhereThatIsAskedFor) {
  db_options_.start_zeros = true;
  db_options_.keep_starts = false;
  write().protobuf_message = config::WriteMessage::kV2;
  StartAgent();
  Append(2, 100, [](int i) { return i == 0 ? 50 : 0; });
  Append(2, 200, [](int i) { return i == 0 ? 50 : 0; });
  Append(2, 300, [](int i) { return i == 0 ? 250 : 299; });
  ASSERT_TRUE(Eventually([&] { return AllEndAt(2, 300); }));
  for (const auto& [series, samples] : receiver_.received()) {
    if (series.find("i=\"0\"") != std::string::npos) {
      EXPECT_THAT(samples, ElementsAre(Pair(50, 0), Pair(100, 100), Pair(200, 200), Pair(250, 0),
                                       Pair(300, 300)));
    } else {
      EXPECT_THAT(samples,
                  ElementsAre(Pair(100, 101), Pair(200, 201), Pair(299, 0), Pair(300, 301)));
    }
  }
  for (const auto& [series, start] : receiver_.starts()) {
    EXPECT_EQ(start, 0) << series;
  }
}

TEST_F(DeliveryTest, ADroppedSeriesPutsNoTextsIntoAMessage) {
  write().protobuf_message = config::WriteMessage::kV2;
  write().write_relabel_configs = *model::Relabeler::Create(
      {{.source_labels = {"i"}, .regex = "[0-4]", .action = model::RelabelAction::kDrop}});
  StartAgent();
  for (int64_t t = 1; t <= 5; ++t) {
    Append(8, t);
    ASSERT_TRUE(Eventually([&] { return AllEndAt(3, t); }));
  }
  EXPECT_THAT(receiver_.unused_symbols(), ::testing::IsEmpty());
}

TEST_F(DeliveryTest, AReceiverThatOffersNothingGetsWhatWasConfigured) {
  StartAgent();
  for (int64_t t = 1; t <= 3; ++t) {
    Append(5, t);
    ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= static_cast<size_t>(5 * t); }));
  }
  EXPECT_EQ(receiver_.forms(), std::vector<std::string>{kSnappyV1});
}

// Behind one address, a receiver that offers zstd and 2.0 gives way to one that knows neither, and
// says so with 415 as Prometheus does, or with 400 as receivers do that try to unpack.
TEST_F(DeliveryTest, AReceiverExchangedForAnOlderOneCostsNoSample) {
  for (const int status : {400, 415}) {
    Receiver receiver;
    receiver.SetHeader("Accept-Encoding", "zstd");
    receiver.SetHeader("Accept-Post",
                       "application/x-protobuf;proto=io.prometheus.write.v2.Request");
    write().name = "status-" + std::to_string(status);
    write().url = receiver.Url();
    StartAgent();
    Append(5, 2 * status);
    ASSERT_TRUE(Eventually([&] { return receiver.samples() >= 5; }));
    receiver.SetHeader("Accept-Encoding", "");
    receiver.SetHeader("Accept-Post", "");
    receiver.Refuse("zstd", status);
    receiver.Refuse("v2.Request", status);
    Append(5, 2 * status + 1);
    ASSERT_TRUE(Eventually([&] { return receiver.samples() >= 10; })) << status;
    StopAgent();
    EXPECT_EQ(receiver.samples(), 10u);
    EXPECT_EQ(receiver.forms(), (std::vector<std::string>{kSnappyV1, kZstdV2, kSnappyV1}));
  }
}

// A 400 from a receiver that still offers the form is about the samples.
TEST_F(DeliveryTest, ARejectedSampleDoesNotChangeTheForm) {
  receiver_.SetHeader("Accept-Encoding", "zstd");
  write().queue.max_samples_per_send = 100;
  StartAgent();
  Append(4, 1);
  ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= 4; }));
  receiver_.SetJudge([](const Received& message, size_t) {
    for (const auto& [series, samples] : message) {
      if (series.find("i=\"2\"") != std::string::npos) {
        return 400;
      }
    }
    return 204;
  });
  Append(4, 2);
  ASSERT_TRUE(Eventually([&] { return receiver_.samples() >= 7; }));
  EXPECT_EQ(receiver_.forms(), (std::vector<std::string>{kSnappyV1, kZstdV1}));
}

}  // namespace
}  // namespace tributary
