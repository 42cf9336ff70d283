// An agent's store on disk, the send manager and a receiver, in one process.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/temp_dir_test_support.h"
#include "receiver.h"
#include "remote/send/manager.h"
#include "tsdb/agent/agent_db.h"

namespace tributary {

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

  const base::TempDir dir_;
  tsdb::AgentDbOptions db_options_;
  remote::SendOptions send_options_;
  Receiver receiver_;
  std::shared_ptr<config::Config> config_;
  base::MetricsRegistry metrics_;
  std::unique_ptr<tsdb::AgentDb> db_;
  std::unique_ptr<remote::SendManager> sender_;
};

}  // namespace tributary
