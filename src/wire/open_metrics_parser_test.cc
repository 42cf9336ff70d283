#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "wire/text_parser.h"

namespace tributary::wire {
namespace {

using testing::HasSubstr;

std::string Parse(std::string_view body) {
  const std::vector<char> exact(body.begin(), body.end());
  const auto parser = NewOpenMetricsParser({exact.data(), exact.size()});
  std::string out;
  for (;;) {
    const auto entry = parser->Next();
    if (!entry) return out + "error: " + entry.error().message();
    switch (*entry) {
      case EntryKind::kEnd:
        return out;
      case EntryKind::kSample: {
        std::vector<model::Label> labels;
        if (const auto status = parser->Labels(&labels); !status) {
          return out + "error: " + status.error().message();
        }
        for (const model::Label& l : labels) {
          out += std::string(l.name) + "=" + std::string(l.value) + ",";
        }
        out += " " + base::FormatFloat(parser->value());
        if (parser->timestamp()) out += " @" + std::to_string(*parser->timestamp());
        if (model::Exemplar e; parser->Exemplar(&e)) {
          out += " exemplar " + e.labels.ToString() + " " + base::FormatFloat(e.value);
          if (e.has_timestamp) out += " @" + std::to_string(e.t);
        }
        break;
      }
      case EntryKind::kType:
        out += "TYPE " + std::string(parser->family()) + " " +
               std::string(model::MetricTypeName(parser->type()));
        break;
      case EntryKind::kHelp:
        out += "HELP " + std::string(parser->family()) + " " + std::string(parser->text());
        break;
      case EntryKind::kUnit:
        out += "UNIT " + std::string(parser->family()) + " " + std::string(parser->text());
        break;
      default:
        out += "unexpected entry";
    }
    out += "\n";
  }
}

TEST(OpenMetricsParser, Entries) {
  const auto f = [](std::string_view in, std::string_view want) {
    EXPECT_EQ(Parse(std::string(in) + "\n# EOF\n"), std::string(want) + "\n") << in;
    EXPECT_EQ(Parse(std::string(in) + "\n# EOF"), std::string(want) + "\n") << in;
  };
  f("up 1", "__name__=up, 1");
  f("up 1 1520879607.789", "__name__=up, 1 @1520879607789");
  f("up 1 -1.5", "__name__=up, 1 @-1500");
  f("up 1 1e3", "__name__=up, 1 @1000000");
  f(R"(up{b="2",a="1",} 1)", "__name__=up,a=1,b=2, 1");
  f("up{} 1", "__name__=up, 1");
  f(R"({"a.b",x="y"} NaN)", "__name__=a.b,x=y, NaN");
  f(R"({x="y","a.b"} -Inf)", "__name__=a.b,x=y, -Inf");
  f(R"(up{a="x\"y\\z\nw"} 1)", "__name__=up,a=x\"y\\z\nw, 1");
  f("x_created 1520872607.123", "__name__=x_created, 1520872607.123");
  f(R"(x_total 2 # {trace_id="abc"} 0.5)", R"(__name__=x_total, 2 exemplar {trace_id="abc"} 0.5)");
  f(R"(x_total 2 7 # {trace_id="a",b="c"} 0.5 8.5)",
    R"(__name__=x_total, 2 @7000 exemplar {b="c", trace_id="a"} 0.5 @8500)");
  f("x_total 2 # {} 1", "__name__=x_total, 2 exemplar {} 1");
  f(R"(x_total 2 # {"id.thing"="a"} 1)", R"(__name__=x_total, 2 exemplar {"id.thing"="a"} 1)");
  f("# TYPE x gaugehistogram", "TYPE x gaugehistogram");
  f("# TYPE x stateset", "TYPE x stateset");
  f("# TYPE x info", "TYPE x info");
  f("# TYPE x unknown", "TYPE x unknown");
  f("# HELP x a\\\"b\\nc", "HELP x a\"b\nc");
  f("# HELP x ", "HELP x ");
  f("# UNIT x_seconds seconds", "UNIT x_seconds seconds");
  f("# UNIT x ", "UNIT x ");
  f(R"(# TYPE "a.b" gauge)", "TYPE a.b gauge");
  f("# TYPE x summary\nx{quantile=\"1\"} 5", "TYPE x summary\n__name__=x,quantile=1.0, 5");
}

TEST(OpenMetricsParser, Errors) {
  const auto f = [](std::string_view in, std::string_view want) {
    EXPECT_THAT(Parse(in), HasSubstr("error: " + std::string(want))) << in;
  };
  f("", "line 1: data does not end with # EOF");
  f("\n", R"(line 1: expected a valid start token, got "\n")");
  f("metric", "line 1: expected value after metric, got end of data");
  f("metric 1", "line 1: data does not end with # EOF");
  f("metric 1\n", "line 2: data does not end with # EOF");
  f("m_total 1 # {aa=\"bb\"} 4", "line 1: data does not end with # EOF");
  f("a\n# EOF\n", R"(line 1: expected value after metric, got "\n")");
  f(" a 1\n# EOF\n", R"(line 1: expected a valid start token, got " ")");
  f("9\n# EOF\n", R"(line 1: expected a valid start token, got "9")");
  f("# TYPE u untyped\n", R"(line 1: invalid metric type "untyped")");
  f("# TYPE c counter \n", R"(line 1: invalid metric type "counter ")");
  f("#  TYPE c counter\n", "line 1: expected a valid start token");
  f("# a comment\n# EOF\n", "line 1: expected a valid start token");
  f("# TYPE \n", "line 1: expected metric name after TYPE");
  f("# TYPE m\n", "line 1: expected text in TYPE");
  f("# HELP m", "line 1: expected text in HELP");
  f("# UNIT metric suffix\n", R"(line 1: unit "suffix" is not a suffix of metric "metric")");
  f("# UNIT metricsuffix suffix\n", R"(line 1: unit "suffix" is not a suffix of metric)");
  f("# UNIT suffix suffix\n", R"(line 1: unit "suffix" is not a suffix of metric "suffix")");
  f("a\t1\n", R"(line 1: expected value after metric, got "\t")");
  f("a  1\n", "line 1: expected value after metric");
  f("a 1\t2\n", R"(line 1: expected a float, got "1\t2")");
  f("a 1 2 \n", R"(line 1: expected next entry after timestamp, got " ")");
  f("a 1 \n", "line 1: expected timestamp");
  f("a 1 1z\n", R"(line 1: expected a float, got "1z")");
  f("a 1 NaN\n", "line 1: invalid timestamp");
  f("a 1 1e300\n", "line 1: invalid timestamp");
  f("# EOF\na 1", "line 1: unexpected data after # EOF");
  f("# EOF\n\n", "line 1: unexpected data after # EOF");
  f("a{b='c'} 1\n", "line 1: expected label value, got \"'\"");
  f("a{ b=\"c\"} 1\n", R"(line 1: expected label name, got " ")");
  f("a{,b=\"c\"} 1\n", R"(line 1: expected label name, got ",")");
  f("a{b=\"c\"d=\"e\"} 1\n", R"(line 1: expected comma or brace close, got "d")");
  f("a{b=\"\n\"} 1\n", "line 1: expected label value");
  f("a{b=\"\xff\"} 1\n", "line 1: invalid UTF-8 label value");
  f("{a=\"b\"} 1\n", "line 1: metric name not set");
  f("x{\"y\"} 1\n", "line 1: metric name already set");
  f("a 1 # {\"b\"} 1\n", "line 1: expected equal");
  f("a 1 # {b=c} 1\n", "line 1: expected label value");
  f("a 1 # {} x\n", R"(line 1: expected a float, got "x")");
  f("a 1 # {}\n", "line 1: expected value after exemplar labels");
  f("a 1 # {} 1 Inf\n", "line 1: invalid timestamp");
  f("a 1 # {} 1 1 1\n", "line 1: expected next entry after exemplar");
  f("a{b=\"1\",b=\"2\"} 1\n# EOF\n", R"(line 1: label name "b" is not unique)");
}

TEST(OpenMetricsParser, TheEndStaysTheEnd) {
  const auto parser = NewOpenMetricsParser("# EOF\n");
  for (int i = 0; i < 3; ++i) {
    const auto entry = parser->Next();
    ASSERT_TRUE(entry);
    EXPECT_EQ(*entry, EntryKind::kEnd);
  }
}

TEST(OpenMetricsParser, AnExemplarBelongsToItsLine) {
  const auto parser = NewOpenMetricsParser("a_total 1 # {x=\"y\"} 2\nb_total 3\n# EOF\n");
  model::Exemplar exemplar;
  ASSERT_TRUE(parser->Next());
  EXPECT_TRUE(parser->Exemplar(&exemplar));
  ASSERT_TRUE(parser->Next());
  EXPECT_FALSE(parser->Exemplar(&exemplar));
}

}  // namespace
}  // namespace tributary::wire
