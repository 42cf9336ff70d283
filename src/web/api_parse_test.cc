#include <gtest/gtest.h>

#include "web/web_test_support.h"

namespace tributary::web {
namespace {

TEST(ApiParse, TreesAsPrometheusWritesThem) {
  WebFixture f;
  const auto check = [&](std::string_view query, std::string_view want) {
    const FakeResponse r = f.Get("/api/v1/parse_query?query=" + net::UrlEncode(query));
    EXPECT_EQ(r.status, 200) << query;
    EXPECT_EQ(r.body, R"({"status":"success","data":)" + std::string(want) + "}") << query;
  };
  const std::string up =
      R"({"anchored":false,"matchers":[{"name":"__name__","type":"=","value":"up"}],"name":"up",)"
      R"("offset":0,"offsetExpr":null,"smoothed":false,"startOrEnd":null,"timestamp":null,)"
      R"("type":"vectorSelector"})";
  check("up", up);
  check("NaN", R"({"type":"numberLiteral","val":"NaN"})");
  check("\"a\"", R"({"type":"stringLiteral","val":"a"})");
  check("-(up)",
        R"({"expr":{"expr":)" + up + R"(,"type":"parenExpr"},"op":"-","type":"unaryExpr"})");
  check("time()",
        R"({"args":[],"func":{"argTypes":[],"name":"time","returnType":"scalar","variadic":0},)"
        R"("type":"call"})");
  check("sum by (a) (up)", R"({"expr":)" + up +
                               R"(,"grouping":["a"],"op":"sum","param":null,)"
                               R"("type":"aggregation","without":false})");
  check("up * on (x) group_left () up",
        R"({"bool":false,"lhs":)" + up +
            R"(,"matching":{"card":"many-to-one","fillValues":{"lhs":null,"rhs":null},)"
            R"("include":[],"labels":["x"],"on":true},"op":"*","rhs":)" +
            up + R"(,"type":"binaryExpr"})");
  check("a{b!~\"c\"}[(5m * 2)] @ end() offset -1m",
        R"({"anchored":false,"matchers":[{"name":"b","type":"!~","value":"c"},)"
        R"({"name":"__name__","type":"=","value":"a"}],"name":"a","offset":-60000,)"
        R"("offsetExpr":null,"range":0,"rangeExpr":{"lhs":{"duration":true,)"
        R"("type":"numberLiteral","val":"300"},"op":"*","rhs":{"duration":false,)"
        R"("type":"numberLiteral","val":"2"},"type":"durationExpr","wrapped":true},)"
        R"("smoothed":false,"startOrEnd":"end","timestamp":null,"type":"matrixSelector"})");
  check("up[1h:1m] @ 1.5", R"({"expr":)" + up +
                               R"(,"offset":0,"offsetExpr":null,"range":3600000,"rangeExpr":null,)"
                               R"("startOrEnd":null,"step":60000,"stepExpr":null,)"
                               R"("timestamp":1500,"type":"subquery"})");
}

TEST(ApiParse, ErrorsNameTheParameter) {
  WebFixture f;
  for (const char* path : {"/api/v1/parse_query?query=a%2B", "/api/v1/format_query?query=a%2B"}) {
    const FakeResponse r = f.Get(path);
    EXPECT_EQ(r.status, 400);
    EXPECT_EQ(r.body,
              R"({"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": )"
              R"(1:3: parse error: unexpected end of input"})");
  }
}

}  // namespace
}  // namespace tributary::web
