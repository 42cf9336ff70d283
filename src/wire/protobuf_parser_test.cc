#include "wire/protobuf_parser.h"

#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "model/float_histogram.h"
#include "wire/custom_buckets_parser.h"
#include "wire/protobuf.h"

namespace tributary::wire {
namespace {

using testing::HasSubstr;

// Everything a parser says, a line an entry.
std::string Dump(ExpositionParser* parser) {
  std::string out;
  for (;;) {
    const auto entry = parser->Next();
    if (!entry) return out + "error: " + entry.error().message();
    switch (*entry) {
      case EntryKind::kEnd:
        return out;
      case EntryKind::kHelp:
        out += "HELP " + std::string(parser->family()) + " " + std::string(parser->text());
        break;
      case EntryKind::kUnit:
        out += "UNIT " + std::string(parser->family()) + " " + std::string(parser->text());
        break;
      case EntryKind::kType:
        out += "TYPE " + std::string(parser->family()) + " " +
               std::string(model::MetricTypeName(parser->type()));
        break;
      case EntryKind::kSample:
      case EntryKind::kHistogram: {
        std::vector<model::Label> labels;
        const auto status = parser->Labels(&labels);
        if (!status) return out + "error: " + status.error().message();
        out += model::Labels::FromSpan(labels).ToMetricString();
        model::Histogram h;
        model::FloatHistogram fh;
        bool is_float = false;
        if (*entry == EntryKind::kSample) {
          out += " " + base::FormatFloat(parser->value());
        } else if (parser->Histogram(&h, &fh, &is_float)) {
          out += (is_float ? " float " : " int ") +
                 model::ToTestExpression(is_float ? fh : model::ToFloat(h));
        }
        if (parser->timestamp()) out += " @" + std::to_string(*parser->timestamp());
        if (const auto start = parser->start_timestamp(); start != 0) {
          out += " since " + std::to_string(start);
        }
        model::Exemplar e;
        for (size_t i = 0; parser->Exemplar(i, &e); ++i) {
          out += " # " + e.labels.ToString() + " " + base::FormatFloat(e.value);
          if (e.has_timestamp) out += " @" + std::to_string(e.t);
        }
        break;
      }
      default:
        out += "unexpected entry";
    }
    out += "\n";
  }
}

// --- Messages ---

// Fields of a message, to be put into another one.
class Message {
 public:
  Message& Str(uint32_t field, std::string_view v) {
    PutBytes(&bytes_, field, v);
    return *this;
  }
  Message& Sub(uint32_t field, const Message& m) { return Str(field, m.bytes_); }
  Message& Int(uint32_t field, uint64_t v) {
    PutVarint(&bytes_, field, v);
    return *this;
  }
  Message& ZigZag(uint32_t field, int64_t v) { return Int(field, ZigZagEncode(v)); }
  Message& Num(uint32_t field, double v) {
    PutDouble(&bytes_, field, v);
    return *this;
  }
  Message& Deltas(uint32_t field, const std::vector<int64_t>& deltas) {
    std::string packed;
    for (const int64_t delta : deltas) PutRawVarint(&packed, ZigZagEncode(delta));
    return Str(field, packed);
  }
  // Behind its length, as families stand in a page.
  std::string Delimited() const {
    std::string out;
    PutRawVarint(&out, bytes_.size());
    return out + bytes_;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

Message Pair(std::string_view name, std::string_view value) {
  return Message().Str(1, name).Str(2, value);
}
Message Time(uint64_t seconds, uint64_t nanos = 0) {
  return Message().Int(1, seconds).Int(2, nanos);
}
Message ExemplarOf(std::string_view trace, double value) {
  return Message().Sub(1, Pair("trace", trace)).Num(2, value);
}
Message Family(std::string_view name, uint64_t type) {
  return Message().Str(1, name).Str(2, "Help.").Int(3, type);
}
Message Bucket(uint64_t count, double bound) { return Message().Int(1, count).Num(2, bound); }
Message Span(int64_t offset, uint64_t length) { return Message().ZigZag(1, offset).Int(2, length); }

// A histogram with a native form (3 observations in buckets 1 and 2) and a classic one.
Message BothForms() {
  return Message()
      .Int(1, 3)
      .Num(2, 4.5)
      .Sub(3, Bucket(1, 1).Sub(3, ExemplarOf("b", 0.5).Sub(3, Time(1, 5'000'000))))
      .Sub(3, Bucket(3, 2))
      .Int(5, 0)
      .Num(6, 0.001)
      .Int(7, 0)
      .Sub(12, Span(1, 2))
      .Deltas(13, {1, 1})
      .Sub(15, Time(7));
}

std::string Parse(const std::string& page, ProtobufOptions options = {}) {
  const std::vector<char> exact(page.begin(), page.end());
  return Dump(NewProtobufParser({exact.data(), exact.size()}, options).get());
}

constexpr ProtobufOptions kNative = {.native_histograms = true};
constexpr ProtobufOptions kBoth = {.native_histograms = true, .classic_histograms = true};
constexpr ProtobufOptions kCustom = {.custom_buckets = true};

// --- Tests ---

TEST(ProtobufParser, SimpleTypes) {
  const std::string page =
      Family("c_total", 0)
          .Sub(4, Message()
                      .Sub(1, Pair("b", "2"))
                      .Sub(1, Pair("a", "1"))
                      .Sub(1, Pair("empty", ""))
                      .Sub(3, Message().Num(1, 5).Sub(2, ExemplarOf("t", 1)).Sub(3, Time(3))))
          .Str(5, "total")
          .Delimited() +
      Family("nothing", 1).Delimited() +
      Family("g", 1)
          .Sub(4, Message().Sub(2, Message().Num(1, -1)).Int(6, 1234))
          .Sub(4, Message().Sub(1, Pair("x", "y")).Sub(2, Message()))
          .Delimited() +
      Family("u", 3).Sub(4, Message().Sub(5, Message().Num(1, 7))).Delimited();
  EXPECT_EQ(Parse(page),
            "HELP c_total Help.\nUNIT c_total total\nTYPE c_total counter\n"
            "c_total{a=\"1\", b=\"2\"} 5 since 3000 # {trace=\"t\"} 1\n"
            "HELP g Help.\nTYPE g gauge\ng -1 @1234\ng{x=\"y\"} 0\n"
            "HELP u Help.\nTYPE u unknown\nu 7\n");
}

TEST(ProtobufParser, SummariesAndClassicHistograms) {
  const double inf = std::numeric_limits<double>::infinity();
  const std::string page =
      Family("s", 2)
          .Sub(4, Message().Sub(
                      4, Message().Int(1, 2).Num(2, 3).Sub(3, Message().Num(1, 0.5).Num(2, 1))))
          .Sub(4, Message().Sub(1, Pair("a", "b")).Sub(4, Message().Int(1, 1)))
          .Delimited() +
      Family("h", 4)
          .Sub(4, Message().Sub(7, Message()
                                       .Int(1, 4)
                                       .Num(2, 9)
                                       .Sub(3, Bucket(1, 1))
                                       .Sub(3, Bucket(4, inf).Sub(3, ExemplarOf("i", 2)))))
          .Sub(4,
               Message().Sub(1, Pair("a", "b")).Sub(7, Message().Int(1, 4).Sub(3, Bucket(3, 10))))
          .Delimited();
  EXPECT_EQ(Parse(page, kNative),
            "HELP s Help.\nTYPE s summary\n"
            "s_count 2\ns_sum 3\ns{quantile=\"0.5\"} 1\n"
            "s_count{a=\"b\"} 1\ns_sum{a=\"b\"} 0\n"
            "HELP h Help.\nTYPE h histogram\n"
            "h_count 4\nh_sum 9\nh_bucket{le=\"1.0\"} 1\n"
            "h_bucket{le=\"+Inf\"} 4 # {trace=\"i\"} 2\n"
            "h_count{a=\"b\"} 4\nh_sum{a=\"b\"} 0\nh_bucket{a=\"b\", le=\"10.0\"} 3\n"
            "h_bucket{a=\"b\", le=\"+Inf\"} 4\n");
}

TEST(ProtobufParser, NativeHistograms) {
  const std::string page =
      Family("h", 4).Sub(4, Message().Sub(7, BothForms())).Delimited() +
      Family("f", 5)
          .Sub(4, Message().Sub(7, Message()
                                       .Num(4, 2.5)
                                       .Num(2, 1)
                                       .Num(8, 0.5)
                                       .Num(6, 0.1)
                                       .Sub(9, Span(0, 1))
                                       .Num(11, 2)
                                       .Sub(16, ExemplarOf("no time", 1))
                                       .Sub(16, ExemplarOf("x", 1).Sub(3, Time(2)))
                                       .Sub(16, ExemplarOf("y", 2).Sub(3, Time(1)))))
          .Delimited();
  const std::string native = " int {{count:3 sum:4.5 z_bucket_w:0.001 offset:1 buckets:[1 2]}}";
  const std::string float_family =
      "HELP f Help.\nTYPE f gaugehistogram\n"
      "f float {{count:2.5 sum:1 z_bucket:0.5 z_bucket_w:0.1 counter_reset_hint:gauge "
      "n_buckets:[2]}} # {trace=\"x\"} 1 @2000 # {trace=\"y\"} 2 @1000\n";
  const std::string classic =
      "h_count 3 since 7000\nh_sum 4.5 since 7000\n"
      "h_bucket{le=\"1.0\"} 1 since 7000 # {trace=\"b\"} 0.5 @1005\n"
      "h_bucket{le=\"2.0\"} 3 since 7000\nh_bucket{le=\"+Inf\"} 3 since 7000\n";
  const std::string head = "HELP h Help.\nTYPE h histogram\n";
  EXPECT_EQ(Parse(page, kNative),
            head + "h" + native + " since 7000 # {trace=\"b\"} 0.5 @1005\n" + float_family);
  EXPECT_EQ(Parse(page, kBoth), head + "h" + native + " since 7000 # {trace=\"b\"} 0.5 @1005\n" +
                                    classic + float_family);
  EXPECT_EQ(Parse(page).substr(0, (head + classic).size()), head + classic);
}

TEST(ProtobufParser, CustomBuckets) {
  const std::string page = Family("h", 4).Sub(4, Message().Sub(7, BothForms())).Delimited();
  const std::string custom =
      "h int {{schema:-53 count:3 sum:4.5 custom_values:[1 2] buckets:[1 2]}} since 7000 "
      "# {trace=\"b\"} 0.5 @1005\n";
  EXPECT_EQ(Parse(page, kCustom), "HELP h Help.\nTYPE h histogram\n" + custom);
  EXPECT_THAT(Parse(page, {.classic_histograms = true, .custom_buckets = true}),
              testing::EndsWith("h_bucket{le=\"+Inf\"} 3 since 7000\n" + custom));
  // A native form comes first.
  EXPECT_THAT(Parse(page, {.native_histograms = true, .custom_buckets = true}),
              HasSubstr("z_bucket_w"));
}

TEST(ProtobufParser, Errors) {
  const auto f = [](const std::string& page, std::string_view want,
                    ProtobufOptions options = kBoth) {
    EXPECT_THAT(Parse(page, options), HasSubstr("error: ")) << want;
    EXPECT_THAT(Parse(page, options), HasSubstr(want));
  };
  const auto family = [](const Message& metric) {
    return Family("m", 4).Sub(4, metric).Delimited();
  };
  f("\x05\x01", "a metric family of 5 bytes, but 1 are left");
  f(std::string(11, '\xff'), "invalid length");
  f(Message().Str(4, "").Delimited(), "invalid metric name");
  f(Family("a\xff", 1).Str(4, "").Delimited(), "invalid metric name: \"a\\xff\"");
  f(Family("a", 9).Str(4, "").Delimited(), "unknown metric type for metric \"a\": 9");
  f(Message().Str(1, "a").Str(2, "\xff").Str(4, "").Delimited(), "invalid help for metric \"a\"");
  f(family(Message().Sub(1, Pair("", "v"))), "invalid label name");
  f(family(Message().Sub(1, Pair("n", "\xff"))), "invalid label value");
  f(family(Message().Sub(1, Pair("n", "1")).Sub(1, Pair("n", "2"))), "\"n\" is not unique");
  f(Family("m", 2)
        .Sub(4, Message().Sub(1, Pair("quantile", "1")).Sub(4, Message().Str(3, "")))
        .Delimited(),
    "\"quantile\" is not unique");
  f(family(Message().Str(7, "\x0a")), "expected");
  f(family(Message().Sub(7, Message().Sub(12, Span(0, 5)).Deltas(13, {1}))),
    "histogram \"m\": spans describe 5 buckets, 1 are given");
  f(family(Message().Sub(7, Message().Int(1, 1).Sub(3, Bucket(5, 1)))), "count", kCustom);
}

TEST(ProtobufParser, EveryCutOfAPageIsSafe) {
  const std::string page = Family("h", 4).Sub(4, Message().Sub(7, BothForms())).Delimited();
  for (size_t size = 1; size < page.size(); ++size) {
    EXPECT_THAT(Parse(page.substr(0, size), kBoth), HasSubstr("error: ")) << size;
  }
}

TEST(CustomBucketsParser, TextHistograms) {
  const auto f = [](std::string_view page, bool keep, std::string_view want) {
    EXPECT_EQ(Dump(NewCustomBucketsParser(NewTextParser(page), keep).get()), want) << page;
  };
  const std::string_view page =
      "# TYPE h histogram\nh_bucket{a=\"1\",le=\"1\"} 1\nh_bucket{a=\"1\",le=\"+Inf\"} 3\n"
      "h_sum{a=\"1\"} 4\nh_count{a=\"1\"} 3\nh_bucket{le=\"2\"} 1.5\nh_count 2\n"
      "# TYPE g gauge\ng 1\n";
  const std::string one =
      "h{a=\"1\"} int {{schema:-53 count:3 sum:4 custom_values:[1] buckets:[1 2]}}\n";
  const std::string two = "h float {{schema:-53 count:2 custom_values:[2] buckets:[1.5 0.5]}}\n";
  f(page, false, "TYPE h histogram\n" + one + two + "TYPE g gauge\ng 1\n");
  f(page, true,
    "TYPE h histogram\nh_bucket{a=\"1\", le=\"1.0\"} 1\nh_bucket{a=\"1\", le=\"+Inf\"} 3\n"
    "h_sum{a=\"1\"} 4\nh_count{a=\"1\"} 3\n" +
        one + "h_bucket{le=\"2.0\"} 1.5\nh_count 2\n" + two + "TYPE g gauge\ng 1\n");
  f("# TYPE h histogram\nh_bucket{le=\"1\"} 5\nh_count 3\n", false, "TYPE h histogram\n");
  f("# TYPE h histogram\nh_count 3\nother 1\n", false,
    "TYPE h histogram\nh int {{schema:-53 count:3 custom_values:[] buckets:[3]}}\nother 1\n");
  f("h_bucket{le=\"1\"} 1\n", false, "h_bucket{le=\"1\"} 1\n");
}

}  // namespace
}  // namespace tributary::wire
