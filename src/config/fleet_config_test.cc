#include "config/fleet_config.h"

#include <gtest/gtest.h>

namespace tributary::config {
namespace {

TEST(FleetConfig, RetentionRulesInTheirOrder) {
  const auto config = ParseFleetConfig(
      "retention:\n- match: '{cluster=\"lab\"}'\n  keep: 3d\n- {match: up, keep: 1y}\n",
      "fleet.yml");
  ASSERT_TRUE(config) << config.error().message();
  ASSERT_EQ(config->retention.size(), 2u);
  EXPECT_EQ(config->retention[0].match, "{cluster=\"lab\"}");
  EXPECT_EQ(config->retention[0].keep_ms, 3ll * 24 * 3600 * 1000);
  EXPECT_EQ(config->retention[1].match, "up");
  EXPECT_TRUE(ParseFleetConfig("", "fleet.yml"));
}

TEST(FleetConfig, ErrorsNameTheLine) {
  const auto f = [](std::string_view text, std::string_view want) {
    const auto config = ParseFleetConfig(text, "fleet.yml");
    ASSERT_FALSE(config) << text;
    EXPECT_NE(config.error().message().find(want), std::string::npos) << config.error().message();
  };
  f("retention:\n- keep: 3d\n", "fleet.yml:2: ");
  f("retention:\n- match: up\n", "keep is missing");
  f("retention:\n- {match: up, keep: 3}\n", "fleet.yml:2: ");
  f("retentions: []\n", "retentions");
}

}  // namespace
}  // namespace tributary::config
