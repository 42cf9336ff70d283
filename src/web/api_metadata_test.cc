#include <gtest/gtest.h>

#include "web/api_params.h"
#include "web/label_escaping.h"
#include "web/web_test_support.h"

namespace tributary::web {
namespace {

using model::Labels;

class ApiMetadata : public ::testing::Test {
 protected:
  void SetUp() override {
    Add({{"__name__", "up"}, {"job", "a"}, {"instance", "1"}});
    Add({{"__name__", "up"}, {"job", "b"}, {"instance", "1"}});
    Add({{"__name__", "down"}, {"job", "b"}, {"http.status", "200"}});
  }
  void Add(std::initializer_list<std::pair<std::string_view, std::string_view>> labels) {
    const model::Sample sample{f_.clock.NowMs(), 1};
    ASSERT_TRUE(f_.store.Add(Labels::Of(labels), {&sample, 1}));
  }
  void Check(const std::string& target, const std::string& data) {
    EXPECT_EQ(f_.Get("/api/v1/" + target).body, R"({"status":"success","data":)" + data + "}")
        << target;
  }
  WebFixture f_;
};

TEST_F(ApiMetadata, Labels) {
  Check("labels", R"(["__name__","http.status","instance","job"])");
  Check("labels?match[]=up", R"(["__name__","instance","job"])");
  Check("labels?match[]=up&match[]=down", R"(["__name__","http.status","instance","job"])");
  Check("labels?limit=1", R"(["__name__"],"warnings":["results truncated due to limit"])");
  Check("label/job/values", R"(["a","b"])");
  Check("label/job/values?match[]=down", R"(["b"])");
  Check("label/nope/values", "[]");
  Check("label/U__http_2e_status/values", R"(["200"])");
  EXPECT_EQ(f_.Get("/api/v1/label/%ff/values").status, 400);
  EXPECT_EQ(f_.Post("/api/v1/labels", "match[]=up").body,
            R"({"status":"success","data":["__name__","instance","job"]})");
}

TEST_F(ApiMetadata, Series) {
  Check("series?match[]=down", R"([{"__name__":"down","http.status":"200","job":"b"}])");
  Check(
      "series?match[]=up&match[]={job=\"b\",instance=\"1\"}",
      R"([{"__name__":"up","instance":"1","job":"a"},{"__name__":"up","instance":"1","job":"b"}])");
  Check("series?match[]=none", "[]");
  EXPECT_NE(f_.Get("/api/v1/series?match[]=up&limit=1").body.find("truncated"), std::string::npos);
  const auto error = [&](const std::string& target, const std::string& text) {
    const FakeResponse r = f_.Get("/api/v1/" + target);
    EXPECT_EQ(r.status, 400);
    EXPECT_NE(r.body.find(text), std::string::npos) << r.body;
  };
  error("series", R"("error":"no match[] parameter provided")");
  error("series?match[]={a=~\".*\"}", "match[] must contain at least one non-empty matcher");
  error("series?match[]=up{", R"(invalid parameter \"match[]\": 1:4: parse error: )");
  error("labels?match[]=up{", R"("error":"1:4: parse error: )");
  error("series?match[]=up&start=x", "invalid time value for 'start'");
}

TEST(ApiParams, ParseTime) {
  const auto f = [](std::string_view text, int64_t want) {
    const auto t = ParseTime(text);
    ASSERT_TRUE(t) << text;
    EXPECT_EQ(*t, want) << text;
  };
  f("0", 0);
  f("1435781451.781", 1435781451781);
  f("-1.5", -1500);
  f("1e300", model::kMaxTime);
  f("2015-07-01T20:10:51.781Z", 1435781451781);
  f("2015-07-01T22:10:51.7819+02:00", 1435781451781);
  f("2000-02-29T00:00:00Z", 951782400000);
  f("-292273086-05-16T16:47:06Z", model::kMinTime);
  f("292277025-08-18T07:12:54.999999999Z", model::kMaxTime);
  for (const char* bad : {"", "x", "2015-07-01", "2015-02-29T00:00:00Z", "2015-07-01T24:00:00Z",
                          "2015-07-01T00:00:00", "2015-07-01T00:00:00Zx", "NaN"}) {
    EXPECT_FALSE(ParseTime(bad)) << bad;
  }
  EXPECT_EQ(FormatTime(1435781451780), "2015-07-01T20:10:51.78Z");
  EXPECT_EQ(FormatTime(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(FormatTime(0, true), "0001-01-01T00:00:00Z");
}

TEST(ApiParams, ParseDuration) {
  EXPECT_EQ(ParseApiDuration("1.5").value(), 1500);
  EXPECT_EQ(ParseApiDuration("0.0001").value(), 1);
  EXPECT_EQ(ParseApiDuration("1h30m").value(), 5'400'000);
  EXPECT_EQ(ParseApiDuration("-1").value(), -1000);
  EXPECT_FALSE(ParseApiDuration(""));
  EXPECT_FALSE(ParseApiDuration("1 h"));
}

TEST(LabelEscaping, Unescape) {
  const auto f = [](std::string_view in, std::string_view want) {
    EXPECT_EQ(UnescapeLabelName(in), want);
  };
  f("plain", "plain");
  f("U__http_2e_status", "http.status");
  f("U__a__b", "a_b");
  f("U___1F600_x", "\xF0\x9F\x98\x80x");
  f("U__bad_", "U__bad_");
  f("U__bad_zz_", "U__bad_zz_");
  f("U__bad_1234567_", "U__bad_1234567_");
  f("U__bad_d800_", "U__bad_d800_");
}

TEST(LabelEscaping, Escape) {
  const auto f = [](std::string_view in, NameScheme scheme, std::string_view want) {
    EXPECT_EQ(EscapeName(in, scheme), want) << in;
  };
  const std::string odd = "1a.b_\xC3\xA4";
  f(odd, NameScheme::kAllowUtf8, odd);
  f(odd, NameScheme::kUnderscores, "_a_b__");
  f(odd, NameScheme::kDots, "__a_dot_b____");
  f(odd, NameScheme::kValues, "U___31_a_2e_b___e4_");
  f("a_b", NameScheme::kDots, "a_b");
  f("a_b", NameScheme::kValues, "a_b");
  f("\xF0\x9F\x98\x80", NameScheme::kValues, "U___1f600_");
  f("a\xFF", NameScheme::kValues, "U__a_fffd_");
  f("a\xF0\x9F", NameScheme::kUnderscores, "a__");
  EXPECT_EQ(UnescapeLabelName(EscapeName("x.y z", NameScheme::kValues)), "x.y z");
}

}  // namespace
}  // namespace tributary::web
