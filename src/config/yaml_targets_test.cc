#include "config/yaml_targets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/file_pattern.h"
#include "config/size_text.h"

namespace tributary::config {
namespace {

TEST(TargetGroupsTest, YamlAndJson) {
  for (const char* text :
       {"- targets: ['a:1', 'b:2']\n  labels: {env: prod, n: 5}\n- targets: []\n",
        R"([{"targets": ["a:1", "b:2"], "labels": {"env": "prod", "n": "5"}}, {"targets": []}])"}) {
    const auto groups = ParseTargetGroups(text, "t.yml");
    ASSERT_TRUE(groups) << groups.error().message();
    ASSERT_EQ(groups->size(), 2u);
    ASSERT_EQ((*groups)[0].targets.size(), 2u);
    EXPECT_EQ((*groups)[0].targets[1].Get("__address__"), "b:2");
    EXPECT_EQ((*groups)[0].labels.ToString(), R"({env="prod", n="5"})");
    EXPECT_TRUE((*groups)[1].targets.empty());
  }
  EXPECT_TRUE(ParseTargetGroups("", "t.yml")->empty());
  EXPECT_TRUE(ParseTargetGroups("[]", "t.json")->empty());
}

TEST(TargetGroupsTest, JsonEscapesBeyondTheFirstPlane) {
  const auto groups =
      ParseTargetGroups(R"([{"targets": ["a:1"], "labels": {"e": "\ud83d\ude00\u00e9\/"}}])", "t");
  ASSERT_TRUE(groups) << groups.error().message();
  EXPECT_EQ((*groups)[0].labels.Get("e"), "\xf0\x9f\x98\x80\xc3\xa9/");
}

TEST(TargetGroupsTest, WhatIsRefused) {
  const auto f = [](std::string_view text, std::string_view want) {
    const auto groups = ParseTargetGroups(text, "t.yml");
    ASSERT_FALSE(groups) << text;
    EXPECT_EQ(groups.error().message(), want);
  };
  f("a: b", "t.yml:1: expected a list of target groups, got a map");
  f("- targets: [a:1]\n  label: {}\n",
    "t.yml:2: field label: not known in [0]; did you mean labels?");
  f("- targets: a:1\n", "t.yml:1: field [0].targets: expected a list of texts, got \"a:1\"");
  f("- ~\n", "t.yml:1: [0]: empty or null target group");
}

TEST(FilePatternTest, Segments) {
  const auto f = [](std::string_view pattern, std::string_view name, bool want) {
    EXPECT_EQ(MatchesSegment(pattern, name), want) << pattern << " " << name;
  };
  f("*.yml", "a.yml", true);
  f("*.yml", "a.yaml", false);
  f("a*c*e", "abcde", true);
  f("a*c*e", "abcd", false);
  f("*", "", true);
  f("", "a", false);
  f("?.yml", "ab.yml", false);
  f("[a-c]x", "bx", true);
  f("[^a-c]x", "bx", false);
  f("[a-c", "b", false);
  f("\\*", "*", true);
  f("a.yml", "a.yml", true);
}

TEST(SizeTextTest, LargestUnitsFirst) {
  const auto f = [](uint64_t bytes, std::string_view want) { EXPECT_EQ(FormatSize(bytes), want); };
  f(0, "0B");
  f(1, "1B");
  f(1536, "1KiB512B");
  f(512ull << 20, "512MiB");
  f(UINT64_MAX, "15EiB1023PiB1023TiB1023GiB1023MiB1023KiB1023B");
}

}  // namespace
}  // namespace tributary::config
