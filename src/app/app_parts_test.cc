// The small parts of app: features, URLs, retention, the tool, the reloader.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/external_url.h"
#include "app/features.h"
#include "app/reloader.h"
#include "app/retention.h"
#include "app/self_metrics.h"
#include "app/tool/tool.h"

namespace tributary::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(FeaturesTest, NamesMayBeJoinedAndUnknownOnesOnlyWarn) {
  const Features features = ParseFeatures(
      {"exemplar-storage,promql-experimental-functions", "nonsense", "xor2-encoding"});
  EXPECT_TRUE(features.exemplar_storage);
  EXPECT_TRUE(features.promql.experimental_functions);
  EXPECT_FALSE(features.promql.delayed_name_removal);
  EXPECT_TRUE(features.xor2);
  EXPECT_THAT(features.warnings,
              ElementsAre("feature \"nonsense\" is not known", HasSubstr("xor2-encoding")));
  EXPECT_THAT(ParseFeatures({}).warnings, IsEmpty());
}

// A wall clock that can be set, beside one that cannot.
class SettableClock final : public base::Clock {
 public:
  int64_t NowMs() const override { return steady_ms + set_by_ms; }
  int64_t MonotonicNs() const override { return steady_ms * 1'000'000; }
  int64_t steady_ms = 5000, set_by_ms = 1'700'000'000'000;
};

TEST(SelfMetricsTest, AJumpOfTheClockIsTold) {
  base::MetricsRegistry metrics;
  const web::State state;
  SettableClock clock;
  const SelfMetrics self(metrics, state, clock);
  clock.steady_ms += 3'600'000;
  EXPECT_THAT(metrics.RenderText(), HasSubstr("\ntributary_clock_step_seconds 0\n"));
  clock.set_by_ms -= 90'000;
  EXPECT_THAT(metrics.RenderText(), HasSubstr("\ntributary_clock_step_seconds -90\n"));
}

TEST(ExternalUrlTest, DerivedTrimmedAndChecked) {
  const auto f = [](std::string_view url, std::string_view want, std::string_view path) {
    const auto external = ComputeExternalUrl(url, "0.0.0.0:9090", "host");
    ASSERT_TRUE(external) << url;
    EXPECT_EQ(external->url, want);
    EXPECT_EQ(external->path, path) << url;
  };
  f("", "http://host:9090", "");
  f("http://a.example", "http://a.example", "");
  f("http://a.example/", "http://a.example", "");
  f("http://a.example:80/prom/", "http://a.example:80/prom", "/prom");
  f("https://a/b/c//", "https://a/b/c", "/b/c");
  f("/prom", "/prom", "/prom");
  f("prom/", "/prom", "/prom");
  for (const char* bad : {"\"http://a\"", "'http://a", "http://a b/"}) {
    EXPECT_FALSE(ComputeExternalUrl(bad, ":9090", "host")) << bad;
  }
  EXPECT_FALSE(ComputeExternalUrl("", "9090", "host"));
}

TEST(ExternalUrlTest, RoutePrefix) {
  const ExternalUrl external{.url = "http://a/x", .path = "/x"};
  EXPECT_EQ(ComputeRoutePrefix("", external), "/x");
  EXPECT_EQ(ComputeRoutePrefix("/", external), "/");
  EXPECT_EQ(ComputeRoutePrefix("y/", external), "/y");
  EXPECT_EQ(ComputeRoutePrefix("", {}), "/");
}

TEST(RetentionTest, Text) {
  const auto fs = base::MakeMemoryFileSystem();
  const auto f = [&](const config::TsdbConfig& config, std::string_view want) {
    const auto retention = ComputeRetention(config, *fs, "/data");
    ASSERT_TRUE(retention);
    EXPECT_EQ(RetentionText(*retention), want);
  };
  constexpr int64_t kHour = 3'600'000;
  f({.retention_time_ms = 15 * 24 * kHour}, "15d");
  f({.retention_size_bytes = 512u << 20}, "512MiB");
  f({.retention_time_ms = kHour, .retention_size_bytes = 1u << 30}, "1h or 1GiB");
  f({}, "");
}

class ToolTest : public testing::Test {
 protected:
  void Write(const std::string& path, std::string_view text) {
    ASSERT_TRUE(fs_->CreateDirs("/c"));
    ASSERT_TRUE(base::WriteFileAtomically(*fs_, path, text));
  }
  ToolOutcome Run(const std::vector<std::string>& arguments) {
    return RunTool("promtool", arguments, *fs_, [](std::string_view) {});
  }
  const std::unique_ptr<base::FileSystem> fs_ = base::MakeMemoryFileSystem();
};

TEST_F(ToolTest, CheckConfigInBothSpellings) {
  Write("/c/good.yml", "scrape_configs: [{job_name: a}]");
  Write("/c/bad.yml", "scrape_configs: [{job: a}]");
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"check", "config"}, std::vector<std::string>{"check-config"}}) {
    std::vector<std::string> good = command;
    good.emplace_back("/c/good.yml");
    const ToolOutcome success = Run(good);
    EXPECT_EQ(success.exit_code, 0) << success.err;
    EXPECT_THAT(success.out, HasSubstr("SUCCESS: /c/good.yml is valid prometheus config file"));
    good.emplace_back("/c/bad.yml");
    const ToolOutcome failure = Run(good);
    EXPECT_EQ(failure.exit_code, 1);
    EXPECT_THAT(failure.err, HasSubstr("FAILED: /c/bad.yml:1: "));
  }
  Write("/c/rules.yml", "rule_files: [a.yml]");
  EXPECT_EQ(Run({"check", "config", "/c/rules.yml"}).exit_code, 0);
  EXPECT_EQ(Run({"check", "config", "--agent", "/c/rules.yml"}).exit_code, 1);
}

TEST_F(ToolTest, CheckWebConfig) {
  Write("/c/web.yml", "");
  Write("/c/bad.yml", "tls: {}");
  EXPECT_EQ(Run({"check", "web-config", "/c/web.yml"}).out, "/c/web.yml SUCCESS\n");
  EXPECT_EQ(Run({"check-web-config", "/c/web.yml", "/c/bad.yml"}).exit_code, 1);
}

TEST_F(ToolTest, WhatIsNotThere) {
  EXPECT_EQ(Run({"query", "instant"}).exit_code, 1);
  EXPECT_THAT(Run({"query", "instant"}).err, HasSubstr("\"query\" is not there yet"));
  EXPECT_EQ(Run({}).exit_code, 1);
  EXPECT_EQ(Run({"check", "config"}).exit_code, 1);
  EXPECT_EQ(Run({"--help"}).exit_code, 0);
}

class ReloaderTest : public testing::Test {
 protected:
  ReloaderTest() { Write("global: {scrape_interval: 1s}"); }
  void Write(std::string_view text) {
    ASSERT_TRUE(fs_->CreateDirs("/c"));
    ASSERT_TRUE(base::WriteFileAtomically(*fs_, "/c/p.yml", text));
  }
  std::unique_ptr<Reloader> Make() {
    auto config = config::LoadConfig(*fs_, "/c/p.yml", config::LoadOptions{});
    EXPECT_TRUE(config);
    return std::make_unique<Reloader>(Reloader::Source{"/c/p.yml", {}}, *config, *fs_, clock_,
                                      metrics_, &state_);
  }
  double Successful() {
    return metrics_
        .GetGauge("prometheus_config_last_reload_successful",
                  "Whether the last configuration reload attempt was successful.")
        .value();
  }
  const std::unique_ptr<base::FileSystem> fs_ = base::MakeMemoryFileSystem();
  base::ManualClock clock_{1000};
  base::MetricsRegistry metrics_;
  web::State state_;
};

TEST_F(ReloaderTest, AppliesInOrderAndGoesOnAfterAFailure) {
  const auto reloader = Make();
  EXPECT_FALSE(reloader->Reload()) << "not before Begin()";
  std::vector<std::string> applied;
  bool fail = false;
  const auto part = [&](const std::string& name) {
    return Applier{name, [&applied, &fail, name](const std::shared_ptr<const config::Config>& c) {
                     applied.push_back(name + std::to_string(c->global.scrape_interval_ms / 1000));
                     return fail && name == "a" ? base::Status(base::Internal("no"))
                                                : base::OkStatus();
                   }};
  };
  ASSERT_TRUE(reloader->Begin({part("a"), part("b")}));
  EXPECT_THAT(applied, ElementsAre("a1", "b1"));
  applied.clear();

  Write("global: {scrape_interval: 2s}");
  clock_.Set(5000);
  ASSERT_TRUE(reloader->Reload());
  EXPECT_THAT(applied, ElementsAre("a2", "b2"));
  EXPECT_EQ(state_.last_reload_ms, 5000);
  applied.clear();

  Write("global: {scrape_interval: nonsense}");
  clock_.Set(6000);
  const auto broken = reloader->Reload();
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message(), HasSubstr("couldn't load configuration"));
  EXPECT_THAT(applied, IsEmpty());
  EXPECT_EQ(reloader->current()->global.scrape_interval_ms, 2000);
  EXPECT_FALSE(state_.last_reload_ok);
  EXPECT_EQ(state_.last_reload_ms, 5000);
  EXPECT_EQ(Successful(), 0);

  Write("global: {scrape_interval: 3s}");
  fail = true;
  EXPECT_FALSE(reloader->Reload());
  EXPECT_THAT(applied, ElementsAre("a3", "b3"));
  EXPECT_EQ(Successful(), 0);
  fail = false;
  EXPECT_TRUE(reloader->Reload());
  EXPECT_EQ(Successful(), 1);
  EXPECT_TRUE(state_.last_reload_ok);

  reloader->Close();
  EXPECT_FALSE(reloader->Reload());
}

TEST_F(ReloaderTest, TheFingerprintFollowsTheFilesThatAreNamed) {
  Write("scrape_config_files: [j*.yml]\nrule_files: [r.yml]\n");
  const auto reloader = Make();
  const uint64_t first = reloader->Fingerprint();
  EXPECT_EQ(reloader->Fingerprint(), first);
  ASSERT_TRUE(base::WriteFileAtomically(*fs_, "/c/j1.yml", "scrape_configs: []"));
  const uint64_t second = reloader->Fingerprint();
  EXPECT_NE(second, first);
  ASSERT_TRUE(base::WriteFileAtomically(*fs_, "/c/r.yml", "groups: []"));
  EXPECT_NE(reloader->Fingerprint(), second);
  ASSERT_TRUE(fs_->Remove("/c/p.yml"));
  EXPECT_EQ(reloader->Fingerprint(), 0u);
}

}  // namespace
}  // namespace tributary::app
