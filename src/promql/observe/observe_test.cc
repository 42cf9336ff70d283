#include <fstream>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "base/temp_dir_test_support.h"
#include "promql/observe/observed_engine.h"
#include "promql/observe/query_stats_json.h"
#include "storage/memory_store.h"
#include "wire/json_writer.h"

namespace tributary::promql {
namespace {

// Calls `during` where a real engine would evaluate.
class FakeEngine final : public Engine {
 public:
  base::Result<QueryResult> Instant(storage::Queryable&, std::string_view, model::Timestamp,
                                    const QueryOptions& options) override {
    if (options.progress != nullptr) options.progress->running = true;
    if (options.started) options.started();
    during(options);
    if (!error.message().empty()) return error;
    QueryResult result;
    result.stats.total_samples = 7;
    return result;
  }
  base::Result<QueryResult> Range(storage::Queryable& source, std::string_view query,
                                  model::Timestamp start, model::Timestamp, int64_t,
                                  const QueryOptions& options) override {
    return Instant(source, query, start, options);
  }
  void SetDefaultStep(int64_t) override {}
  const EngineOptions& options() const override { return options_; }

  std::function<void(const QueryOptions&)> during = [](const QueryOptions&) {};
  base::Error error = base::Error(base::ErrorCode::kInternal, "");

 private:
  EngineOptions options_;
};

class ObserveTest : public testing::Test {
 protected:
  ObserveTest() {
    auto made = std::make_unique<FakeEngine>();
    fake_ = made.get();
    engine_ = ObserveEngine(std::move(made), {&active_, nullptr, &log_, &clock_});
  }
  base::Result<QueryResult> Ask(std::string_view query, const QueryOptions& options = {}) {
    return engine_->Range(store_, query, 1'500, 61'000, 7'000, options);
  }

  base::ManualClock clock_{1'700'000'000'250};
  base::MetricsRegistry metrics_;
  std::unique_ptr<base::FileSystem> fs_ = base::MakeMemoryFileSystem();
  storage::MemoryStore store_;
  ActiveQueries active_;
  QueryLog log_{*fs_, metrics_};
  FakeEngine* fake_ = nullptr;
  std::unique_ptr<Engine> engine_;
};

TEST_F(ObserveTest, ARunningQueryIsListedAndCanBeStopped) {
  QueryOptions options;
  options.origin.user = "ada";
  fake_->during = [&](const QueryOptions& observed) {
    observed.progress->samples = 42;
    const auto list = active_.List();
    ASSERT_EQ(list.size(), 1u);
    EXPECT_EQ(list[0].query, "up");
    EXPECT_EQ(list[0].origin.user, "ada");
    EXPECT_EQ(list[0].since_ms, 1'700'000'000'250);
    EXPECT_EQ(list[0].step_ms, 7'000);
    EXPECT_TRUE(list[0].running);
    EXPECT_EQ(list[0].samples, 42u);
    EXPECT_FALSE(observed.progress->cancel.load());
    EXPECT_FALSE(active_.Cancel(list[0].id + 1));
    EXPECT_TRUE(active_.Cancel(list[0].id));
    EXPECT_TRUE(observed.progress->cancel.load());
    EXPECT_TRUE(active_.List()[0].cancelled);
  };
  ASSERT_TRUE(Ask("up", options));
  EXPECT_TRUE(active_.List().empty());
}

TEST_F(ObserveTest, TheLogIsPrometheuss) {
  QueryOptions options;
  options.origin.client_ip = "10.0.0.9";
  options.origin.method = "POST";
  options.origin.path = "/api/v1/query_range";
  ASSERT_TRUE(Ask("before the log is open"));
  ASSERT_TRUE(log_.SetFile("/query.log"));
  ASSERT_TRUE(Ask("up{a=\"b\"}", options));
  fake_->error = base::Error(base::ErrorCode::kTimeout, "query timed out in expression evaluation");
  options.origin = {};
  options.origin.rule_file = "/rules.yml";
  options.origin.rule_group = "nodes";
  ASSERT_FALSE(Ask("slow", options));
  fake_->error = base::InvalidArgument("1:1: parse error: unexpected end of input");
  ASSERT_FALSE(Ask("((", options));
  ASSERT_TRUE(log_.SetFile(""));
  fake_->error = base::Error(base::ErrorCode::kInternal, "");
  ASSERT_TRUE(Ask("after"));
  EXPECT_EQ(
      fs_->ReadFile("/query.log").value(),
      R"({"time":"2023-11-14T22:13:20.250Z","level":"INFO","source":"query_log.cc","msg":"promql query logged","params":{"end":"1970-01-01T00:01:01.000Z","query":"up{a=\"b\"}","start":"1970-01-01T00:00:01.500Z","step":7},"stats":{"timings":{"evalTotalTime":0,"resultSortTime":0,"queryPreparationTime":0,"innerEvalTime":0,"execQueueTime":0,"execTotalTime":0},"samples":{"totalQueryableSamples":7,"samplesRead":0,"peakSamples":0}},"spanID":"0000000000000000","traceID":"00000000000000000000000000000000","httpRequest":{"clientIP":"10.0.0.9","method":"POST","path":"/api/v1/query_range"}}
{"time":"2023-11-14T22:13:20.250Z","level":"INFO","source":"query_log.cc","msg":"promql query logged","params":{"end":"1970-01-01T00:01:01.000Z","query":"slow","start":"1970-01-01T00:00:01.500Z","step":7},"error":"query timed out in expression evaluation","stats":{"timings":{"evalTotalTime":0,"resultSortTime":0,"queryPreparationTime":0,"innerEvalTime":0,"execQueueTime":0,"execTotalTime":0},"samples":{"totalQueryableSamples":0,"samplesRead":0,"peakSamples":0}},"spanID":"0000000000000000","traceID":"00000000000000000000000000000000","ruleGroup":{"file":"/rules.yml","name":"nodes"}}
)");
}

TEST_F(ObserveTest, ALogThatCannotBeOpenedLeavesTheOldOne) {
  ASSERT_TRUE(log_.SetFile("/query.log"));
  ASSERT_FALSE(log_.SetFile("/no/such/dir/query.log"));
  EXPECT_TRUE(log_.enabled());
}

TEST(WriteQueryStats, FiguresForEachStep) {
  QueryStats stats;
  stats.total_samples = 3;
  stats.samples_read = 2;
  stats.samples_per_step = {1, 2};
  stats.samples_read_per_step = {1, 1};
  std::string text;
  wire::JsonWriter json(&text);
  WriteQueryStats(json, stats, {1'500, 1'000});
  EXPECT_NE(text.find(R"("samples":{"totalQueryableSamplesPerStep":[[1.5,1],[2.5,2]],)"
                      R"("totalQueryableSamples":3,"samplesReadPerStep":[[1.5,1],[2.5,1]],)"
                      R"("samplesRead":2,"peakSamples":0})"),
            std::string::npos)
      << text;
}

class ActiveQueryFileTest : public testing::Test {
 protected:
  std::string Bytes() const {
    std::ifstream in(dir_ + "/queries.active", std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  const base::TempDir temp_;
  const std::string dir_ = temp_.path();
};

TEST_F(ActiveQueryFileTest, SlotsComeAndGo) {
  auto file = ActiveQueryFile::Open(dir_, 2).value();
  EXPECT_EQ(Bytes(), "[" + std::string(2000, '\0'));
  const int first = file->Insert("up", 5'999);
  const std::string entry = R"({"query":"up","timestamp_sec":5})";
  EXPECT_EQ(Bytes(),
            "[" + entry + std::string(999 - entry.size(), '\0') + "," + std::string(1000, '\0'));
  EXPECT_EQ(UnfinishedQueries(Bytes()), "[" + entry + "]");
  const int second = file->Insert("b", 0);
  EXPECT_NE(first, second);
  EXPECT_EQ(file->Insert("one too many", 0), -1);
  file->Remove(first);
  file->Remove(second);
  file->Remove(-1);
  EXPECT_EQ(UnfinishedQueries(Bytes()), "");
  EXPECT_GE(file->Insert("again", 0), 0);
}

TEST_F(ActiveQueryFileTest, LongQueriesAreCutWithinTheirSlot) {
  auto file = ActiveQueryFile::Open(dir_, 1).value();
  for (const std::string& query :
       {std::string(5'000, 'a'), std::string(5'000, '"'), std::string(5'000, '\x01'),
        std::string(4'000, '\xc3') + "\xa4"}) {
    const int slot = file->Insert(query, 1);
    ASSERT_EQ(slot, 0);
    const std::string bytes = Bytes();
    ASSERT_EQ(bytes.size(), 1001u);
    EXPECT_EQ(bytes.back(), ',');
    EXPECT_NE(bytes.find("\"timestamp_sec\":0}"), std::string::npos) << bytes.substr(0, 40);
    file->Remove(slot);
  }
}

TEST_F(ActiveQueryFileTest, WhatACrashLeftIsReadable) {
  {
    (void)ActiveQueryFile::Open(dir_, 3).value()->Insert("left", 1'000);
  }
  EXPECT_EQ(UnfinishedQueries(Bytes()), R"([{"query":"left","timestamp_sec":1}])");
  auto next = ActiveQueryFile::Open(dir_, 3).value();
  EXPECT_EQ(UnfinishedQueries(Bytes()), "");
  EXPECT_FALSE(ActiveQueryFile::Open(dir_ + "/none", 3).has_value());
}

}  // namespace
}  // namespace tributary::promql
