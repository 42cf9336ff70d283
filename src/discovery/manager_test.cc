// The manager with its file, static and http mechanisms, on real files and a real HTTP server.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "base/temp_dir_test_support.h"
#include "discovery/discovery.h"
#include "net/http_server.h"

namespace tributary::discovery {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ManagerTest : public ::testing::Test {
 protected:
  ManagerTest() {
    manager_ = Manager::Create("scrape", base::PosixFileSystem(), metrics_,
                               /*update_interval_ms=*/20, [this](const TargetSets& sets) {
                                 base::MutexLock lock(mutex_);
                                 sets_ = sets;
                               });
  }
  ~ManagerTest() override { manager_.reset(); }

  // The addresses of a job's targets, with the group's labels, sorted.
  std::vector<std::string> Targets(const std::string& job) {
    base::MutexLock lock(mutex_);
    std::vector<std::string> targets;
    for (const GroupPtr& group : sets_[job]) {
      for (const model::Labels& target : group->targets) {
        targets.push_back(std::string(target.Get("__address__")) + group->labels.ToString());
      }
    }
    std::sort(targets.begin(), targets.end());
    return targets;
  }

  template <class Matcher>
  ::testing::AssertionResult Becomes(const std::string& job, const Matcher& matcher) {
    for (int i = 0; i < 500; ++i) {
      if (::testing::Matches(matcher)(Targets(job))) {
        return ::testing::AssertionSuccess();
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return ::testing::AssertionFailure() << ::testing::PrintToString(Targets(job));
  }

  static config::StaticSdConfig Static(const std::string& address) {
    return {.groups = {{.targets = {model::Labels::Of({{"__address__", address}})},
                        .labels = {},
                        .source = "0"}}};
  }

  const base::TempDir dir_;
  base::MetricsRegistry metrics_;
  base::Mutex mutex_;
  TargetSets sets_;
  std::unique_ptr<Manager> manager_;
};

TEST_F(ManagerTest, StaticTargetsOfSeveralJobs) {
  ASSERT_TRUE(manager_->Apply({{"a", {Static("h:1"), Static("h:2")}}, {"b", {Static("h:3")}}}));
  EXPECT_TRUE(Becomes("a", ElementsAre("h:1{}", "h:2{}")));
  EXPECT_TRUE(Becomes("b", ElementsAre("h:3{}")));
  ASSERT_TRUE(manager_->Apply({{"a", {Static("h:2")}}}));
  EXPECT_TRUE(Becomes("a", ElementsAre("h:2{}")));
  EXPECT_TRUE(Becomes("b", IsEmpty()));
}

TEST_F(ManagerTest, FilesAreFollowed) {
  dir_.Write("a.yml", "- targets: [h:1]\n  labels: {x: y}\n- targets: [h:2]\n");
  config::FileSdConfig config;
  config.files = {dir_.path() + "/*.yml"};
  ASSERT_TRUE(manager_->Apply({{"job", {config}}}));
  const std::string a = R"({__meta_filepath=")" + dir_.path() + "/a.yml\"";
  EXPECT_TRUE(Becomes("job", ElementsAre("h:1" + a + R"(, x="y"})", "h:2" + a + "}")));

  dir_.Write("a.yml", "- targets: [h:3]\n");
  EXPECT_TRUE(Becomes("job", ElementsAre("h:3" + a + "}"))) << "the second group is withdrawn";

  dir_.Write("a.yml", "- targets: h:4\n");
  dir_.Write("b.yml", R"([{"targets": ["h:5"]}])");
  const std::string b = R"({__meta_filepath=")" + dir_.path() + "/b.yml\"}";
  EXPECT_TRUE(Becomes("job", ElementsAre("h:3" + a + "}", "h:5" + b)))
      << "a file that does not parse keeps its last good groups";

  std::filesystem::remove(dir_.path() + "/a.yml");
  EXPECT_TRUE(Becomes("job", ElementsAre("h:5" + b)));
}

TEST_F(ManagerTest, HttpListsAreFetchedAgainAndSurviveFailures) {
  std::atomic<int> answer{0};
  net::HttpServerOptions options;
  options.listen_addresses = {"127.0.0.1:0"};
  auto server = net::HttpServer::Create(
      options, [](net::Request&, net::ResponseWriter&) { return true; },
      [&](net::Request&, net::ResponseWriter& response) {
        if (answer == 1) {
          response.SetStatus(500);
          return;
        }
        response.SetHeader("Content-Type", "application/json; charset=utf-8");
        response.Write(answer == 0 ? R"([{"targets":["h:1"],"labels":{"x":"y"}}])" : "[]");
      });
  ASSERT_TRUE(server);
  (*server)->Start();
  config::HttpSdConfig config;
  config.url = "http://127.0.0.1:" + std::to_string((*server)->ports()[0]) + "/targets";
  config.refresh_interval_ms = 50;
  ASSERT_TRUE(manager_->Apply({{"job", {config}}}));
  const std::vector<std::string> found = {"h:1{__meta_url=\"" + config.url + "\", x=\"y\"}"};
  EXPECT_TRUE(Becomes("job", found));
  answer = 1;
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(Targets("job"), found);
  answer = 2;
  EXPECT_TRUE(Becomes("job", IsEmpty()));
  manager_.reset();
  (*server)->Stop(0);
}

TEST_F(ManagerTest, JobsWithEqualMechanismsShareOne) {
  std::atomic<int> requests{0};
  net::HttpServerOptions options;
  options.listen_addresses = {"127.0.0.1:0"};
  auto server = net::HttpServer::Create(
      options, [](net::Request&, net::ResponseWriter&) { return true; },
      [&](net::Request&, net::ResponseWriter& response) {
        ++requests;
        response.SetHeader("Content-Type", "application/json");
        response.Write(R"([{"targets":["h:1"]}])");
      });
  ASSERT_TRUE(server);
  (*server)->Start();
  config::HttpSdConfig config;
  config.url = "http://127.0.0.1:" + std::to_string((*server)->ports()[0]) + "/targets";
  config.refresh_interval_ms = 3'600'000;
  ASSERT_TRUE(manager_->Apply({{"a", {config}}, {"b", {config}}}));
  EXPECT_TRUE(Becomes("a", ::testing::SizeIs(1)));
  EXPECT_TRUE(Becomes("b", ::testing::SizeIs(1)));
  ASSERT_TRUE(manager_->Apply({{"b", {config}}, {"c", {config}}}));
  EXPECT_TRUE(Becomes("c", ::testing::SizeIs(1)));
  EXPECT_TRUE(Becomes("a", IsEmpty()));
  EXPECT_EQ(requests, 1);
  manager_.reset();
  (*server)->Stop(0);
}

}  // namespace
}  // namespace tributary::discovery
