#include <bit>
#include <limits>

#include <gtest/gtest.h>

#include "web/web_test_support.h"

namespace tributary::web {
namespace {

using base::Error;
using base::ErrorCode;
using model::Labels;

promql::QueryResult AnswerOf(promql::Value value) {
  promql::QueryResult result;
  result.value = std::move(value);
  return result;
}

TEST(ApiQuery, InstantVector) {
  WebFixture f;
  promql::Vector vector;
  vector.push_back({Labels::Of({{"__name__", "up"}, {"job", "a\"b"}}), 1'000'500, 1, nullptr});
  vector.push_back({Labels(), 1'001'000, std::numeric_limits<double>::infinity(), nullptr});
  f.engine.answer = AnswerOf(vector);
  const FakeResponse r = f.Get("/api/v1/query?query=up&time=1000.5&timeout=5s&lookback_delta=1m");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.headers.Get("Content-Type"), "application/json");
  EXPECT_EQ(r.body, R"({"status":"success","data":{"resultType":"vector","result":[)"
                    R"({"metric":{"__name__":"up","job":"a\"b"},"value":[1000.500,"1"]},)"
                    R"({"metric":{},"value":[1001,"+Inf"]}]}})");
  EXPECT_EQ(f.engine.query, "up");
  EXPECT_EQ(f.engine.start, 1'000'500);
  EXPECT_EQ(f.engine.asked.timeout_ms, 5'000);
  EXPECT_EQ(f.engine.asked.lookback_delta_ms, 60'000);
  f.Get("/api/v1/query?query=up");
  EXPECT_EQ(f.engine.start, f.clock.NowMs());
}

TEST(ApiQuery, Explain) {
  WebFixture f;
  const FakeResponse r = f.Get("/api/v1/explain?query=up&time=7");
  EXPECT_EQ(r.status, 200);
  EXPECT_NE(r.body.find(R"({"status":"success","data":{"operators":{"name":"select")"),
            std::string::npos);
  EXPECT_EQ(f.engine.start, 7'000);
  EXPECT_EQ(f.engine.step, 0);
  EXPECT_TRUE(f.engine.asked.explain);
  const FakeResponse text = f.Post("/api/v1/explain", "query=up&start=1&end=9&step=2&format=text");
  EXPECT_TRUE(text.body.starts_with("select: 0 rows, 0 samples, ")) << text.body;
  EXPECT_EQ(text.headers.Get("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(f.engine.step, 2'000);
  EXPECT_EQ(f.Get("/api/v1/explain?query=up&format=xml").status, 400);
  f.Get("/api/v1/query?query=up");
  EXPECT_FALSE(f.engine.asked.explain);
}

// Pieces written by several threads make the text that one makes, whatever their number.
TEST(ApiQuery, LargeAnswersAreWrittenByAPool) {
  base::ThreadPool pool("json", 3);
  for (const size_t rows : {1, 5, 1000, 5003}) {
    WebFixture f;
    promql::Vector vector;
    promql::Matrix matrix;
    for (size_t i = 0; i < rows; ++i) {
      const Labels labels = Labels::Of({{"n", std::to_string(i)}});
      vector.push_back({labels, 1000, static_cast<double>(i) / 3, nullptr});
      matrix.push_back({labels, {{1000, static_cast<double>(i)}, {2000, 0.5}}, {}});
    }
    const promql::Value values[] = {vector, matrix};
    for (const promql::Value& value : values) {
      f.services.pool = nullptr;
      f.engine.answer = AnswerOf(value);
      const std::string expected = f.Get("/api/v1/query?query=up").body;
      f.services.pool = &pool;
      f.engine.answer = AnswerOf(value);
      EXPECT_EQ(f.Get("/api/v1/query?query=up").body, expected) << rows;
    }
  }
}

TEST(ApiQuery, RangeFromAGrid) {
  WebFixture f;
  auto h = std::make_shared<model::FloatHistogram>();
  h->count = 2;
  h->sum = 3;
  const double absent = std::bit_cast<double>(model::kStaleNaNBits);
  const std::vector<double> a{1, absent, 3}, b{absent, absent, absent};
  promql::Grid grid{.start = 1'000, .step_ms = 500, .rows = {}, .memory = {}};
  grid.rows.push_back({Labels::Of({{"x", "a"}}), a, {}});
  grid.rows.push_back({Labels::Of({{"x", "b"}}), b, {nullptr, h, nullptr}});
  grid.rows.push_back({Labels::Of({{"x", "c"}}), a, {}});
  f.engine.answer = AnswerOf(std::move(grid));
  EXPECT_EQ(f.Get("/api/v1/query_range?query=x&start=1&end=2&step=0.5&limit=2").body,
            R"({"status":"success","data":{"resultType":"matrix","result":[)"
            R"({"metric":{"x":"a"},"values":[[1,"1"],[2,"3"]]},)"
            R"({"metric":{"x":"b"},"histograms":[[1.500,{"count":"2","sum":"3"}]]}]},)"
            R"("warnings":["results truncated due to limit"]})");
  EXPECT_TRUE(f.engine.asked.grid);
}

TEST(ApiQuery, ScalarStringAndEmpty) {
  WebFixture f;
  const auto check = [&](promql::Value value, std::string_view want) {
    f.engine.answer = AnswerOf(std::move(value));
    EXPECT_EQ(f.Get("/api/v1/query?query=x").body,
              R"({"status":"success","data":)" + std::string(want) + "}");
  };
  check(promql::Scalar{1'500, 0.0000001}, R"({"resultType":"scalar","result":[1.500,"1e-07"]})");
  check(promql::String{-2'000, "a"}, R"({"resultType":"string","result":[-2,"a"]})");
  check(promql::Vector{}, R"({"resultType":"vector","result":[]})");
  check(promql::Matrix{}, R"({"resultType":"matrix","result":[]})");
}

TEST(ApiQuery, RangeWithFloatsAndHistograms) {
  WebFixture f;
  model::FloatHistogram h;
  h.schema = 0;
  h.zero_threshold = 0.25;
  h.zero_count = 3;
  h.count = 10;
  h.sum = 5.5;
  h.positive_spans = {{0, 2}};
  h.positive_buckets = {4, 0};
  h.negative_spans = {{0, 1}};
  h.negative_buckets = {3};
  promql::Series floats{Labels::Of({{"a", "1"}}), {{1'000, 1}, {2'000, 2}}, {}};
  promql::Series histograms{
      Labels::Of({{"a", "2"}}), {}, {{1'000, std::make_shared<model::FloatHistogram>(h)}}};
  f.engine.answer = AnswerOf(promql::Matrix{floats, histograms});
  const FakeResponse r =
      f.Post("/api/v1/query_range?step=1", "query=rate(x[5m])&start=1&end=1970-01-01T00:00:02Z");
  EXPECT_EQ(r.body, R"({"status":"success","data":{"resultType":"matrix","result":[)"
                    R"({"metric":{"a":"1"},"values":[[1,"1"],[2,"2"]]},)"
                    R"({"metric":{"a":"2"},"histograms":[[1,{"count":"10","sum":"5.5","buckets":[)"
                    R"([1,"-1","-0.5","3"],[3,"-0.25","0.25","3"],[0,"0.5","1","4"]]}]]}]}})");
  EXPECT_EQ(f.engine.query, "rate(x[5m])");
  EXPECT_EQ(f.engine.start, 1'000);
  EXPECT_EQ(f.engine.end, 2'000);
  EXPECT_EQ(f.engine.step, 1'000);
}

TEST(ApiQuery, LimitWarningsAndStats) {
  WebFixture f;
  promql::QueryResult result;
  result.value = promql::Vector(3);
  for (int i = 0; i < 12; ++i) {
    result.annotations.infos.push_back("PromQL info: " + std::to_string(i));
  }
  f.engine.answer = std::move(result);
  const std::string body = f.Get("/api/v1/query?query=x&limit=2&stats=yes").body;
  EXPECT_NE(
      body.find(R"("warnings":["results truncated due to limit","value \"yes\" for parameter )"
                R"(\"stats\" is deprecated)"),
      std::string::npos)
      << body;
  EXPECT_NE(body.find(R"("PromQL info: 9","2 more info annotations omitted"])"), std::string::npos);
  EXPECT_NE(body.find(R"("stats":{"timings":{"evalTotalTime":0,)"), std::string::npos);
  EXPECT_EQ(body.find("metric", body.find("metric", body.find("metric") + 1) + 1),
            std::string::npos);
}

// Codes and texts that clients match on.
TEST(ApiQuery, BadParameters) {
  WebFixture f;
  const auto check = [&](const std::string& target, std::string_view error) {
    const FakeResponse r = f.Get("/api/v1/" + target);
    EXPECT_EQ(r.status, 400) << target;
    std::string want = R"({"status":"error","errorType":"bad_data","error":)";
    std::string escaped;
    for (const char c : error) {
      if (c == '"') escaped += '\\';
      escaped += c;
    }
    EXPECT_EQ(r.body, want + "\"" + escaped + "\"}") << target;
  };
  check(
      "query?query=x&time=abc",
      R"(invalid parameter "time": invalid time value for 'time': cannot parse "abc" to a valid timestamp)");
  check("query?query=x&timeout=1x",
        R"(invalid parameter "timeout": cannot parse "1x" to a valid duration)");
  check("query?query=x&limit=-1", R"(invalid parameter "limit": limit must be non-negative)");
  check("query?query=x&limit=a",
        R"(invalid parameter "limit": strconv.Atoi: parsing "a": invalid syntax)");
  check("query?query=x&lookback_delta=a",
        R"(error parsing lookback delta duration: cannot parse "a" to a valid duration)");
  check("query_range?query=x&end=1&step=1",
        R"(invalid parameter "start": cannot parse "" to a valid timestamp)");
  check("query_range?query=x&start=2&end=1&step=1",
        R"(invalid parameter "end": end timestamp must not be before start time)");
  check(
      "query_range?query=x&start=0&end=1&step=0",
      R"(invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer)");
  check("query_range?query=x&start=0&end=1&step=1e20",
        R"(invalid parameter "step": cannot parse "1e20" to a valid duration. It overflows int64)");
  check("query_range?query=x&start=0&end=11001&step=1",
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query "
        "resolution (?step=XX)");
  check("query_range?query=x&start=-1e300&end=1e300&step=1",
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query "
        "resolution (?step=XX)");
  EXPECT_EQ(f.Get("/api/v1/query_range?query=x&start=0&end=11000&step=1").status, 200);
}

TEST(ApiQuery, EngineErrorsMapToStatusAndType) {
  WebFixture f;
  const auto check = [&](ErrorCode code, int status, std::string_view type, std::string_view text) {
    f.engine.answer = Error(code, "why");
    const FakeResponse r = f.Get("/api/v1/query?query=x");
    EXPECT_EQ(r.status, status);
    EXPECT_EQ(r.body, R"({"status":"error","errorType":")" + std::string(type) + R"(","error":")" +
                          std::string(text) + "\"}");
  };
  check(ErrorCode::kInvalidArgument, 400, "bad_data", R"(invalid parameter \"query\": why)");
  check(ErrorCode::kExecution, 422, "execution", "why");
  check(ErrorCode::kResourceExhausted, 422, "execution", "why");
  check(ErrorCode::kUnimplemented, 422, "execution", "why");
  check(ErrorCode::kTimeout, 503, "timeout", "why");
  check(ErrorCode::kCancelled, 499, "canceled", "why");
  check(ErrorCode::kIo, 500, "internal", "why");
  check(ErrorCode::kInternal, 500, "internal", "why");
}

TEST(ApiQuery, FormatAndExemplars) {
  WebFixture f;
  EXPECT_EQ(f.Get("/api/v1/format_query?query=sum(x)by(a)").body,
            R"~({"status":"success","data":"sum by (a) (x)"})~");
  EXPECT_EQ(f.Get("/api/v1/format_query?query=sum(").status, 400);
  EXPECT_EQ(f.Get("/api/v1/query_exemplars?query=up").body, R"({"status":"success","data":[]})");
  EXPECT_EQ(f.Get("/api/v1/query_exemplars?query=up&start=2&end=1").status, 400);
}

}  // namespace
}  // namespace tributary::web
