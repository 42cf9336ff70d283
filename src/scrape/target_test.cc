#include "scrape/target.h"

#include <gtest/gtest.h>

namespace tributary::scrape {
namespace {

config::ScrapeConfig Config() {
  config::ScrapeConfig config;
  config.job_name = "node";
  config.scrape_interval_ms = 15'000;
  config.scrape_timeout_ms = 10'000;
  return config;
}

model::Relabeler Rules(std::vector<model::RelabelRule> rules) {
  auto relabeler = model::Relabeler::Create(std::move(rules));
  EXPECT_TRUE(relabeler) << relabeler.error().message();
  return *relabeler;
}

std::string Describe(const config::ScrapeConfig& config, const model::Labels& target,
                     const model::Labels& group = {}) {
  auto built = TargetBuilder(config).Build(target, group);
  if (!built) {
    return "error: " + built.error().message();
  }
  if (!*built) {
    return "dropped";
  }
  return (*built)->url + " " + (*built)->labels.ToString();
}

TEST(Target, DefaultsAndLabels) {
  EXPECT_EQ(Describe(Config(), model::Labels::Of({{"__address__", "host:9100"}})),
            R"(http://host:9100/metrics {instance="host:9100", job="node"})");
  EXPECT_EQ(Describe(Config(), model::Labels::Of({{"__address__", "host"}, {"a", "target"}}),
                     model::Labels::Of({{"a", "group"}, {"b", "group"}})),
            R"(http://host/metrics {a="target", b="group", instance="host", job="node"})")
      << "no port is added, and a target's label wins over its group's";
}

TEST(Target, UrlParts) {
  config::ScrapeConfig config = Config();
  config.scheme = "https";
  config.metrics_path = "/probe";
  config.params = {{"module", {"http 2xx"}}, {"target", {"a", "b"}}};
  EXPECT_EQ(Describe(config, model::Labels::Of({{"__address__", "h:1"}, {"__param_target", "c"}})),
            R"(https://h:1/probe?module=http%202xx&target=a&target=b {instance="h:1", job="node"})")
      << "configured params are set after the target's labels";
  config.params = {{"target", {""}}};
  EXPECT_EQ(Describe(config, model::Labels::Of({{"__address__", "h:1"}, {"__param_target", "c"}})),
            R"(https://h:1/probe?target= {instance="h:1", job="node"})")
      << "also to nothing";
  config.params.clear();
  config.relabel_configs = Rules({{.source_labels = {"__address__"}, .target_label = "__param_x"},
                                  {.target_label = "__address__", .replacement = "exporter:9115"}});
  EXPECT_EQ(Describe(config, model::Labels::Of({{"__address__", "site"}})),
            R"(https://exporter:9115/probe?x=site {instance="exporter:9115", job="node"})");
}

TEST(Target, BadTargetsAreNamed) {
  EXPECT_EQ(Describe(Config(), model::Labels::Of({{"x", "y"}})), "error: no address");
  EXPECT_EQ(Describe(Config(), model::Labels::Of({{"__address__", "h/path"}})),
            R"(error: "h/path" is not a valid hostname)");
  EXPECT_EQ(
      Describe(Config(), model::Labels::Of({{"__address__", "h"}, {"__scrape_timeout__", "1m"}})),
      R"(error: scrape timeout cannot be greater than scrape interval ("1m" > "15s"))");
  EXPECT_TRUE(
      Describe(Config(), model::Labels::Of({{"__address__", "h"}, {"__scrape_interval__", "soon"}}))
          .starts_with("error: error parsing scrape interval: "));
}

TEST(Target, RelabellingDrops) {
  config::ScrapeConfig config = Config();
  config.relabel_configs = Rules(
      {{.source_labels = {"__meta_x"}, .regex = "keep", .action = model::RelabelAction::kKeep}});
  EXPECT_EQ(Describe(config, model::Labels::Of({{"__address__", "h"}})), "dropped");
  EXPECT_EQ(Describe(config, model::Labels::Of({{"__address__", "h"}, {"__meta_x", "keep"}})),
            R"(http://h/metrics {instance="h", job="node"})");
}

TEST(Target, MetaLabelsAreNoPartOfTheIdentity) {
  const auto id = [](const model::Labels& labels) {
    const config::ScrapeConfig config = Config();
    return (*TargetBuilder(config).Build(labels, {}))->id;
  };
  const uint64_t plain = id(model::Labels::Of({{"__address__", "h"}}));
  EXPECT_EQ(plain, id(model::Labels::Of({{"__address__", "h"}, {"__meta_x", "1"}})));
  EXPECT_NE(plain, id(model::Labels::Of({{"__address__", "h"}, {"x", "1"}})));
  EXPECT_NE(plain, id(model::Labels::Of({{"__address__", "h"}, {"__metrics_path__", "/other"}})));
}

}  // namespace
}  // namespace tributary::scrape
