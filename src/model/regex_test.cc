#include "model/regex.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include "model/literal_glob.h"

namespace tributary::model {
namespace {

using ::testing::ElementsAre;

std::shared_ptr<const FastRegex> Must(std::string_view pattern) {
  auto regex = FastRegex::Compile(pattern);
  EXPECT_TRUE(regex) << pattern;
  return regex.value_or(nullptr);
}

// The slow witness.
RE2::Options PlainOptions() {
  RE2::Options options;
  options.set_dot_nl(true);
  options.set_log_errors(false);
  return options;
}

TEST(FastRegexTest, AgreesWithRe2OnEveryShape) {
  const std::vector<std::string> patterns = {
      "",
      "a",
      "foo",
      "foo|bar",
      "foo|bar|",
      "(foo|bar)",
      "(?:foo|b)",
      "x(a|b)y",
      "x(a|b|)y",
      "(a|b)(c|d)",
      "foo.*",
      "foo.+",
      ".*foo",
      ".+foo",
      ".*foo.*",
      ".+foo.+",
      ".*",
      ".+",
      ".*.*",
      ".+.*",
      ".+.+",
      "a.*b",
      "a.+b",
      "a.*b.*a",
      "a.*|b",
      "a.*|.*b|c",
      "(a.*|b)c",
      "(.*)",
      "(.+)",
      "((a|b)|c)",
      "[ab]",
      "[a-c]x",
      "x[0-9]",
      "a\\.b",
      "a\\\\b",
      "a.b",
      "a?",
      "ab?",
      "ab*",
      "(ab)*",
      "a{2}",
      "^foo$",
      "^foo",
      "foo$",
      "(?i)foo",
      "(?i:f)oo",
      "a|b|c|d|e|f|g|foo|bar",
      "\\d+",
      "fo[^o]",
      "é.*",
      "é*",
      "aé|b",
      "a.*.+b",
      "foo.*bar",
      "(foo)",
      "f(o)o",
      "a\nb",
      "a.*\n",
      "(a|a.*)b",
      ".*a.*b.*",
      "a.+a",
      "aa.*aa",
      ".*o",
      "foo(.*)",
      "(a.+|b.*)(c|d)",
      "a|",
      "|a",
      "|",
      "()",
      "a()b",
      "(?:)",
  };
  const std::vector<std::string> pieces = {"",  "a", "b",  "c",  "d",   "foo", "bar",
                                           "x", "y", "\n", "é",  ".",   "\\",  "0",
                                           "F", "o", "ab", "aa", "foo", "aé",  "foobar"};
  for (const std::string& pattern : patterns) {
    const auto regex = Must(pattern);
    const RE2 plain(pattern, PlainOptions());
    for (const std::string& a : pieces) {
      for (const std::string& b : pieces) {
        for (const std::string& c : pieces) {
          const std::string text = a + b + c;
          ASSERT_EQ(regex->Matches(text), RE2::FullMatch(text, plain)) << pattern << " on " << text;
        }
      }
    }
  }
}

TEST(FastRegexTest, AgreesWithRe2OnRandomPatterns) {
  std::mt19937 random(42);
  const std::vector<std::string> tokens = {"a", "b", "ab",  ".*",    ".+",  "|",
                                           "(", ")", "(?:", "[ab]",  "\\.", ".",
                                           "*", "?", "é",   "[a-c]", "|"};
  int taken = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string pattern;
    for (size_t n = random() % 8; n > 0; --n) pattern += tokens[random() % tokens.size()];
    const RE2 plain(pattern, PlainOptions());
    const auto regex = FastRegex::Compile(pattern);
    ASSERT_EQ(regex.has_value(), plain.ok()) << pattern;
    if (!regex) continue;
    taken += LiteralGlob::Parse(pattern).has_value() ? 1 : 0;
    for (int j = 0; j < 20; ++j) {
      static constexpr std::string_view kLetters[] = {"a", "b", "c", ".", "é"};
      std::string text;
      for (size_t n = random() % 6; n > 0; --n) text += kLetters[random() % 5];
      ASSERT_EQ((*regex)->Matches(text), RE2::FullMatch(text, plain)) << pattern << " on " << text;
      if ((*regex)->Matches(text)) {
        ASSERT_TRUE(text.starts_with((*regex)->prefix())) << pattern << " on " << text;
        if (!(*regex)->set_matches().empty()) {
          ASSERT_THAT((*regex)->set_matches(), ::testing::Contains(text)) << pattern;
        }
      }
    }
    for (const std::string& member : (*regex)->set_matches()) {
      ASSERT_TRUE(RE2::FullMatch(member, plain)) << pattern << " on " << member;
    }
  }
  EXPECT_GT(taken, 1000) << "the fast path must be what is tested";
}

TEST(FastRegexTest, SetMatchesAndPrefixes) {
  EXPECT_THAT(Must("b|a|b")->set_matches(), ElementsAre("a", "b"));
  EXPECT_THAT(Must("x(a|b)y")->set_matches(), ElementsAre("xay", "xby"));
  EXPECT_THAT(Must("5[0-2]x")->set_matches(), ElementsAre("50x", "51x", "52x"));
  EXPECT_THAT(Must("")->set_matches(), ElementsAre(""));
  EXPECT_THAT(Must("a.*")->set_matches(), ElementsAre());
  EXPECT_THAT(Must("a|b.*")->set_matches(), ElementsAre());
  EXPECT_EQ(Must("foo.*")->prefix(), "foo");
  EXPECT_EQ(Must("foo|fob")->prefix(), "fo");
  EXPECT_EQ(Must("foo\\d+")->prefix(), "fo");
  EXPECT_EQ(Must("foo|x\\d")->prefix(), "");
  EXPECT_EQ(Must("(?i)foo")->prefix(), "");
}

TEST(FastRegexTest, RefusesBadPatternsInGosWords) {
  const auto f = [](std::string_view pattern, std::string_view want) {
    const auto regex = FastRegex::Compile(pattern);
    ASSERT_FALSE(regex) << pattern;
    EXPECT_EQ(regex.error().message(), want);
    EXPECT_EQ(regex.error().code(), base::ErrorCode::kInvalidArgument);
  };
  f("(", "error parsing regexp: missing closing ): `(`");
  f("a)", "error parsing regexp: unexpected ): `a)`");
  f("[a", "error parsing regexp: missing closing ]: `[a`");
  f("*a", "error parsing regexp: missing argument to repetition operator: `*`");
  f("a**", "error parsing regexp: invalid nested repetition operator: `**`");
  f("\\", "error parsing regexp: trailing backslash at end of expression: ``");
  f("(?=a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?=`");
}

TEST(FastRegexTest, HugePatternsAreBounded) {
  std::string alternatives = "name-0";
  for (int i = 1; i < 5000; ++i) alternatives += "|name-" + std::to_string(i);
  const auto names = Must(alternatives);
  EXPECT_EQ(names->set_matches().size(), 5000U);
  EXPECT_TRUE(names->Matches("name-4999"));
  EXPECT_FALSE(names->Matches("name-5000"));

  std::string product;
  for (int i = 0; i < 40; ++i) product += "(a|b)";
  EXPECT_TRUE(Must(product)->Matches(std::string(40, 'b')));
  EXPECT_FALSE(FastRegex::Compile("((a{1000}){1000}){1000}"));
  std::string deep(3000, '(');
  deep += "a" + std::string(3000, ')');
  (void)FastRegex::Compile(deep);
}

TEST(FastRegexTest, ReplacesAsGoExpands) {
  const auto f = [](std::string_view pattern, std::string_view text, std::string_view replacement,
                    std::string_view want) {
    std::string out = "untouched";
    Must(pattern)->Replace(text, replacement, &out);
    EXPECT_EQ(out, want) << pattern << " " << text << " " << replacement;
  };
  f("(.*)", "foo", "$1", "foo");
  f("(.*)", "foo", "x${1}y${0}z$0z", "xfooyfooz");
  f("(.+)", "", "$1", "untouched");
  f("f(.*)", "foo", "ch${1}-ch${1}", "choo-choo");
  f("(a|b|c)", "b", "<$1$2>", "<b>");
  f("((a)|(b))", "b", "[$1$2$3]", "[bb]");
  f("a(b)?", "a", "[$1]", "[]");
  f("(?P<first>a)(?<second>b)", "ab", "${second}-$first", "b-a");
  f("(a)", "a", "$$1 $", "$1 $");
  f("(a)", "a", "${1", "${1");
  f("(a)", "a", "$1x", "");
  f("(a)", "a", "$01 ${1}x", " ax");
  f("(a)", "a", "$é.$-", ".$-");
  f("x.*", "xyz", "$0$1", "xyz");
  f("no", "yes", "$0", "untouched");
  f("(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)", "abcdefghijklmnopq", "$17$16", "qp");
  std::string self = "abc";
  Must("a(.*)")->Replace(self, "$1", &self);
  EXPECT_EQ(self, "bc");
}

}  // namespace
}  // namespace tributary::model
