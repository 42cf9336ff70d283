#include "promql/parse/parser.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tributary::promql {
namespace {

ParserOptions Everything() {
  return {.experimental_functions = true,
          .extended_range_selectors = true,
          .binop_fill_modifiers = true};
}

// The canonical text, or the error.
std::string Canonical(std::string_view text, const ParserOptions& options = Everything()) {
  const auto expr = ParseExpr(text, options);
  return expr ? Print(**expr) : expr.error().message();
}

TEST(ParserTest, PrintsBackWhatItUnderstood) {
  const auto f = [](std::string_view in, std::string_view want) {
    EXPECT_EQ(Canonical(in), want) << in;
    EXPECT_EQ(Canonical(want), want) << "not stable: " << in;
  };
  // Numbers.
  f("1", "1");
  f("0x1F", "31");
  f("0755", "493");
  f("089", "89");
  f("1_000.5", "1000.5");
  f("1e3", "1000");
  f(".5", "0.5");
  f("+Inf", "+Inf");
  f("-inf", "-Inf");
  f("NAN", "NaN");
  f("5m", "5m");
  f("1h90m", "2h30m");
  f("-90s", "-1m30s");
  // Strings.
  f(R"("a\tb\x41\101\u00e9")", R"("a\tbAAé")");
  f(R"('say "x"')", R"("say \"x\"")");
  f("`raw \\n`", R"("raw \\n")");
  // Selectors.
  f("foo", "foo");
  f(R"(foo{b="c",a!="d",})", R"(foo{a!="d",b="c"})");
  f(R"({"my.metric", "my label"=~"v.*"})", R"({"my label"=~"v.*",__name__="my.metric"})");
  f(R"(a:b{x!~'y'})", R"(a:b{x!~"y"})");
  f("sum", "sum");
  f("offset offset 5m", "offset offset 5m");
  f("start", "start");
  f("fill + fill_left", "fill + fill_left");
  f("foo # comment\n[5m]", "foo[5m]");
  // Modifiers.
  f("foo[90s] offset 1w @ 1.5", "foo[1m30s] @ 1.500 offset 1w");
  f("foo offset -5m @ end()", "foo @ end() offset -5m");
  f("foo[5m] @ -10 anchored", "foo[5m] anchored @ -10.000");
  f("foo smoothed @ 10", "foo @ 10.000 smoothed");
  f("foo[300]", "foo[5m]");
  f("rate(foo[5m])[1h:1m] offset 1d", "rate(foo[5m])[1h:1m] offset 1d");
  f("foo[1h:] @ start()", "foo[1h:] @ start()");
  // Duration expressions.
  f("foo[5m+1m*2]", "foo[5m + 1m * 2]");
  f("foo[(5m+1m)*2^-1]", "foo[(5m + 1m) * 2 ^ -1]");
  f("foo[max_of(step(),5s):min_of(1m,range()/2)]",
    "foo[max_of(step(), 5s):min_of(1m, range() / 2)]");
  f("foo offset -(5m)", "foo offset -(5m)");
  f("foo offset +step()", "foo offset step()");
  f("foo offset -range() + 1", "foo offset -range() + 1");
  f("foo offset - -1m + 2m", "foo offset (1m + 2m)");
  f("foo offset -1m + 2m", "foo offset -1m + 2m");
  f("foo offset (5m*2)", "foo offset (5m * 2)");
  // Precedence and association.
  f("1 + 2 * 3 ^ 4 ^ 5", "1 + 2 * 3 ^ 4 ^ 5");
  f("-2^2", "-2 ^ 2");
  f("2^-a*3", "2 ^ -a * 3");
  f("a or b and c == bool d", "a or b and c == bool d");
  f("a atan2 b </ 5", "a atan2 b </ 5");
  f("- - a", "--a");
  f("(a)", "(a)");
  // Matching.
  f("a*on(x,y)group_left b", "a * on (x, y) group_left () b");
  f("a / ignoring(x) group_right(z) b", "a / ignoring (x) group_right (z) b");
  f("a == bool on() b", "a == bool on () b");
  f(R"(a + on("my label", x) b)", R"(a + on ("my label", x) b)");
  f("a + fill(1) b", "a + fill (1) b");
  f("a + on(x) group_left fill_right(-2) fill_left(1e9) b",
    "a + on (x) group_left () fill_left (1e+09) fill_right (-2) b");
  // Aggregations and calls.
  f("sum(a) by (x,y,)", "sum by (x, y) (a)");
  f("sum by () (a)", "sum(a)");
  f("SUM without() (a)", "sum without () (a)");
  f(R"(sum by ("without") (a))", R"(sum by ("without") (a))");
  f(R"(count_values("v", a))", R"(count_values("v", a))");
  f("limitk(2, a)", "limitk(2, a)");
  f(R"(label_join(a, "b", ","))", R"(label_join(a, "b", ","))");
  f("round(a) + time()", "round(a) + time()");
  f("step() + range() + start() + end() + max_of(1, 2)",
    "step() + range() + start() + end() + max_of(1, 2)");
  f("info(a, {})", "info(a, {})");
}

TEST(ParserTest, SaysWhereAndWhatIsWrong) {
  const auto f = [](std::string_view in, std::string_view place, std::string_view message) {
    EXPECT_EQ(Canonical(in), std::string(place) + ": parse error: " + std::string(message)) << in;
  };
  f("", "unknown position", "no expression found in input");
  f("  # nothing", "1:1", "no expression found in input");
  f("1 +", "1:4", "unexpected end of input");
  f("a b", "1:3", "unexpected identifier \"b\"");
  f("a\n  ~", "2:3", "unexpected character: '~'");
  f("a =~ b", "1:3", "unexpected character after '=': '~'");
  f("(1", "1:3", "unclosed left parenthesis");
  f("1)", "1:3", "unexpected right parenthesis ')'");
  f("a]", "1:2", "unexpected right bracket ']'");
  f("0x", "1:1", "error parsing number: strconv.ParseFloat: parsing \"0x\": invalid syntax");
  f("1e999", "1:1",
    "error parsing number: strconv.ParseFloat: parsing \"1e999\": value out of range");
  f("1.5h", "1:1", "unknown unit \".\" in duration \"1.5h\"");
  f("1h5", "1:1", "bad number or duration syntax: \"1h5\"");
  f("'it''", "1:5", "unterminated quoted string");
  f(R"("\z")", "1:1", "unknown escape sequence U+007A 'z'");
  f(R"("\ud800")", "1:1", "escape sequence is an invalid Unicode code point");
  // Selectors.
  f("foo{", "1:5", "unexpected end of input inside braces");
  f("foo{a}", "1:6", "unexpected \"}\" in label matching, expected label matching operator");
  f(R"(foo{a="b" c})", "1:11",
    "unexpected identifier \"c\" in label matching, expected \",\" or \"}\"");
  f("foo{a=1}", "1:7", "unexpected character inside braces: '1'");
  f("{}", "1:1", "vector selector must contain at least one non-empty matcher");
  f(R"({a=~".*"})", "1:1", "vector selector must contain at least one non-empty matcher");
  f(R"(foo{__name__="bar"})", "1:1", "metric name must not be set twice: \"foo\" or \"bar\"");
  f("bool", "1:1", "unexpected <bool>");
  // Ranges.
  f("foo[0]", "1:5", "duration must be greater than 0");
  f("foo[]", "1:5",
    "unexpected \"]\" in subquery or range selector, expected number, duration, step(), or "
    "range()");
  f("foo[5m", "1:7", "unclosed left bracket");
  f("foo[5m1]", "1:5", "bad number or duration syntax: \"5m1\"");
  f("foo[5m:1m", "1:10", "unclosed left bracket");
  f("(foo)[5m]", "1:6", "ranges only allowed for vector selectors");
  f("foo offset 1m[5m]", "1:14", "no offset modifiers allowed before range");
  f("foo[1h:][1h:]", "1:1", "subquery is only allowed on instant vector, got matrix instead");
  f("foo offset", "1:11",
    "unexpected end of input in offset, expected number, duration, step(), or range()");
  f("foo offset - 1e30", "1:12", "duration out of range");
  f("foo offset 1m offset 1m", "1:1", "offset may not be set multiple times");
  f("foo @ bar", "1:7", "unexpected identifier \"bar\" in @, expected timestamp");
  f("foo @ 1 @ 2", "1:1", "@ <timestamp> may not be set multiple times");
  f("foo[5m/0]", "1:7", "division by zero");
  f("foo[1h:][5m] anchored", "1:9", "ranges only allowed for vector selectors");
  f("foo[1h:5m] anchored", "1:1", "anchored modifier is not supported for subqueries");
  f("foo anchored smoothed", "1:1", "anchored and smoothed modifiers cannot be used together");
  // Types.
  f("1 == 2", "1:3", "comparisons between scalars must use BOOL modifier");
  f("foo + bool bar", "1:5", "bool modifier can only be used on comparison operators");
  f("foo and 1", "1:1", "set operator \"and\" not allowed in binary scalar expression");
  f("foo and on(a) group_left b", "1:1", "no grouping allowed for \"and\" operation");
  f("foo + on(a) group_left on(b) bar", "1:24", "unexpected <on> in grouping opts, expected \"(\"");
  f("foo + on(a) 1", "1:1", "vector matching only allowed between instant vectors");
  f("foo + fill(1) 1", "1:1", "filling in missing series only allowed between instant vectors");
  f("foo or fill(1) bar", "1:1", "filling in missing series not allowed for set operators");
  f("foo + on(a) group_left(a) bar", "1:5",
    "label \"a\" must not occur in ON and GROUP clause at once");
  f("foo[5m] + 1", "1:1", "binary expression must contain only scalar and instant vector types");
  f("-foo[5m]", "1:1",
    "unary expression only allowed on expressions of type scalar or instant vector, got \"range "
    "vector\"");
  f("rate(foo)", "1:6",
    "expected type range vector in call to function \"rate\", got instant vector");
  f("sum(foo[5m])", "1:5",
    "expected type instant vector in aggregation expression, got range vector");
  f("topk(\"a\", foo)", "1:6", "expected type scalar in aggregation parameter, got string");
  f("sum()", "1:1", "no arguments for aggregate expression provided");
  f("sum(a, b)", "1:1",
    "wrong number of arguments for aggregate expression provided, expected 1, got 2");
  f("by (a)", "1:4", "unexpected \"(\"");
  f("sum(a) by (sum, without)", "1:17", "unexpected <without> in grouping opts, expected label");
  f("sum(a b)", "1:7", "unexpected identifier \"b\" in aggregation");
  f("nope(1)", "1:1", "unknown function with name \"nope\"");
  f("abs()", "1:1", "expected 1 argument(s) in call to \"abs\", got 0");
  f("abs(a,)", "1:6", "trailing commas not allowed in function call args");
  f("hour(a, b)", "1:1", "expected at most 1 argument(s) in call to \"hour\", got 2");
  f("label_join(a)", "1:1", "expected at least 3 argument(s) in call to \"label_join\", got 1");
  f("info(a, b)", "1:9", "expected label selectors only, got vector selector instead");
}

TEST(ParserTest, ExperimentsMustBeEnabled) {
  const auto f = [](std::string_view in, std::string_view want) {
    EXPECT_EQ(Canonical(in, {}), want) << in;
    EXPECT_EQ(Canonical(Canonical(in)), Canonical(in)) << in;
  };
  f("sort_by_label(a, \"x\")", "1:1: parse error: function \"sort_by_label\" is not enabled");
  f("1 + step()", "1:5: parse error: function \"step\" is not enabled");
  f("sum(limit_ratio(0.5, a))",
    "1:5: parse error: limit_ratio() is experimental and must be enabled with "
    "--enable-feature=promql-experimental-functions");
  f("a anchored", "1:1: parse error: anchored modifier is experimental and not enabled");
  f("rate(a[5m] smoothed)", "1:6: parse error: smoothed modifier is experimental and not enabled");
  f("a + fill(0) b", "1:1: parse error: binop fill modifiers are experimental and not enabled");
}

TEST(ParserTest, PositionsAreBytesOfTheText) {
  const auto f = [](std::string_view in, PosRange want) {
    const auto expr = ParseExpr(in, Everything());
    ASSERT_TRUE(expr) << in;
    EXPECT_EQ((*expr)->pos, want) << in << " " << (*expr)->pos.start << " " << (*expr)->pos.end;
  };
  f("  foo ", {2, 5});
  f(R"( foo{a="b"} offset 5m )", {1, 21});
  f("foo[5m] @ 3", {0, 11});
  f("foo[1h:] ", {0, 8});
  f(" - foo", {1, 6});
  f("(a) + b", {0, 7});
  f(" sum by (x) (a) ", {1, 15});
  f("sum(a) by (x)", {0, 13});
  f("sum( sum(a) ) ", {0, 13});
  f("-1", {0, 2});
}

TEST(ParserTest, NestingIsBounded) {
  const auto nested = [](size_t n) { return std::string(n, '(') + "1" + std::string(n, ')'); };
  EXPECT_TRUE(ParseExpr(nested(900)));
  EXPECT_EQ(
      Canonical(nested(100'000)),
      "1:1001: parse error: expression is nested too deeply, at most 1000 levels are allowed");
  EXPECT_FALSE(ParseExpr(std::string(100'000, '-') + "a"));
  EXPECT_FALSE(ParseExpr("a[" + std::string(100'000, '-') + "1]"));
  std::string chain = "a";
  for (int i = 0; i < 900; ++i) chain += "+a";
  EXPECT_TRUE(ParseExpr(chain));
  for (int i = 0; i < 200; ++i) chain += "+a";
  EXPECT_FALSE(ParseExpr(chain));
  std::string calls;
  for (int i = 0; i < 100'000; ++i) calls += "abs(";
  EXPECT_FALSE(ParseExpr(calls));
}

TEST(ParserTest, MetricSelectors) {
  const auto f = [](std::string_view in, std::string_view want) {
    const auto matchers = ParseMetricSelector(in);
    std::string got;
    if (!matchers) {
      got = matchers.error().message();
    } else {
      for (const model::Matcher& m : *matchers) got += m.ToString() + ";";
    }
    EXPECT_EQ(got, want) << in;
  };
  f(R"(foo{a="b"})", R"(a="b";__name__="foo";)");
  f(R"({"x.y"})", R"(__name__="x.y";)");
  f("{}", "");
  f("foo[5m]", "1:4: parse error: unexpected \"[\"");
  f("", "unknown position: parse error: unexpected end of input");
}

TEST(ParserTest, Metrics) {
  const auto f = [](std::string_view in, std::string_view want) {
    const auto labels = ParseMetric(in);
    EXPECT_EQ(labels ? labels->ToMetricString() : labels.error().message(), want) << in;
  };
  f("foo", "foo");
  f(R"(foo{b="2", a="1"})", R"(foo{a="1", b="2"})");
  f("{}", "{}");
  f(R"(foo{a=~"1"})", "1:6: parse error: unexpected <op:=~> in label set, expected \"=\"");
}

TEST(ParserTest, ClonesAreEqual) {
  for (const std::string_view text :
       {"sum by (a) (rate(foo{x=\"y\"}[5m] offset 1m)) / on (a) group_left () b > 1",
        "foo[step() * 2:1m] @ 5 offset (1m + range())", "-(a) ^ 2 + topk(5, b) - 1h",
        "label_replace(a, \"b\", \"c\", \"d\", \"e\")"}) {
    const auto expr = ParseExpr(text, Everything());
    if (!expr) continue;
    const ExprPtr copy = Clone(**expr);
    EXPECT_TRUE(SameTree(**expr, *copy)) << text;
    EXPECT_EQ(Print(*copy), Print(**expr));
  }
  const auto a = ParseExpr("a + b");
  const auto b = ParseExpr("a + c");
  EXPECT_FALSE(SameTree(**a, **b));
}

}  // namespace
}  // namespace tributary::promql
