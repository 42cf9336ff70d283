#include "base/metrics.h"

#include <cmath>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/process_metrics.h"
#include "base/strings.h"

namespace tributary::base {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, RendersCountersAndGauges) {
  MetricsRegistry registry;
  registry.GetGauge("b_gauge", "Second.").Set(-0.5);
  registry.GetCounter("a_total", "First.", {{"z", "1"}, {"a", "2"}}).Add(1e6);
  registry.GetCounter("a_total", "First.", {{"a", "1"}}).Add();
  EXPECT_EQ(registry.RenderText(),
            "# HELP a_total First.\n"
            "# TYPE a_total counter\n"
            "a_total{a=\"1\"} 1\n"
            "a_total{a=\"2\",z=\"1\"} 1e+06\n"
            "# HELP b_gauge Second.\n"
            "# TYPE b_gauge gauge\n"
            "b_gauge -0.5\n");
}

TEST(Metrics, EscapesHelpAndValues) {
  MetricsRegistry registry;
  registry.GetGauge("g", "a \"quote\",\na \\ line.", {{"l", "a \"quote\",\na \\ line."}}).Set(NAN);
  EXPECT_EQ(registry.RenderText(),
            "# HELP g a \"quote\",\\na \\\\ line.\n"
            "# TYPE g gauge\n"
            "g{l=\"a \\\"quote\\\",\\na \\\\ line.\"} NaN\n");
}

TEST(Metrics, HandsOutOneChildForOneLabelSet) {
  MetricsRegistry registry;
  Counter& one = registry.GetCounter("c", "C.", {{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(&one, &registry.GetCounter("c", "C.", {{"b", "2"}, {"a", "1"}}));
  EXPECT_NE(&one, &registry.GetCounter("c", "C.", {{"a", "1"}}));
}

TEST(Metrics, RendersHistograms) {
  MetricsRegistry registry;
  Histogram& h = registry.GetHistogram("h", "H.", {0.1, 1, 10}, {{"k", "v"}});
  for (const double value : {0.05, 0.1, 0.5, 10.0, 11.0}) h.Observe(value);
  EXPECT_EQ(registry.RenderText(),
            "# HELP h H.\n"
            "# TYPE h histogram\n"
            "h_bucket{k=\"v\",le=\"0.1\"} 2\n"
            "h_bucket{k=\"v\",le=\"1\"} 3\n"
            "h_bucket{k=\"v\",le=\"10\"} 4\n"
            "h_bucket{k=\"v\",le=\"+Inf\"} 5\n"
            "h_sum{k=\"v\"} 21.65\n"
            "h_count{k=\"v\"} 5\n");
  h.Observe(NAN);
  EXPECT_THAT(registry.RenderText(), HasSubstr("h_bucket{k=\"v\",le=\"10\"} 4\n"));
  EXPECT_THAT(registry.RenderText(), HasSubstr("h_count{k=\"v\"} 6\n"));
}

TEST(Metrics, RendersSummaries) {
  MetricsRegistry registry;
  Summary& s = registry.GetSummary("s", "S.");
  EXPECT_THAT(registry.RenderText(), HasSubstr("s{quantile=\"0.5\"} NaN\n"));
  for (int i = 1; i <= 100; ++i) s.Observe(i);
  EXPECT_EQ(registry.RenderText(),
            "# HELP s S.\n"
            "# TYPE s summary\n"
            "s{quantile=\"0.5\"} 50\n"
            "s{quantile=\"0.9\"} 90\n"
            "s{quantile=\"0.99\"} 99\n"
            "s_sum 5050\n"
            "s_count 100\n");
}

TEST(Metrics, ForgetsWhatIsRemoved) {
  MetricsRegistry registry;
  registry.GetCounter("c", "C.", {{"a", "1"}});
  registry.GetCounter("c", "C.", {{"a", "2"}});
  registry.Remove("c", {{"a", "1"}});
  registry.Remove("c", {{"a", "absent"}});
  registry.Remove("absent", {});
  EXPECT_THAT(registry.RenderText(), Not(HasSubstr("c{a=\"1\"}")));
  registry.Remove("c", {{"a", "2"}});
  EXPECT_EQ(registry.RenderText(), "");
}

TEST(MetricsCallback, LivesAsLongAsItsHandle) {
  MetricsRegistry registry;
  double value = 1;
  auto handle = registry.AddGaugeCallback("g", "G.", {{"a", "b"}}, [&] { return value; });
  value = 7;
  EXPECT_EQ(registry.RenderText(), "# HELP g G.\n# TYPE g gauge\ng{a=\"b\"} 7\n");
  handle.reset();
  EXPECT_EQ(registry.RenderText(), "");
}

TEST(MetricsCallback, TheNewerOfTwoWins) {
  MetricsRegistry registry;
  auto older = registry.AddCounterCallback("c_total", "C.", {}, [] { return 1.0; });
  const auto newer = registry.AddCounterCallback("c_total", "C.", {}, [] { return 2.0; });
  EXPECT_THAT(registry.RenderText(), HasSubstr("c_total 2\n"));
  older.reset();
  EXPECT_THAT(registry.RenderText(), HasSubstr("c_total 2\n"));
}

TEST(MetricsCallback, MayOutliveTheRegistry) {
  std::unique_ptr<MetricsRegistry::CallbackHandle> handle;
  {
    MetricsRegistry registry;
    handle = registry.AddGaugeCallback("g", "G.", {}, [] { return 1.0; });
  }
  handle.reset();
}

// Run under TSan: reading while writing, making and unregistering.
TEST(Metrics, MayBeUsedByManyThreads) {
  MetricsRegistry registry;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        registry.GetCounter("c", "C.").Add();
        registry.GetHistogram("h", "H.", {1}).Observe(i);
        registry.GetSummary("s", "S.").Observe(i);
        const auto handle =
            registry.AddGaugeCallback("g", "G.", {{"t", std::to_string(t)}}, [] { return 1.0; });
        if (i % 50 == 0) {
          EXPECT_THAT(registry.RenderText(), HasSubstr("# TYPE c counter\n"));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(registry.RenderText(), HasSubstr("c 800\n"));
  EXPECT_THAT(registry.RenderText(), HasSubstr("h_count 800\n"));
  EXPECT_THAT(registry.RenderText(), HasSubstr("s_count 800\n"));
}

TEST(ProcessMetrics, TellPlausibleValues) {
  MetricsRegistry registry;
  const ProcessMetrics metrics = RegisterProcessMetrics(registry);
  const std::string text = registry.RenderText();
  const auto f = [&](const std::string& name, double low, double high) {
    const size_t at = text.find("\n" + name + " ");
    ASSERT_NE(at, std::string::npos) << name;
    const size_t from = at + name.size() + 2;
    const auto value = ParseFloat(text.substr(from, text.find('\n', from) - from));
    ASSERT_TRUE(value.has_value()) << name;
    EXPECT_GE(*value, low) << name;
    EXPECT_LE(*value, high) << name;
  };
  f("process_cpu_seconds_total", 0, 3600);
  f("process_resident_memory_bytes", 1e5, 1e12);
  f("process_virtual_memory_bytes", 1e6, 1e15);
  f("process_open_fds", 3, 10'000);
  f("process_max_fds", 16, 1e10);
  f("process_start_time_seconds", 1.6e9, 1e10);
  EXPECT_THAT(text, HasSubstr("# TYPE process_cpu_seconds_total counter\n"));
}

}  // namespace
}  // namespace tributary::base
