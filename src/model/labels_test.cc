#include "model/labels.h"

#include <algorithm>
#include <map>
#include <random>

#include <gtest/gtest.h>

namespace tributary::model {
namespace {

TEST(LabelsTest, PrintsAsPrometheusDoes) {
  const auto f = [](const Labels& labels, std::string_view want, std::string_view want_metric) {
    EXPECT_EQ(labels.ToString(), want);
    EXPECT_EQ(labels.ToMetricString(), want_metric);
  };
  f(Labels(), "{}", "{}");
  f(Labels::Of({{"a", "1"}}), R"({a="1"})", R"({a="1"})");
  f(Labels::Of({{"b", "2"}, {"a", "1"}}), R"({a="1", b="2"})", R"({a="1", b="2"})");
  f(Labels::Of({{"__name__", "up"}}), R"({__name__="up"})", "up");
  f(Labels::Of({{"__name__", "up"}, {"job", "x"}}), R"({__name__="up", job="x"})",
    R"(up{job="x"})");
  f(Labels::Of({{"__name__", "ns:rate5m"}, {"Z", "x"}}), R"({Z="x", __name__="ns:rate5m"})",
    R"(ns:rate5m{Z="x"})");
  f(Labels::Of({{"__name__", "my.metric"}, {"a.b", "x"}}), R"({__name__="my.metric", "a.b"="x"})",
    R"({"my.metric", "a.b"="x"})");
  f(Labels::Of({{"__name__", "my.metric"}}), R"({__name__="my.metric"})", R"({"my.metric"})");
  f(Labels::Of({{"a", "q\"\\\n"}}), R"({a="q\"\\\n"})", R"({a="q\"\\\n"})");
}

TEST(LabelsTest, EmptyValuesAreAbsentAndTheLastOfEqualNamesWins) {
  const Labels labels = Labels::FromPairs({{"b", "1"}, {"a", ""}, {"b", "2"}, {"c", "3"}});
  EXPECT_EQ(labels.ToString(), R"({b="2", c="3"})");
  EXPECT_EQ(labels.size(), 2U);
  EXPECT_EQ(labels.Get("a"), "");
  EXPECT_FALSE(labels.Has("a"));
  EXPECT_TRUE(labels.Has("c"));
  EXPECT_EQ(Labels::FromPairs({{"b", "1"}, {"b", ""}}).ToString(), "{}");
}

TEST(LabelsTest, LongNamesAndValuesSurvivePacking) {
  for (const size_t size : {1U, 126U, 127U, 128U, 129U, 16383U, 16384U, 70000U}) {
    const std::string name(size, 'n');
    const std::string value(size + 1, 'v');
    const Labels labels = Labels::Of({{name, value}, {"z", "end"}});
    EXPECT_EQ(labels.Get(name), value);
    EXPECT_EQ(labels.Get("z"), "end");
    std::vector<Label> span;
    labels.ToSpan(&span);
    EXPECT_EQ(HashLabels(span), labels.Hash());
    EXPECT_EQ(Labels::FromSpan(span), labels);
  }
}

TEST(LabelsTest, OrderIsLabelByLabel) {
  const std::vector<Labels> rising = {
      Labels(),
      Labels::Of({{"a", "1"}}),
      Labels::Of({{"a", "1"}, {"b", "1"}}),
      Labels::Of({{"a", "1"}, {"c", "0"}}),
      Labels::Of({{"a", "10"}}),
      Labels::Of({{"a", "2"}}),
      Labels::Of({{"aa", "0"}}),
      Labels::Of({{"b", "0"}}),
  };
  for (size_t i = 0; i < rising.size(); ++i) {
    for (size_t j = 0; j < rising.size(); ++j) {
      EXPECT_EQ(rising[i] <=> rising[j], i <=> j) << i << " " << j;
      std::vector<Label> a;
      std::vector<Label> b;
      rising[i].ToSpan(&a);
      rising[j].ToSpan(&b);
      EXPECT_EQ(CompareLabels(a, b), i <=> j) << i << " " << j;
    }
  }
}

TEST(LabelsBuilderTest, SetsDeletesAndIsReusable) {
  LabelsBuilder builder(Labels::Of({{"a", "1"}, {"c", "3"}}));
  builder.Set("b", "2").Set("a", "one").Del("c").Del("absent").Set("d", "4").Set("d", "");
  EXPECT_EQ(builder.Build().ToString(), R"({a="one", b="2"})");
  EXPECT_EQ(builder.Get("b"), "2");
  EXPECT_FALSE(builder.Has("c"));
  builder.Reset(Labels::Of({{"x", "1"}}));
  EXPECT_EQ(builder.Build().ToString(), R"({x="1"})");
  const std::vector<Label> span = {{"m", "1"}, {"n", "2"}};
  builder.Reset(span);
  EXPECT_EQ(builder.Build().ToString(), R"({m="1", n="2"})");
  builder.Reset();
  EXPECT_TRUE(builder.Build().empty());
}

TEST(LabelsBuilderTest, ViewsOfItsOwnLabelsMayBePassed) {
  LabelsBuilder builder(Labels::Of({{"b", "a value that is not small at all"}, {"c", "z"}}));
  builder.Set("a", builder.Get("b"));
  builder.Set("c", builder.Get("a"));
  EXPECT_EQ(builder.Get("a"), "a value that is not small at all");
  EXPECT_EQ(builder.Get("c"), "a value that is not small at all");
}

TEST(LabelsBuilderTest, RandomEditsMatchAnOrdinaryMap) {
  std::mt19937 random(7);
  LabelsBuilder builder;
  std::map<std::string, std::string> want;
  for (int i = 0; i < 5000; ++i) {
    const std::string name(1 + random() % 3, static_cast<char>('a' + random() % 5));
    const std::string value = random() % 3 == 0 ? "" : std::to_string(random() % 100);
    builder.Set(name, value);
    if (value.empty()) {
      want.erase(name);
    } else {
      want[name] = value;
    }
    const Labels got = builder.Build();
    ASSERT_TRUE(std::equal(
        got.begin(), got.end(), want.begin(), want.end(),
        [](const Label& a, const auto& b) { return a.name == b.first && a.value == b.second; }));
  }
}

TEST(LabelNamesTest, LegacyNames) {
  for (const std::string_view name : {"a", "_", "A9_", "__name__"}) {
    EXPECT_TRUE(IsLegacyLabelName(name)) << name;
    EXPECT_TRUE(IsLegacyMetricName(name)) << name;
  }
  for (const std::string_view name : {"", "9a", "a-b", "a.b", "\xc3\xa9", "a "}) {
    EXPECT_FALSE(IsLegacyLabelName(name)) << name;
    EXPECT_FALSE(IsLegacyMetricName(name)) << name;
  }
  EXPECT_FALSE(IsLegacyLabelName("a:b"));
  EXPECT_TRUE(IsLegacyMetricName(":a:b"));
}

}  // namespace
}  // namespace tributary::model
