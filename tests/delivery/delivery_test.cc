// Delivery end to end inside one process: an agent's store on disk, the send manager, and a
// receiver on loopback that answers as each test tells it to.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http_server.h"
#include "net/testing/temp_dir.h"
#include "remote/send/manager.h"
#include "tsdb/agent/agent_db.h"
#include "wire/compression.h"
#include "wire/remote_write_v1.h"
#include "wire/remote_write_v2.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr const char* kSnappyV1 = "snappy application/x-protobuf";
constexpr const char* kZstdV1 = "zstd application/x-protobuf";
constexpr const char* kSnappyV2 =
    "snappy application/x-protobuf;proto=io.prometheus.write.v2.Request";
constexpr const char* kZstdV2 = "zstd application/x-protobuf;proto=io.prometheus.write.v2.Request";

// What arrived, by series text: (t, v) in order of arrival.
using Received = std::map<std::string, std::vector<std::pair<int64_t, double>>>;

class Receiver : public wire::WriteVisitorV1, public wire::WriteVisitorV2 {
 public:
  Receiver() {
    net::HttpServerOptions options;
    options.listen_addresses = {"127.0.0.1:0"};
    auto server = net::HttpServer::Create(
        options, [](net::Request&, net::ResponseWriter&) { return true; },
        [this](net::Request& request, net::ResponseWriter& response) {
          Handle(request, response);
        });
    EXPECT_TRUE(server) << server.error().message();
    server_ = std::move(*server);
    server_->Start();
  }
  ~Receiver() override { server_->Stop(0); }

  std::string Url() const {
    return "http://127.0.0.1:" + std::to_string(server_->ports()[0]) + "/write";
  }

  // The status for a message with these samples; 200s are recorded. Default: always 204.
  using Judge = std::function<int(const Received&, size_t request)>;
  void SetJudge(Judge judge) {
    base::MutexLock lock(mutex_);
    judge_ = std::move(judge);
  }
  // Answers `status` to a request whose Content-Encoding or Content-Type has this in it.
  void Refuse(std::string form, int status) {
    base::MutexLock lock(mutex_);
    refused_[std::move(form)] = status;
  }
  void SetHeader(std::string name, std::string value) {
    base::MutexLock lock(mutex_);
    headers_[std::move(name)] = std::move(value);
  }
  Received received() {
    base::MutexLock lock(mutex_);
    return received_;
  }
  size_t samples() {
    size_t n = 0;
    for (const auto& [series, list] : received()) {
      n += list.size();
    }
    return n;
  }
  size_t requests() {
    base::MutexLock lock(mutex_);
    return requests_;
  }
  // Of each series in a 2.0 message, that of its newest sample.
  std::map<std::string, int64_t> starts() {
    base::MutexLock lock(mutex_);
    return starts_;
  }
  // Texts in 2.0 messages that no label of theirs has.
  std::set<std::string> unused_symbols() {
    base::MutexLock lock(mutex_);
    return unused_symbols_;
  }
  // "<type> <unit> <help>" of the newest series of a 2.0 message.
  std::string metadata() {
    base::MutexLock lock(mutex_);
    return metadata_;
  }
  // "<coding> <content type>" of each request, in order, repetitions left out.
  std::vector<std::string> forms() {
    base::MutexLock lock(mutex_);
    return forms_;
  }

 private:
  void OnSeries(const wire::WriteSeriesV2& series) override TB_NO_THREAD_SAFETY_ANALYSIS {
    std::vector<model::Label> labels;
    wire::ResolveLabelsV2(series, symbols_, &labels);
    const std::string name = model::Labels::FromSpan(labels).ToMetricString();
    auto& list = message_[name];
    for (const wire::WriteSampleV2& sample : series.samples) {
      list.emplace_back(sample.t, sample.v);
      starts_[name] = sample.start;
    }
    used_symbols_.insert(series.label_refs.begin(), series.label_refs.end());
    const wire::WriteMetadataV2& said = series.metadata;
    metadata_ = fmt::format("{} {} {}", model::MetricTypeName(said.type), symbols_[said.unit_ref],
                            symbols_[said.help_ref]);
  }

  void OnSeries(const wire::WriteSeriesV1& series) override TB_NO_THREAD_SAFETY_ANALYSIS {
    std::vector<model::Label> labels;
    ASSERT_TRUE(wire::SplitLabelsV1(series, &labels));
    auto& list = message_[model::Labels::FromSpan(labels).ToMetricString()];
    for (const model::Sample& sample : series.samples) {
      list.emplace_back(sample.t, sample.v);
    }
  }

  void Handle(net::Request& request, net::ResponseWriter& response) {
    base::MutexLock lock(mutex_);
    const std::string form = std::string(request.header("Content-Encoding")) + " " +
                             std::string(request.header("Content-Type"));
    if (forms_.empty() || forms_.back() != form) {
      forms_.push_back(form);
    }
    message_.clear();
    std::string decoded;
    const auto decode = form.starts_with("zstd ") ? wire::ZstdDecode : wire::SnappyDecode;
    ASSERT_TRUE(decode(base::AsBytes(request.body()), 32 << 20, &decoded));
    if (request.header("Content-Type") == "application/x-protobuf") {
      ASSERT_TRUE(wire::DecodeWriteV1(decoded, this));
    } else {
      used_symbols_ = {0};
      ASSERT_TRUE(wire::DecodeWriteV2(decoded, &symbols_, this));
      for (uint32_t i = 0; i < symbols_.size(); ++i) {
        if (!used_symbols_.contains(i)) {
          unused_symbols_.emplace(symbols_[i]);
        }
      }
    }
    int status = judge_ ? judge_(message_, requests_) : 204;
    for (const auto& [refused, answer] : refused_) {
      status = form.find(refused) != std::string::npos ? answer : status;
    }
    ++requests_;
    response.SetStatus(status);
    for (const auto& [name, value] : headers_) {
      response.SetHeader(name, value);
    }
    if (status / 100 == 2) {
      for (const auto& [series, list] : message_) {
        auto& all = received_[series];
        all.insert(all.end(), list.begin(), list.end());
      }
    }
  }

  base::Mutex mutex_;
  Judge judge_ TB_GUARDED_BY(mutex_);
  Received message_ TB_GUARDED_BY(mutex_);
  Received received_ TB_GUARDED_BY(mutex_);
  std::map<std::string, std::string> headers_ TB_GUARDED_BY(mutex_);
  std::map<std::string, int> refused_ TB_GUARDED_BY(mutex_);
  std::vector<std::string> forms_ TB_GUARDED_BY(mutex_);
  std::string metadata_ TB_GUARDED_BY(mutex_);
  std::map<std::string, int64_t> starts_ TB_GUARDED_BY(mutex_);
  std::set<uint32_t> used_symbols_ TB_GUARDED_BY(mutex_);  // of the message
  std::set<std::string> unused_symbols_ TB_GUARDED_BY(mutex_);
  std::vector<std::string_view> symbols_ TB_GUARDED_BY(mutex_);
  size_t requests_ TB_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<net::HttpServer> server_;
};

class DeliveryTest : public ::testing::Test {
 protected:
  DeliveryTest() {
    config_ = std::make_shared<config::Config>();
    config_->global.external_labels = model::Labels::Of({{"cluster", "one"}, {"job", "external"}});
    config::RemoteWriteConfig write;
    write.name = "centre";
    write.url = receiver_.Url();
    write.queue.max_samples_per_send = 10;
    write.queue.max_samples_per_send_is_default = false;
    write.queue.batch_send_deadline_ms = 20;
    write.queue.min_backoff_ms = 5;
    write.queue.max_backoff_ms = 40;
    write.metadata.send = false;
    config_->remote_write.push_back(write);
  }
  ~DeliveryTest() override { StopAgent(); }

  config::RemoteWriteConfig& write() { return config_->remote_write[0]; }

  void StartAgent() {
    db_options_.path = dir_.path() + "/data";
    auto db =
        tsdb::AgentDb::Open(db_options_, base::PosixFileSystem(), base::SystemClock(), metrics_);
    ASSERT_TRUE(db) << db.error().message();
    db_ = std::move(*db);
    ASSERT_TRUE(db_->Replay());
    send_options_.state_dir = dir_.path() + "/data/remote";
    send_options_.flush_deadline_ms = 5000;
    send_options_.user_agent = "test";
    sender_ = remote::SendManager::Create(send_options_, db_->wal_source(), base::PosixFileSystem(),
                                          base::SystemClock(), metrics_);
    ASSERT_TRUE(sender_->Apply(config_));
  }

  void StopAgent() {
    if (sender_) {
      sender_->Stop();
      sender_.reset();
      db_.reset();
    }
  }

  // As kill -9 would: nothing is flushed, the delivered position stands where it was noted.
  void CrashAgent() {
    sender_.reset();
    db_.reset();
  }

  // One sample of each of `series` series at time t; start(i) is when the i-th began to count.
  void Append(int series, int64_t t, const std::function<int64_t(int)>& start = nullptr) {
    auto app = db_->NewAppender();
    std::vector<storage::RefSample> samples;
    storage::Starts starts;
    for (int i = 0; i < series; ++i) {
      const model::Labels labels =
          model::Labels::Of({{"__name__", "m"}, {"i", std::to_string(i)}, {"job", "own"}});
      std::vector<model::Label> span;
      labels.ToSpan(&span);
      auto ref = app->GetOrCreate(span, labels.Hash());
      ASSERT_TRUE(ref);
      samples.push_back({*ref, t, static_cast<double>(t + i)});
      starts.Set(static_cast<size_t>(i), start ? start(i) : 0);
    }
    std::vector<storage::AppendOutcome> outcomes(samples.size());
    app->AppendWithStarts(samples, starts, outcomes);
    for (const storage::AppendOutcome outcome : outcomes) {
      ASSERT_EQ(outcome, storage::AppendOutcome::kAppended);
    }
    ASSERT_TRUE(app->Commit());
  }

  template <class F>
  bool Eventually(F&& condition) {
    for (int i = 0; i < 1000; ++i) {
      if (condition()) {
        return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  // Every series has exactly the times first..last, once and in order.
  void ExpectComplete(int series, int64_t first, int64_t last) {
    const Received received = receiver_.received();
    EXPECT_EQ(received.size(), static_cast<size_t>(series));
    for (const auto& [name, samples] : received) {
      std::vector<int64_t> times;
      for (const auto& [t, v] : samples) {
        times.push_back(t);
      }
      std::vector<int64_t> wanted;
      for (int64_t t = first; t <= last; ++t) {
        wanted.push_back(t);
      }
      EXPECT_EQ(times, wanted) << name;
    }
  }

  // Of a metric of the only destination, with these labels behind remote_name and url.
  double Metric(const std::string& name, const std::string& more_labels = "") {
    std::istringstream lines(metrics_.RenderText());
    for (std::string line; std::getline(lines, line);) {
      if ((line.starts_with(name + "{") || line.starts_with(name + " ")) &&
          line.find(more_labels) != std::string::npos) {
        return std::stod(line.substr(line.rfind(' ')));
      }
    }
    return 0;
  }

  // Every series has arrived, and the newest sample of each is of time t.
  bool AllEndAt(size_t series, int64_t t) {
    const Received received = receiver_.received();
    return received.size() == series && std::ranges::all_of(received, [t](const auto& one) {
             return one.second.back().first == t;
           });
  }

  // As --storage.agent.max-bytes does.
  void BoundLog(uint64_t bytes) {
    db_options_.wal_segment_bytes = 32 << 10;
    db_options_.max_wal_bytes = bytes / 8 * 7;
    db_options_.wal_compression = tsdb::WalCompression::kNone;
    send_options_.max_backlog_bytes = bytes / 4 * 3;
  }

  uint64_t LogBytes() {
    uint64_t bytes = 0;
    std::error_code gone;
    for (const auto& file : std::filesystem::directory_iterator(dir_.path() + "/data/wal")) {
      bytes += file.is_regular_file(gone) ? file.file_size(gone) : 0;
    }
    return bytes;
  }

  const net::testing::TempDir dir_;
  tsdb::AgentDbOptions db_options_;
  remote::SendOptions send_options_;
  Receiver receiver_;
  std::shared_ptr<config::Config> config_;
  base::MetricsRegistry metrics_;
  std::unique_ptr<tsdb::AgentDb> db_;
  std::unique_ptr<remote::SendManager> sender_;
};

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
