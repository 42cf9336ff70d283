#include "model/relabel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/letter_case.h"
#include "model/md5.h"

namespace tributary::model {
namespace {

using enum RelabelAction;
using ::testing::HasSubstr;
using Pairs = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// The labels after the rules, or "drop".
std::string Apply(const Labels& input, std::vector<RelabelRule> rules) {
  const auto relabeler = Relabeler::Create(std::move(rules));
  if (!relabeler) return relabeler.error().message();
  LabelsBuilder builder(input);
  return relabeler->Apply(&builder) ? builder.Build().ToString() : "drop";
}

TEST(RelabelTest, Replace) {
  const auto f = [](Pairs input, const RelabelRule& rule, std::string_view want) {
    EXPECT_EQ(Apply(Labels::Of(input), {rule}), want);
  };
  const Pairs abc = {{"a", "foo"}, {"b", "bar"}, {"c", "baz"}};
  f(abc,
    {.source_labels = {"a"}, .regex = "f(.*)", .target_label = "d", .replacement = "ch${1}-ch${1}"},
    R"({a="foo", b="bar", c="baz", d="choo-choo"})");
  f(abc,
    {.source_labels = {"a", "b"},
     .regex = "f(.*);(.*)r",
     .target_label = "a",
     .replacement = "b${1}${2}m"},
    R"({a="boobam", b="bar", c="baz"})");
  f(abc, {.source_labels = {"a", "b", "none"}, .separator = "::", .target_label = "d"},
    R"({a="foo", b="bar", c="baz", d="foo::bar::"})");
  // No match, no change.
  f({{"a", "boo"}}, {.source_labels = {"a"}, .regex = "f", .target_label = "b", .replacement = "x"},
    R"({a="boo"})");
  // Constant labels, with and without a condition.
  f({{"a", "boo"}}, {.target_label = "b", .replacement = "x"}, R"({a="boo", b="x"})");
  f({{"a", "boo"}}, {.regex = "", .target_label = "b", .replacement = "x"}, R"({a="boo", b="x"})");
  f({{"a", "boo"}}, {.regex = ".+", .target_label = "b", .replacement = "x"}, R"({a="boo"})");
  // An empty result deletes.
  f({{"a", "foo"}, {"f", "baz"}},
    {.source_labels = {"a"}, .regex = "(f).*", .target_label = "$1", .replacement = "$2"},
    R"({a="foo"})");
  f({{"a", "foo"}}, {.source_labels = {"none"}, .target_label = "a"}, "{}");
  // The target may be computed, and is left alone when it is no name.
  f({{"a", "some-name-value"}},
    {.source_labels = {"a"},
     .regex = "some-([^-]+)-([^,]+)",
     .target_label = "${1}",
     .replacement = "${2}"},
    R"({a="some-name-value", name="value"})");
  f({{"a", "some-name-0"}},
    {.source_labels = {"a"},
     .regex = "some-([^-]+)-([^,]+)",
     .target_label = "${3}",
     .replacement = "${1}"},
    R"({a="some-name-0"})");
  f({{"a", "9x"}},
    {.source_labels = {"a"}, .target_label = "${1}", .replacement = "y", .legacy_names = true},
    R"({a="9x"})");
  f({{"a", "9x"}}, {.source_labels = {"a"}, .target_label = "${1}", .replacement = "y"},
    R"({"9x"="y", a="9x"})");
  f({{"__meta_sd_tags", "path:/secret,job:some-job,label:foo=bar"}},
    {.source_labels = {"__meta_sd_tags"},
     .regex = "(?:.+,|^)label:([^=]+)=([^,]+).*",
     .target_label = "${1}",
     .replacement = "${2}"},
    R"({__meta_sd_tags="path:/secret,job:some-job,label:foo=bar", foo="bar"})");
}

TEST(RelabelTest, KeepAndDrop) {
  const auto f = [](std::string_view value, RelabelAction action, std::string regex, bool kept) {
    const std::string got = Apply(Labels::Of({{"a", value}}),
                                  {{.source_labels = {"a"}, .regex = regex, .action = action}});
    EXPECT_EQ(got != "drop", kept) << value << " " << regex;
  };
  f("foo", kDrop, ".*o.*", false);
  f("foo", kDrop, "no-match", true);
  f("foo", kDrop, "f|o", true);
  f("foo", kKeep, "no-match", false);
  f("foo", kKeep, "f.*", true);
  f("foo\nbar", kKeep, "foo.bar", true);
  const Labels same =
      Labels::Of({{"__tmp_port", "1234"}, {"__port1", "1234"}, {"__port2", "5678"}});
  const auto equal = [&](RelabelAction action, std::string target) {
    return Apply(same,
                 {{.source_labels = {"__tmp_port"}, .target_label = target, .action = action}}) !=
           "drop";
  };
  EXPECT_TRUE(equal(kKeepEqual, "__port1"));
  EXPECT_FALSE(equal(kKeepEqual, "__port2"));
  EXPECT_FALSE(equal(kDropEqual, "__port1"));
  EXPECT_TRUE(equal(kDropEqual, "__port2"));
}

TEST(RelabelTest, OtherActions) {
  const auto f = [](Pairs input, const RelabelRule& rule, std::string_view want) {
    EXPECT_EQ(Apply(Labels::Of(input), {rule}), want);
  };
  f({{"c", "baz"}},
    {.source_labels = {"c"}, .modulus = 1000, .target_label = "d", .action = kHashMod},
    R"({c="baz", d="976"})");
  f({{"a", "foo\nbar"}},
    {.source_labels = {"a"}, .modulus = 1000, .target_label = "b", .action = kHashMod},
    R"({a="foo\nbar", b="734"})");
  f({{"a", "foo"}, {"b1", "bar"}, {"b2", "baz"}},
    {.regex = "(b.*)", .replacement = "bar_${1}", .action = kLabelMap},
    R"({a="foo", b1="bar", b2="baz", bar_b1="bar", bar_b2="baz"})");
  f({{"__meta_my_bar", "aaa"}, {"__meta_other", "ccc"}},
    {.regex = "__meta_(my.*)", .replacement = "${1}", .action = kLabelMap},
    R"({__meta_my_bar="aaa", __meta_other="ccc", my_bar="aaa"})");
  f({{"a", "foo"}, {"b1", "bar"}, {"b2", "baz"}}, {.regex = "(b.*)", .action = kLabelKeep},
    R"({b1="bar", b2="baz"})");
  f({{"a", "foo"}, {"b1", "bar"}, {"b2", "baz"}}, {.regex = "(b.*)", .action = kLabelDrop},
    R"({a="foo"})");
  f({{"foo", "bAr123Foo"}}, {.source_labels = {"foo"}, .target_label = "up", .action = kUppercase},
    R"({foo="bAr123Foo", up="BAR123FOO"})");
  f({{"foo", "bAr123Foo"}}, {.source_labels = {"foo"}, .target_label = "low", .action = kLowercase},
    R"({foo="bAr123Foo", low="bar123foo"})");
}

TEST(RelabelTest, RulesApplyInOrderUntilOneDrops) {
  EXPECT_EQ(
      Apply(Labels::Of({{"a", "foo"}, {"b", "bar"}, {"c", "baz"}}), {{.source_labels = {"a", "b"},
                                                                      .regex = "f(.*);(.*)r",
                                                                      .target_label = "a",
                                                                      .replacement = "b${1}${2}m"},
                                                                     {.source_labels = {"c", "a"},
                                                                      .regex = "(b).*b(.*)ba(.*)",
                                                                      .target_label = "d",
                                                                      .replacement = "$1$2$2$3"}}),
      R"({a="boobam", b="bar", c="baz", d="boooom"})");
  EXPECT_EQ(Apply(Labels::Of({{"a", "foo"}}),
                  {{.source_labels = {"a"}, .regex = ".*o.*", .action = kDrop},
                   {.source_labels = {"a"}, .target_label = "d"}}),
            "drop");
  EXPECT_EQ(Apply(Labels::Of({{"a", "foo"}}), {}), R"({a="foo"})");
}

TEST(RelabelTest, RefusesBadRules) {
  const auto f = [](const RelabelRule& rule, std::string_view want) {
    const auto relabeler = Relabeler::Create({rule});
    if (want.empty()) {
      EXPECT_TRUE(relabeler) << relabeler.error().message();
      return;
    }
    ASSERT_FALSE(relabeler) << want;
    EXPECT_THAT(relabeler.error().message(), HasSubstr(want));
  };
  f({.action = kHashMod}, "relabel configuration for hashmod requires non-zero modulus");
  f({.action = kReplace}, "relabel configuration for replace action requires 'target_label' value");
  f({.action = kLowercase}, "relabel configuration for lowercase action requires 'target_label'");
  f({.target_label = "${3}", .action = kLowercase, .legacy_names = true},
    R"("${3}" is invalid 'target_label' for lowercase action)");
  f({.target_label = "a", .replacement = "x", .action = kLowercase},
    "'replacement' can not be set for lowercase action");
  f({.modulus = 1, .target_label = "9", .action = kHashMod, .legacy_names = true},
    R"("9" is invalid 'target_label' for hashmod action)");
  f({.regex = "a", .target_label = "a", .action = kDropEqual},
    "dropequal action requires only 'source_labels' and `target_label`, and no other fields");
  f({.source_labels = {"a"}, .regex = "a", .action = kLabelDrop},
    "labeldrop action requires only 'regex', and no other fields");
  f({.regex = "a", .replacement = "-", .action = kLabelMap, .legacy_names = true},
    R"("-" is invalid 'replacement' for labelmap action)");
  f({.regex = "(", .target_label = "a"}, "error parsing regexp: missing closing )");
  f({.target_label = "\xff"}, R"("\xff" is invalid 'target_label' for replace action)");
  for (const std::string target : {"a", "${1}", "a_$1_b", "$1$2"}) {
    f({.target_label = target, .legacy_names = true}, "");
  }
  for (const std::string target : {"9", "a-b", "${", "$", "a${1}-"}) {
    f({.target_label = target, .legacy_names = true}, "is invalid 'target_label'");
  }
  for (const std::string target : {"9", "a-b", "a b"}) f({.target_label = target}, "");
}

TEST(RelabelTest, ActionsHaveNamesOfAnyCase) {
  EXPECT_EQ(*ParseRelabelAction("LabelMap"), kLabelMap);
  EXPECT_EQ(*ParseRelabelAction("replace"), kReplace);
  EXPECT_EQ(RelabelActionName(kDropEqual), "dropequal");
  const auto bad = ParseRelabelAction("renice");
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message(), HasSubstr(R"(unknown relabel action "renice")"));
  EXPECT_THAT(bad.error().message(), HasSubstr("keepequal"));
}

TEST(RelabelTest, EqualTextIsEqualEffect) {
  const RelabelRule rule{.source_labels = {"a"}, .target_label = "b"};
  RelabelRule other = rule;
  EXPECT_EQ(*Relabeler::Create({rule}), *Relabeler::Create({other}));
  other.separator = ",";
  EXPECT_FALSE(*Relabeler::Create({rule}) == *Relabeler::Create({other}));
  EXPECT_EQ(Relabeler(), *Relabeler::Create({}));
}

TEST(Md5Test, Rfc1321TestSuite) {
  const auto f = [](std::string_view text, std::string_view want) {
    std::string got;
    for (const uint8_t byte : Md5(text)) {
      got += "0123456789abcdef"[byte >> 4];
      got += "0123456789abcdef"[byte & 15];
    }
    EXPECT_EQ(got, want) << text;
  };
  f("", "d41d8cd98f00b204e9800998ecf8427e");
  f("a", "0cc175b9c0f1b6a831c399e269772661");
  f("message digest", "f96b697d7cb7938d525a2f31aaf161d0");
  f("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
    "d174ab98d277d9f5a5611c2c9f419d9f");
  f("12345678901234567890123456789012345678901234567890123456789012345678901234567890",
    "57edf4a22be3c955ac49da2e2107b67a");
}

TEST(LetterCaseTest, MapsWhatGoMaps) {
  const auto f = [](std::string_view lower, std::string_view upper) {
    EXPECT_EQ(ToUpperUtf8(lower), upper);
    EXPECT_EQ(ToLowerUtf8(upper), lower);
  };
  f("abcxyz019_-", "ABCXYZ019_-");
  f("äöü àé þ", "ÄÖÜ ÀÉ Þ");
  f("ăčő ňž", "ĂČŐ ŇŽ");
  f("αβγω άέ", "ΑΒΓΩ ΆΈ");
  f("привет ёђ", "ПРИВЕТ ЁЂ");
  EXPECT_EQ(ToUpperUtf8("ÿ"), "Ÿ");
  EXPECT_EQ(ToUpperUtf8("日本 \xff\xc3"), "日本 \xff\xc3");
  EXPECT_EQ(ToLowerUtf8("×÷"), "×÷");
}

}  // namespace
}  // namespace tributary::model
