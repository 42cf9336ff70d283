// The whole scraping machinery against a real HTTP server on loopback.
#include <atomic>
#include <chrono>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fs.h"
#include "base/temp_dir_test_support.h"
#include "net/http_server.h"
#include "scrape/scrape.h"
#include "scrape/test_store.h"

namespace tributary::scrape {
namespace {

using ::testing::HasSubstr;

class ManagerTest : public ::testing::Test {
 protected:
  ManagerTest() {
    net::HttpServerOptions options;
    options.listen_addresses = {"127.0.0.1:0"};
    auto server = net::HttpServer::Create(
        options, [](net::Request&, net::ResponseWriter&) { return true; },
        [this](net::Request& request, net::ResponseWriter& response) {
          accept_ = std::string(request.header("Accept"));
          if (broken_) {
            response.SetStatus(503);
            return;
          }
          response.SetHeader("Content-Type", "text/plain; version=0.0.4");
          response.Write("# TYPE a counter\na " + std::to_string(++scrapes_) + "\n");
        });
    EXPECT_TRUE(server) << server.error().message();
    server_ = std::move(*server);
    server_->Start();
    manager_ = Manager::Create({}, store_, base::SystemClock(), pool_, metrics_);
  }
  ~ManagerTest() override {
    manager_.reset();
    server_->Stop(0);
  }

  config::TargetGroup Group() {
    return {.targets = {model::Labels::Of(
                {{"__address__", "127.0.0.1:" + std::to_string(server_->ports()[0])}})},
            .labels = {},
            .source = "0"};
  }

  static discovery::TargetSets Job(const std::vector<config::TargetGroup>& groups) {
    discovery::TargetSets sets = {{"job", {}}};
    for (const config::TargetGroup& group : groups) {
      sets["job"].push_back(std::make_shared<const config::TargetGroup>(group));
    }
    return sets;
  }

  void Apply(int64_t interval_ms, const std::string& path = "/metrics") {
    auto config = std::make_shared<config::Config>();
    config::ScrapeConfig scrape;
    scrape.job_name = "job";
    scrape.scrape_interval_ms = interval_ms;
    scrape.scrape_timeout_ms = interval_ms;
    scrape.metrics_path = path;
    scrape.limits = limits_;
    scrape.relabel_configs = relabel_;
    scrape.scrape_failure_log_file = failure_log_;
    scrape.scrape_protocols = {config::ScrapeProtocol::kOpenMetricsText1_0_0,
                               config::ScrapeProtocol::kPrometheusText0_0_4};
    config->scrape_configs.push_back(scrape);
    if (other_job_) {
      scrape.job_name = "other";
      config->scrape_configs.push_back(scrape);
    }
    ASSERT_TRUE(manager_->Apply(config));
  }

  template <class F>
  bool Eventually(F&& condition) {
    for (int i = 0; i < 500; ++i) {
      if (condition()) {
        return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  std::atomic<int> scrapes_{0};
  std::atomic<bool> broken_{false};
  std::string accept_;
  std::string failure_log_;
  config::ScrapeLimits limits_;
  bool other_job_ = false;
  model::Relabeler relabel_;
  std::unique_ptr<net::HttpServer> server_;
  RecordingStore store_;
  base::MetricsRegistry metrics_;
  base::ThreadPool pool_{"test", 2};
  std::unique_ptr<Manager> manager_;
};

TEST_F(ManagerTest, ScrapesInRhythmAndShowsTargets) {
  Apply(100);
  manager_->SetTargets(Job({Group()}));
  ASSERT_TRUE(Eventually([&] { return scrapes_ >= 5; }));
  ASSERT_TRUE(Eventually([&] { return manager_->Targets(true).active[0].health == Health::kUp; }));
  const TargetStatus target = manager_->Targets(true).active[0];
  EXPECT_EQ(target.pool, "job");
  EXPECT_THAT(target.scrape_url, HasSubstr("/metrics"));
  EXPECT_EQ(target.last_error, "");
  EXPECT_EQ(manager_->Pools(), std::vector<std::string>{"job"});
  ASSERT_EQ(manager_->Metadata().size(), 1u);
  EXPECT_EQ(manager_->Metadata()[0].family, "a");
  EXPECT_EQ(accept_,
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
            "text/plain;version=0.0.4;q=0.5,*/*;q=0.4");
}

TEST_F(ManagerTest, AFailingTargetIsDownAndSaysWhy) {
  broken_ = true;
  Apply(50);
  manager_->SetTargets(Job({Group()}));
  ASSERT_TRUE(
      Eventually([&] { return manager_->Targets(true).active[0].health == Health::kDown; }));
  EXPECT_EQ(manager_->Targets(true).active[0].last_error,
            "server returned HTTP status 503 Service Unavailable");
  broken_ = false;
  EXPECT_TRUE(Eventually([&] { return manager_->Targets(true).active[0].health == Health::kUp; }));
}

TEST_F(ManagerTest, ABodyOverTheLimitIsAFailure) {
  limits_.body_size_limit = 10;
  Apply(50);
  manager_->SetTargets(Job({Group()}));
  ASSERT_TRUE(
      Eventually([&] { return manager_->Targets(true).active[0].health == Health::kDown; }));
  EXPECT_THAT(manager_->Targets(true).active[0].last_error, HasSubstr("body size limit"));
  limits_.body_size_limit = 1000;
  Apply(50);
  EXPECT_TRUE(Eventually([&] { return manager_->Targets(true).active[0].health == Health::kUp; }));
}

TEST_F(ManagerTest, TooManyTargetsAreNoneAndDroppedOnesAreKeptUpToTheLimit) {
  config::TargetGroup group = Group();
  for (int i = 0; i < 4; ++i) {
    group.targets.push_back(
        model::Labels::Of({{"__address__", "127.0.0.1:1"}, {"n", std::to_string(i)}}));
  }
  limits_.target_limit = 4;
  Apply(1000);
  manager_->SetTargets(Job({group}));
  EXPECT_EQ(manager_->Targets(true).active.size(), 0u);
  limits_.target_limit = 5;
  Apply(1000);
  EXPECT_EQ(manager_->Targets(true).active.size(), 5u);

  model::RelabelRule drop;
  drop.action = model::RelabelAction::kDrop;
  drop.source_labels = {"n"};
  drop.regex = "[0-2]";
  relabel_ = model::Relabeler::Create({drop}).value();
  limits_.keep_dropped_targets = 2;
  Apply(1000);
  const TargetsStatus status = manager_->Targets(true);
  EXPECT_EQ(status.active.size(), 2u);
  EXPECT_EQ(status.dropped.size(), 2u);
  EXPECT_EQ(status.dropped_counts[0].second, 3u);
}

// Two groups have the same target; one goes, and it is the other's.
TEST_F(ManagerTest, ATargetOfTwoGroupsStaysWhenOneGoes) {
  Apply(1000);
  config::TargetGroup group = Group();
  group.labels = model::Labels::Of({{"__meta_from", "one"}});
  discovery::TargetSets sets = Job({group});
  group.labels = model::Labels::Of({{"__meta_from", "two"}});
  const discovery::GroupPtr two = Job({group})["job"][0];
  sets["job"].push_back(two);
  manager_->SetTargets(sets);
  ASSERT_EQ(manager_->Targets(true).active.size(), 1u);
  EXPECT_EQ(manager_->Targets(true).active[0].discovered_labels.Get("__meta_from"), "one");
  ASSERT_TRUE(Eventually([&] { return manager_->Targets(true).active[0].last_scrape_ms > 0; }));
  const int64_t scraped = manager_->Targets(true).active[0].last_scrape_ms;

  manager_->SetTargets({{"job", {two}}});
  ASSERT_EQ(manager_->Targets(true).active.size(), 1u);
  EXPECT_EQ(manager_->Targets(true).active[0].discovered_labels.Get("__meta_from"), "two");
  EXPECT_GE(manager_->Targets(true).active[0].last_scrape_ms, scraped) << "it is the same loop";

  // Known groups are not looked at again, but a changed configuration applies to them.
  model::RelabelRule drop;
  drop.action = model::RelabelAction::kDrop;
  drop.source_labels = {"__meta_from"};
  drop.regex = "two";
  relabel_ = model::Relabeler::Create({drop}).value();
  Apply(1000);
  const TargetsStatus status = manager_->Targets(true);
  EXPECT_TRUE(status.active.empty());
  ASSERT_EQ(status.dropped.size(), 1u);
  EXPECT_EQ(status.dropped[0].discovered_labels.Get("__meta_from"), "two");
  EXPECT_TRUE(manager_->Targets(false).dropped.empty());
  EXPECT_EQ(manager_->Targets(false).dropped_counts[0].second, 1u);
}

TEST_F(ManagerTest, FailuresAreLoggedToTheFileOfTheConfig) {
  const base::TempDir dir;
  const auto read = [&](const std::string& name) {
    return base::PosixFileSystem().ReadFile(dir.path() + "/" + name).value_or("");
  };
  broken_ = true;
  failure_log_ = dir.path() + "/first.log";
  Apply(50);
  manager_->SetTargets(Job({Group()}));
  ASSERT_TRUE(Eventually([&] { return !read("first.log").empty(); }));
  const std::string text = read("first.log");
  EXPECT_THAT(text, HasSubstr(R"("level":"ERROR")"));
  EXPECT_THAT(text, HasSubstr(R"("msg":"server returned HTTP status 503 Service Unavailable")"));
  EXPECT_THAT(text, HasSubstr(R"("job_name":"job","target":"http://127.0.0.1:)"));
  failure_log_ = dir.path() + "/second.log";
  Apply(50);
  EXPECT_TRUE(Eventually([&] { return !read("second.log").empty(); }));
}

TEST_F(ManagerTest, ARemovedTargetGoesStaleTwoIntervalsLater) {
  Apply(50);
  manager_->SetTargets(Job({Group()}));
  ASSERT_TRUE(Eventually([&] { return scrapes_ >= 2; }));
  manager_->SetTargets(Job({}));
  const int scraped = scrapes_;
  EXPECT_TRUE(manager_->Targets(true).active.empty());
  std::string all;
  EXPECT_TRUE(Eventually([&] {
    for (const std::string& sample : store_.Take()) {
      all += sample + "\n";
    }
    return all.find("up{") != std::string::npos && all.find(" stale") != std::string::npos;
  }));
  EXPECT_EQ(scrapes_, scraped) << "nothing is scraped after the target is gone";
}

TEST_F(ManagerTest, AReloadThatDoesNotChangeAJobLeavesItRunning) {
  Apply(50);
  manager_->SetTargets(Job({Group()}));
  ASSERT_TRUE(Eventually([&] {
    const TargetsStatus status = manager_->Targets(true);
    return !status.active.empty() && status.active[0].health == Health::kUp;
  }));
  other_job_ = true;
  Apply(50);
  // A loop that had begun anew would know of no scrape yet.
  const TargetsStatus status = manager_->Targets(true);
  ASSERT_EQ(status.active.size(), 1u);
  EXPECT_EQ(status.active[0].health, Health::kUp);
  EXPECT_GT(status.active[0].last_scrape_ms, 0);
  EXPECT_EQ(manager_->Pools(), (std::vector<std::string>{"job", "other"}));
}

TEST_F(ManagerTest, AReloadKeepsTheTargets) {
  Apply(50);
  manager_->SetTargets(Job({Group()}));
  ASSERT_TRUE(Eventually([&] { return scrapes_ >= 2; }));
  Apply(50, "/other");
  ASSERT_EQ(manager_->Targets(true).active.size(), 1u);
  EXPECT_THAT(manager_->Targets(true).active[0].scrape_url, HasSubstr("/other"));
  const int scraped = scrapes_;
  EXPECT_TRUE(Eventually([&] { return scrapes_ > scraped + 2; }));
}

}  // namespace
}  // namespace tributary::scrape
