#include <gtest/gtest.h>

#include "web/web_test_support.h"

namespace tributary::web {
namespace {

TEST(ApiActiveQueries, ListAndStop) {
  WebFixture f;
  promql::ActiveQueries active;
  f.services.active_queries = &active;
  EXPECT_EQ(f.Get("/api/v1/status/active_queries").body,
            R"({"status":"success","data":{"queries":[]}})");
  promql::ActiveQuery about;
  about.query = "sum(up)";
  about.origin = {"ada", "10.0.0.9", "POST", "/api/v1/query_range", "", ""};
  about.start = 1'000;
  about.end = 61'000;
  about.step_ms = 15'000;
  about.since_ms = f.clock.NowMs() - 1'500;
  promql::ActiveQueries::Entry entry(active, about);
  entry.progress().running = true;
  entry.progress().samples = 12;
  entry.progress().bytes = 34;
  entry.progress().peak_bytes = 56;
  EXPECT_EQ(f.Get("/api/v1/status/active_queries").body,
            R"x({"status":"success","data":{"queries":[{"id":"1","query":"sum(up)",)x"
            R"("start":"1970-01-01T00:00:01Z","end":"1970-01-01T00:01:01Z","step":15,"user":"ada",)"
            R"("clientIP":"10.0.0.9","method":"POST","path":"/api/v1/query_range",)"
            R"("since":"1970-01-12T13:46:38.5Z","seconds":1.5,"state":"running","samples":12,)"
            R"("bytes":34,"peakBytes":56}]}})");
  for (const char* path : {"/api/v1/status/active_queries/2", "/api/v1/status/active_queries/x"}) {
    const FakeResponse r = f.Serve(FakeRequest("DELETE", path));
    EXPECT_EQ(r.status, 404) << path;
    EXPECT_NE(r.body.find(R"("errorType":"not_found")"), std::string::npos);
  }
  EXPECT_FALSE(entry.progress().cancel.load());
  EXPECT_EQ(f.Serve(FakeRequest("DELETE", "/api/v1/status/active_queries/1")).status, 200);
  EXPECT_TRUE(entry.progress().cancel.load());
  EXPECT_NE(f.Get("/api/v1/status/active_queries").body.find(R"("state":"stopping")"),
            std::string::npos);
  EXPECT_EQ(f.Get("/api/v1/status/active_queries/1").headers.Get("Allow"), "DELETE, OPTIONS");
}

TEST(ApiTsdbBlocks, MetaOfEach) {
  WebFixture f;
  const std::string path = "/api/v1/status/tsdb/blocks";
  EXPECT_EQ(f.Get(path).body, R"({"status":"success","data":{"blocks":[]}})");
  tsdb::BlockMeta meta;
  meta.ulid = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
  meta.max_time = 7'200'000;
  meta.stats.num_series = 3;
  f.db.blocks = {meta, meta};
  std::string body = f.Get(path).body;
  std::erase_if(body, [](char c) { return c == '\n' || c == '\t' || c == ' '; });
  const std::string one = R"({"ulid":"01ARZ3NDEKTSV4RRFFQ69G5FAV","minTime":0,"maxTime":7200000,)"
                          R"("stats":{"numSeries":3},"compaction":{"level":1},"version":1})";
  EXPECT_EQ(body, R"({"status":"success","data":{"blocks":[)" + one + "," + one + "]}}");
}

TEST(ApiSelfMetrics, FamiliesAsProtojson) {
  WebFixture f;
  f.metrics.GetCounter("t_requests_total", "Requests.", {{"code", "2\"00"}}).Add(3);
  f.metrics.GetGauge("t_level", "Level.").Set(-1.5);
  auto& histogram = f.metrics.GetHistogram("t_seconds", "Time.", {0.1, 1}, {{"h", "a"}});
  histogram.Observe(0.05);
  histogram.Observe(5);
  (void)f.metrics.GetSummary("t_size", "Size.", {0.5});
  const auto check = [&](std::string_view pattern, std::string_view want) {
    EXPECT_EQ(f.Get("/api/v1/status/self_metrics?metric_name_pattern=" + std::string(pattern)).body,
              R"({"status":"success","data":[)" + std::string(want) + "]}");
  };
  check("t_requests_total",
        R"({"name":"t_requests_total","help":"Requests.","type":"COUNTER","metric":[)"
        R"({"label":[{"name":"code","value":"2\"00"}],"counter":{"value":3}}]})");
  check("t_lev.*", R"({"name":"t_level","help":"Level.","type":"GAUGE","metric":[)"
                   R"({"gauge":{"value":-1.5}}]})");
  check("t_seconds",
        R"({"name":"t_seconds","help":"Time.","type":"HISTOGRAM","metric":[{"label":[)"
        R"({"name":"h","value":"a"}],"histogram":{"sampleCount":"2","sampleSum":5.05,"bucket":[)"
        R"({"cumulativeCount":"1","upperBound":0.1},{"cumulativeCount":"1","upperBound":1}]}}]})");
  check("t_size", R"({"name":"t_size","help":"Size.","type":"SUMMARY","metric":[)"
                  R"({"summary":{"sampleCount":"0","sampleSum":0,"quantile":[)"
                  R"({"quantile":0.5,"value":"NaN"}]}}]})");
  check("nothing", "");
  EXPECT_EQ(f.Get("/api/v1/status/self_metrics?metric_name_pattern=(").status, 400);
}

TEST(ApiFeatures, CategoriesOfTheWebAndOfTheApp) {
  WebFixture f;
  f.options.features = {{"tsdb", {{"exemplar_storage", true}}}};
  const std::string body = f.Get("/api/v1/features").body;
  for (const char* part :
       {R"({"api":{"admin":false,)", R"("remote_write_receiver":true)",
        R"("tsdb":{"exemplar_storage":true})", R"("rate":true)", R"("mad_over_time":false)",
        R"("limitk":false)", R"("</":true)", R"("subqueries":true)"}) {
    EXPECT_NE(body.find(part), std::string::npos) << part << " in " << body;
  }
}

TEST(ApiScrapePools, ConfigAndRelabelSteps) {
  WebFixture f;
  config::ScrapeConfig pool;
  pool.job_name = "node";
  pool.scrape_protocols = {config::ScrapeProtocol::kPrometheusText0_0_4};
  model::RelabelRule keep;
  keep.source_labels = {"__address__"};
  keep.regex = "keep.*";
  keep.action = model::RelabelAction::kKeep;
  model::RelabelRule shard;
  shard.source_labels = {"__address__"};
  shard.target_label = "shard";
  shard.modulus = 1;
  shard.action = model::RelabelAction::kHashMod;
  pool.relabel_configs = model::Relabeler::Create({keep, shard}).value();
  auto changed = std::make_shared<config::Config>(*f.config);
  changed->scrape_configs.push_back(pool);
  f.config = changed;
  EXPECT_NE(f.Get("/api/v1/scrape_pools/config?scrapePool=node")
                .body.find(R"("data":{"yaml":"job_name: node\n)"),
            std::string::npos);
  const std::string rules[] = {
      R"({"rule":{"source_labels":["__address__"],"separator":";","regex":"keep.*",)"
      R"("replacement":"$1","action":"keep"},"output":)",
      R"x({"rule":{"source_labels":["__address__"],"separator":";","regex":"(.*)","modulus":1,)x"
      R"("target_label":"shard","replacement":"$1","action":"hashmod"},"output":)"};
  const std::string base = "/api/v1/targets/relabel_steps?scrapePool=node&labels=";
  EXPECT_EQ(f.Get(base + R"({"__address__":"keep:1"})").body,
            R"({"status":"success","data":{"steps":[)" + rules[0] +
                R"({"__address__":"keep:1"},"keep":true},)" + rules[1] +
                R"({"__address__":"keep:1","shard":"0"},"keep":true}]}})");
  EXPECT_EQ(f.Get(base + R"({"__address__":"lose:1"})").body,
            R"({"status":"success","data":{"steps":[)" + rules[0] + R"({},"keep":false},)" +
                rules[1] + R"({},"keep":false}]}})");
  const auto refused = [&](const std::string& path, std::string_view want) {
    const FakeResponse r = f.Get(path);
    EXPECT_EQ(r.status, 400) << path;
    EXPECT_NE(r.body.find(want), std::string::npos) << r.body;
  };
  refused("/api/v1/scrape_pools/config", "no scrapePool parameter provided");
  refused("/api/v1/scrape_pools/config?scrapePool=x",
          R"(error retrieving scrape config: scrape pool \"x\" not found)");
  refused("/api/v1/targets/relabel_steps?scrapePool=node", "no labels parameter provided");
  refused(base + "{", "error parsing labels: ");
  refused(base + "[]", "error parsing labels: ");
  refused(base + R"({"a":1})", R"(error parsing labels: the value of \"a\" is not a string)");
  refused(base + std::string(70'000, ' '), "error parsing labels: expected at most 65536 bytes");
}

TEST(ApiRules, ParametersAreChecked) {
  WebFixture f;
  const auto check = [&](std::string_view query, std::string_view want) {
    const FakeResponse r = f.Get("/api/v1/rules?" + std::string(query));
    EXPECT_EQ(r.status, want.empty() ? 200 : 400) << query;
    EXPECT_NE(r.body.find(want.empty() ? R"("groups":[])" : want), std::string::npos) << r.body;
  };
  check("", "");
  check("type=Alert&exclude_alerts=TRUE&group_limit=3&match[]=up", "");
  check("type=odd", R"(invalid parameter \"type\": not supported value \"odd\")");
  check("match[]={}", R"("error":"match[] must contain at least one non-empty matcher")");
  check("exclude_alerts=odd", R"(strconv.ParseBool: parsing \"odd\": invalid syntax)");
  check("group_limit=0", "group_limit needs to be greater than 0");
  check("group_limit=x", R"(strconv.ParseInt: parsing \"x\": invalid syntax)");
  check("group_limit=99999999999", "value out of range");
  check("group_next_token=a", "group_limit needs to be present in order to paginate");
  check("group_limit=1&group_next_token=a",
        "invalid group_next_token 'a'. were rule groups changed?");
}

TEST(ApiExemplars, SelectorsOfTheWholeQuery) {
  WebFixture f;
  storage::SeriesExemplars series;
  series.labels = model::Labels::Of({{"__name__", "a"}});
  series.exemplars.push_back({model::Labels::Of({{"trace_id", "x"}}), 0.5, 1'500, true});
  f.db.exemplars = {series};
  EXPECT_EQ(f.Get("/api/v1/query_exemplars?query=a/b").body,
            R"({"status":"success","data":[{"seriesLabels":{"__name__":"a"},"exemplars":[)"
            R"({"labels":{"trace_id":"x"},"value":"0.5","timestamp":1.5}]}]})");
  EXPECT_EQ(f.Get("/api/v1/query_exemplars?query=1").status, 204);
  EXPECT_EQ(f.Get("/api/v1/query_exemplars?query=a&start=2&end=1").status, 400);
  EXPECT_EQ(f.Get("/api/v1/query_exemplars?query=(").status, 400);
}

}  // namespace
}  // namespace tributary::web
