#include "wire/text_parser.h"

#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "wire/exposition_scan.h"

namespace tributary::wire {
namespace {

std::string Render(ExpositionParser& parser) {
  std::string out;
  for (;;) {
    const auto entry = parser.Next();
    if (!entry) return out + "error: " + entry.error().message();
    switch (*entry) {
      case EntryKind::kEnd:
        return out;
      case EntryKind::kSample: {
        std::vector<model::Label> labels;
        const auto status = parser.Labels(&labels);
        if (!status) return out + "error: " + status.error().message();
        std::string text;
        for (const model::Label& l : labels) {
          text += std::string(l.name) + "=" + std::string(l.value) + ",";
        }
        out += text + " " + base::FormatFloat(parser.value());
        if (parser.timestamp()) out += " @" + std::to_string(*parser.timestamp());
        break;
      }
      case EntryKind::kType:
        out += "TYPE " + std::string(parser.family()) + " " +
               std::string(model::MetricTypeName(parser.type()));
        break;
      case EntryKind::kHelp:
        out += "HELP " + std::string(parser.family()) + " " + std::string(parser.text());
        break;
      default:
        out += "comment " + std::string(parser.text());
    }
    out += "\n";
  }
}

std::string Parse(std::string_view body) {
  // A copy of exactly that size, so that a sanitizer sees a read past the end.
  const std::vector<char> exact(body.begin(), body.end());
  const auto parser = NewTextParser({exact.data(), exact.size()});
  return Render(*parser);
}

TEST(TextParser, Samples) {
  const auto f = [](std::string_view in, std::string_view want) {
    EXPECT_EQ(Parse(in), std::string(want) + "\n") << in;
    EXPECT_EQ(Parse(std::string(in) + "\n"), std::string(want) + "\n") << in;
    EXPECT_EQ(Parse("\n \t\n" + std::string(in) + "\n\n"), std::string(want) + "\n") << in;
  };
  f("up 1", "__name__=up, 1");
  f("\tup 1", "__name__=up, 1");
  f("some:rule_5m\t7", "__name__=some:rule_5m, 7");
  f(":colon 7", "__name__=:colon, 7");
  f("up  1  123123", "__name__=up, 1 @123123");
  f("up 1 0 ", "__name__=up, 1 @0");
  f(R"(up{} 1)", "__name__=up, 1");
  f(R"(up{a="b"}1)", "__name__=up,a=b, 1");
  f(R"(up{b="2",a="1",} 1)", "__name__=up,a=1,b=2, 1");
  f(R"(up { a = "1" , b= "2" } 1)", "__name__=up,a=1,b=2, 1");
  f(R"(up{a="1" b="2"} 1)", "__name__=up,a=1,b=2, 1");
  f(R"(up{Z="1",_x="2"} 1)", "Z=1,__name__=up,_x=2, 1");
  f(R"(up{a="",b="2"} 1)", "__name__=up,b=2, 1");
  f(R"(up{a="x\"y\\z\nw\t"} 1)", "__name__=up,a=x\"y\\z\nw\\t, 1");
  f("up{a=\"two\nlines\"} 1", "__name__=up,a=two\nlines, 1");
  f("up{a=\"größe\"} 1", "__name__=up,a=größe, 1");
  f(R"({"http.status",q="0.9"} 1)", "__name__=http.status,q=0.9, 1");
  f(R"({q="0.9" , "http.status", } 1)", "__name__=http.status,q=0.9, 1");
  f(R"({"a\"b","label name\n"="6"} 1)", "__name__=a\"b,label name\n=6, 1");
  f(R"(a_name_of_more_than_sixteen_bytes:x{a_label_of_more_than_sixteen="a value of more than sixteen bytes"} 1)",
    "__name__=a_name_of_more_than_sixteen_bytes:x,a_label_of_more_than_sixteen=a value of more "
    "than sixteen bytes, 1");
}

TEST(TextParser, NullBytesLiveInValuesAndHelpOnly) {
  using namespace std::string_literals;
  EXPECT_EQ(Parse("a{b=\"x\0y\"} 1\n"s), "__name__=a,b=x\0y, 1\n"s);
  EXPECT_EQ(Parse("# HELP a foo\0bar\n"s), "HELP a foo\0bar\n"s);
  EXPECT_NE(Parse("a{b\0=\"x\"} 1\n"s).find("expected equal"), std::string::npos);
  EXPECT_NE(Parse("a\0{b=\"x\"} 1\n"s).find("error: line 1:"), std::string::npos);
  EXPECT_NE(Parse("a 0 1\0"s).find("expected next entry after timestamp"), std::string::npos);
}

TEST(TextParser, Values) {
  const auto f = [](std::string_view in, double want) {
    const std::string body = "a " + std::string(in) + "\n";
    const auto parser = NewTextParser(body);
    const auto entry = parser->Next();
    ASSERT_TRUE(entry && *entry == EntryKind::kSample) << in;
    EXPECT_EQ(std::bit_cast<uint64_t>(parser->value()), std::bit_cast<uint64_t>(want)) << in;
  };
  f("0", 0);
  f("-0", -0.0);
  f("+1", 1);
  f("1.", 1);
  f(".5", 0.5);
  f("-12.50", -12.5);
  f("4.9351e-05", 4.9351e-05);
  f("7.424100000000001e-05", 7.424100000000001e-05);
  f("1.7976931348623157e308", 1.7976931348623157e308);
  f("5e-324", 5e-324);
  f("1e-400", 0);
  f("9007199254740993", 9007199254740992.0);
  f("18446744073709551616", 18446744073709551616.0);
  f("123456789012345678901234567890", 123456789012345678901234567890.0);
  f("0.000000000000000000000000000001", 1e-30);
  f("1E+5", 1e5);
  f("Inf", std::numeric_limits<double>::infinity());
  f("+Inf", std::numeric_limits<double>::infinity());
  f("-inf", -std::numeric_limits<double>::infinity());
  f("NaN", model::NormalNaN());
  f("nan", model::NormalNaN());
}

TEST(TextParser, ShortDecimalsAgreeWithTheSlowParser) {
  std::mt19937_64 random(11);
  const auto digits = [&](int n) {
    std::string s;
    for (int i = 0; i < n; ++i) s += static_cast<char>('0' + random() % 10);
    return s;
  };
  int taken = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text = random() % 2 ? "-" : "";
    text += digits(static_cast<int>(random() % 12));
    if (random() % 2) text += "." + digits(static_cast<int>(random() % 9));
    if (random() % 3 == 0) text += "e" + std::to_string(static_cast<int>(random() % 50) - 25);
    double fast = 0;
    const char* end = ParseShortDecimal(text.data(), text.data() + text.size(), &fast);
    if (end != text.data() + text.size()) continue;
    ++taken;
    const auto slow = ParseFloatSlow(text);
    ASSERT_TRUE(slow) << text;
    ASSERT_EQ(std::bit_cast<uint64_t>(fast), std::bit_cast<uint64_t>(*slow)) << text;
  }
  EXPECT_GT(taken, 5000);
}

TEST(TextParser, Metadata) {
  const auto f = [](std::string_view in, std::string_view want) {
    EXPECT_EQ(Parse(in), std::string(want) + "\n") << in;
  };
  f("# HELP up Is it up?", "HELP up Is it up?");
  f("#\tHELP \t up  two  spaces ", "HELP up  two  spaces ");
  f("# HELP up", "HELP up ");
  f("# HELP up   \t", "HELP up ");
  f(R"(# HELP up a\nb\\c\"d)", "HELP up a\nb\\c\\\"d");
  f(R"(# HELP "a b" quoted)", "HELP a b quoted");
  f("# TYPE up gauge\n", "TYPE up gauge");
  f("# TYPE up counter", "TYPE up counter");
  f("# TYPE up histogram", "TYPE up histogram");
  f("# TYPE up summary", "TYPE up summary");
  f("# TYPE up untyped", "TYPE up unknown");
  f("#", "comment #");
  f("# ", "comment # ");
  f("#HELP up no space", "comment #HELP up no space");
  f("# HELPER up", "comment # HELPER up");
  f("# HELP", "comment # HELP");
  f("  # some words", "comment # some words");
  f("# EOF", "comment # EOF");
}

TEST(TextParser, BoundsAreWrittenAsOpenMetricsDoes) {
  const auto f = [](std::string_view type, std::string_view label, std::string_view want) {
    const std::string body =
        "# TYPE x " + std::string(type) + "\nx{" + std::string(label) + "} 1\n";
    const std::string got = Parse(body);
    EXPECT_EQ(got.substr(got.find('\n') + 1), "__name__=x," + std::string(want) + ", 1\n") << body;
  };
  f("histogram", R"(le="1")", "le=1.0");
  f("histogram", R"(le="0.5")", "le=0.5");
  f("histogram", R"(le="+Inf")", "le=+Inf");
  f("histogram", R"(le="1e6")", "le=1e+06");
  f("histogram", R"(le="100000")", "le=100000.0");
  f("histogram", R"(le="word")", "le=word");
  f("histogram", R"(quantile="1")", "quantile=1");
  f("summary", R"(quantile="0")", "quantile=0.0");
  f("summary", R"(le="1")", "le=1");
  f("gauge", R"(le="1")", "le=1");
}

TEST(TextParser, SeriesTextNamesTheLine) {
  const std::string body = "  up { a = \"1\" } 1\n{\"x y\"} 2\nplain 3\n";
  const auto parser = NewTextParser(body);
  for (const std::string_view want : {R"(up { a = "1" })", R"({"x y"})", "plain"}) {
    ASSERT_TRUE(parser->Next());
    EXPECT_EQ(parser->series_text(), want);
  }
}

TEST(TextParser, Errors) {
  const auto f = [](std::string_view in, std::string_view want) {
    const std::string got = Parse(in);
    const size_t at = got.find("error: ");
    EXPECT_EQ(got.substr(std::min(at, got.size())), "error: " + std::string(want)) << in;
  };
  f("a", R"(line 1: expected value after metric, got end of data while parsing: "a")");
  f("up 1\na\n", R"(line 2: expected value after metric, got "\n" while parsing: "a\n")");
  f("a{b='c'} 1\n", R"(line 1: expected label value, got "'" while parsing: "a{b='")");
  f("a{b=\n", R"(line 1: expected label value, got "\n" while parsing: "a{b=\n")");
  f("a{\xff=\"foo\"} 1\n", R"(line 1: expected label name, got "\xff" while parsing: "a{\xff")");
  f("a{b=\"\xff\"} 1\n", R"(line 1: invalid UTF-8 label value while parsing: "a{b=\"\xff\"")");
  f("{\"\xff\"} 1\n", R"(line 1: invalid UTF-8 metric name: "\xff" while parsing: "{\"\xff\"} ")");
  f(R"({"a", "b = "c"})", R"(line 1: expected equal, got "c" while parsing: "{\"a\", \"b = \"c")");
  f("a true\n", R"(line 1: expected a float as value, got "true" while parsing: "a true")");
  f("a{b=\"", R"(line 1: expected label value, got "\"" while parsing: "a{b=\"")");
  f("a{b=\"x\\", R"(line 1: expected label value, got "\"" while parsing: "a{b=\"")");
  f(R"(a{=""} 0)", R"(line 1: expected label name, got "=" while parsing: "a{=")");
  f("a{,} 0", R"(line 1: expected label name, got "," while parsing: "a{,")");
  f("{A}0", R"(line 1: expected equal, got "}" while parsing: "{A}")");
  f("foo 1_2\n", R"(line 1: expected a float as value, got "1_2" while parsing: "foo 1_2")");
  f("foo 0x1p-3\n",
    R"(line 1: expected a float as value, got "0x1p-3" while parsing: "foo 0x1p-3")");
  f("foo 1e999\n", R"(line 1: expected a float as value, got "1e999" while parsing: "foo 1e999")");
  f("foo +nan\n", R"(line 1: expected a float as value, got "+nan" while parsing: "foo +nan")");
  f("foo 0 1_2\n",
    R"(line 1: expected next entry after timestamp, got "_" while parsing: "foo 0 1_")");
  f("foo 0 -1\n", R"(line 1: expected timestamp or new record, got "-" while parsing: "foo 0 -")");
  f("foo 0 1.5\n",
    R"(line 1: expected next entry after timestamp, got "." while parsing: "foo 0 1.")");
  f("foo 0 99999999999999999999\n",
    R"(line 1: timestamp out of range while parsing: "foo 0 99999999999999999999")");
  f("foo 1\r\n", R"(line 1: expected a float as value, got "1\r" while parsing: "foo 1\r")");
  f(R"({a="ok"} 1)", R"(line 1: metric name not set while parsing: "{a=\"ok\"} 1")");
  f(R"(a{"b"} 1)", R"(line 1: metric name already set while parsing: "a{\"b\"}")");
  f("# TYPE #\n", R"(line 1: expected metric name after TYPE, got "#" while parsing: "# TYPE #")");
  f("# HELP \n", R"(line 1: expected metric name after HELP, got "\n" while parsing: "# HELP \n")");
  f("\n# TYPE up sausage\n",
    R"(line 2: invalid metric type "sausage" while parsing: "# TYPE up sausage")");
  f("# TYPE up\n", R"(line 1: invalid metric type "" while parsing: "# TYPE up")");
  f("# TYPE up  gauge\n",
    R"(line 1: invalid metric type " gauge" while parsing: "# TYPE up  gauge")");
  f("# HELP up \xff\n", R"(line 1: help text is not valid UTF-8 while parsing: "# HELP up \xff")");
  f("9 1\n", R"(line 1: expected a valid start token, got "9" while parsing: "9")");
  f(R"(a{b="1",b="2"} 1)",
    R"(line 1: label name "b" is not unique while parsing: "a{b=\"1\",b=\"2\"} ")");
  f(R"(a{__name__="b"} 1)",
    R"(line 1: label name "__name__" is not unique while parsing: "a{__name__=\"b\"} ")");
  f(R"(a{b="1"}{c="2"} 1)",
    R"(line 1: expected value after metric, got "{" while parsing: "a{b=\"1\"}{")");
}

TEST(TextParser, AnErrorShowsOnlyTheEndOfALongLine) {
  const std::string got = Parse("a{b=\"" + std::string(100'000, 'x') + "\"} true\n");
  EXPECT_LT(got.size(), 400u);
  EXPECT_NE(got.find("true"), std::string::npos);
}

TEST(TextParser, ManyLabelsTakeLinearithmicTime) {
  std::string line = "a{";
  for (int i = 200'000; i > 0; --i) line += "l" + std::to_string(i) + "=\"v\",";
  line += "} 1\n";
  const auto parser = NewTextParser(line);
  ASSERT_TRUE(parser->Next());
  std::vector<model::Label> labels;
  ASSERT_TRUE(parser->Labels(&labels));
  EXPECT_EQ(labels.size(), 200'001u);
}

}  // namespace
}  // namespace tributary::wire
