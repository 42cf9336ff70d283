#include "web/web.h"

#include <map>

#include <gtest/gtest.h>

#include "web/auth.h"
#include "web/global_url.h"
#include "web/web_test_support.h"
#include "wire/protobuf_parser.h"

namespace tributary::web {
namespace {

using model::Labels;

// "secret" at cost 4.
constexpr const char* kSecretHash = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

TEST(Web, ManagementRoutes) {
  WebFixture f;
  EXPECT_EQ(f.Get("/-/healthy").body, "Prometheus Server is Healthy.\n");
  EXPECT_EQ(f.Get("/-/ready").body, "Prometheus Server is Ready.\n");
  EXPECT_EQ(f.Get("/-/reload").status, 405);
  EXPECT_EQ(f.Post("/-/reload", "").status, 403);
  EXPECT_EQ(f.Post("/-/quit", "").body, "Lifecycle API is not enabled.");
  EXPECT_EQ(f.Get("/nothing").status, 404);
  EXPECT_EQ(f.Get("/api/v1/nothing").status, 404);
  EXPECT_EQ(f.Serve(FakeRequest("DELETE", "/metrics")).status, 405);
  EXPECT_EQ(f.Serve(FakeRequest("DELETE", "/api/v1/query")).headers.Get("Allow"),
            "GET, OPTIONS, POST");
  EXPECT_EQ(f.Get("/").headers.Get("Location"), "/query");
  EXPECT_EQ(f.Get("/graph?g0.expr=up").headers.Get("Location"), "/query?g0.expr=up");
  const FakeResponse metrics = f.Get("/metrics");
  EXPECT_NE(metrics.body.find(R"(prometheus_http_requests_total{)"), std::string::npos);
  EXPECT_NE(metrics.body.find(R"(handler="/api/v1/label/:name/values")"), std::string::npos);
  EXPECT_NE(f.Get("/version").body.find("\"version\":\"3."), std::string::npos);
}

TEST(Web, Lifecycle) {
  WebFixture f;
  base::Status outcome;
  int quits = 0;
  f.services.reload = [&] { return outcome; };
  f.services.quit = [&] { ++quits; };
  EXPECT_EQ(f.Post("/-/reload", "").status, 200);
  outcome = base::InvalidArgument("line 3: nonsense");
  const FakeResponse r = f.Serve(FakeRequest("PUT", "/-/reload"));
  EXPECT_EQ(r.status, 500);
  EXPECT_EQ(r.body, "failed to reload config: line 3: nonsense\n");
  EXPECT_EQ(f.Post("/-/quit", "").body, "Requesting termination... Goodbye!");
  EXPECT_EQ(f.Post("/-/quit", "").body, "Termination already in progress.");
  EXPECT_EQ(quits, 1);
}

TEST(Web, NotReady) {
  WebFixture f;
  f.state.ready = false;
  for (const char* path : {"/-/ready", "/api/v1/query?query=x", "/api/v1/status/buildinfo",
                           "/federate", "/api/v1/targets"}) {
    const FakeResponse r = f.Get(path);
    EXPECT_EQ(r.status, 503) << path;
    EXPECT_EQ(r.body, "Service Unavailable");
    EXPECT_EQ(r.headers.Get("X-Prometheus-Stopping"), "false");
  }
  EXPECT_EQ(f.Post("/api/v1/write", "").status, 503);
  for (const char* path :
       {"/-/healthy", "/metrics", "/api/v1/status/walreplay", "/api/v1/notifications"}) {
    EXPECT_EQ(f.Get(path).status, 200) << path;
  }
  f.state.ready = true;
  f.state.stopping = true;
  EXPECT_EQ(f.Get("/-/ready").headers.Get("X-Prometheus-Stopping"), "true");
}

TEST(Web, StoreIsLoading) {
  WebFixture f;
  f.state.ready = false;
  f.state.store_open = true;
  for (const char* path :
       {"/-/ready", "/api/v1/status/tsdb", "/api/v1/query_exemplars?query=x", "/api/v1/targets"}) {
    EXPECT_EQ(f.Get(path).status, 503) << path;
  }
  for (const char* path :
       {"/api/v1/query?query=1", "/api/v1/query_range?query=1&start=0&end=1&step=1",
        "/api/v1/labels", "/federate"}) {
    EXPECT_EQ(f.Get(path).status, 200) << path;
  }
  EXPECT_NE(f.Post("/api/v1/write", "").status, 503);
  f.state.stopping = true;
  EXPECT_EQ(f.Get("/api/v1/query?query=1").status, 503);
  EXPECT_EQ(f.Post("/api/v1/write", "").status, 503);
}

TEST(Web, AgentMode) {
  WebFixture f;
  f.options.agent = true;
  f.services.engine = nullptr;
  f.services.queryable = nullptr;
  f.services.db = nullptr;
  for (const char* path : {"/api/v1/query?query=x", "/api/v1/query_range", "/api/v1/series",
                           "/api/v1/labels", "/api/v1/label/a/values", "/api/v1/rules",
                           "/api/v1/alerts", "/api/v1/status/tsdb", "/api/v1/alertmanagers"}) {
    const FakeResponse r = f.Get(path);
    EXPECT_EQ(r.status, 422) << path;
    EXPECT_EQ(r.body, R"({"status":"error","errorType":"execution","error":)"
                      R"("unavailable with Prometheus Agent"})");
  }
  EXPECT_EQ(f.Get("/federate?match[]=up").status, 500);
  EXPECT_EQ(f.Get("/api/v1/targets").status, 200);
  EXPECT_EQ(f.Get("/").headers.Get("Location"), "/agent");
  EXPECT_EQ(f.Get("/-/ready").body, "Prometheus Agent is Ready.\n");
}

TEST(Web, RoutePrefix) {
  WebFixture f;
  f.options.route_prefix = "/prom/";
  f.options.external_url = "http://host/prom";
  EXPECT_EQ(f.Get("/").headers.Get("Location"), "/prom");
  EXPECT_EQ(f.Get("/prom/").headers.Get("Location"), "/prom/query");
  EXPECT_EQ(f.Get("/prom/-/healthy").status, 200);
  EXPECT_EQ(f.Get("/prom/api/v1/status/flags").status, 200);
  EXPECT_EQ(f.Get("/-/healthy").status, 404);
  EXPECT_EQ(f.Get("/promx/-/healthy").status, 404);
}

TEST(Web, BasicAuthCoversEveryPath) {
  WebFixture f;
  config::WebConfig config;
  config.basic_auth_users["alice"] = kSecretHash;
  f.web().SetWebConfig(config);
  for (const char* path : {"/-/ready", "/-/healthy", "/metrics", "/api/v1/query", "/nothing"}) {
    const FakeResponse r = f.Get(path);
    EXPECT_EQ(r.status, 401) << path;
    EXPECT_EQ(r.body, "Unauthorized\n");
    EXPECT_EQ(r.headers.Get("WWW-Authenticate"), "Basic");
  }
  const auto as = [&](const std::string& user, const std::string& password) {
    return f.Serve(FakeRequest("GET", "/-/ready").As(user, password)).status;
  };
  EXPECT_EQ(as("alice", "secret"), 200);
  EXPECT_EQ(as("alice", "secret"), 200);
  EXPECT_EQ(as("alice", "Secret"), 401);
  EXPECT_EQ(as("alice", ""), 401);
  EXPECT_EQ(as("alice", std::string("secret\0x", 8)), 401);
  EXPECT_EQ(as("bob", "secret"), 401);
  EXPECT_EQ(as("", ""), 401);
  f.Serve(FakeRequest("POST", "/api/v1/write", "body").As("alice", "secret"));
  EXPECT_EQ(f.write.seen_user, "alice");
  f.web().SetWebConfig({});
  EXPECT_EQ(f.Get("/-/ready").status, 200);
}

TEST(Web, VerdictsAreRememberedPerUserHashAndPassword) {
  PasswordChecker checker;
  std::map<std::string, std::string> users{{"alice", kSecretHash}};
  EXPECT_TRUE(checker.Check(users, {"alice", "secret"}));
  users["alice"] = "$2b$04$abcdefghijklmnopqrstuuAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  EXPECT_FALSE(checker.Check(users, {"alice", "secret"})) << "another hash needs another verdict";
  EXPECT_FALSE(checker.Check({{"alice", "garbage"}}, {"alice", "secret"}));
  for (const char* bad : {"", "Basic", "Basic !!!", "Basic Zm9v", "Bearer YTpi"}) {
    EXPECT_FALSE(ParseBasicAuthorization(bad)) << bad;
  }
  EXPECT_EQ(ParseBasicAuthorization("basic YTpiOmM=")->password, "b:c");
}

TEST(Web, RateLimitAndHeaders) {
  WebFixture f;
  config::WebConfig config;
  config.rate_limit_interval_ms = 1'000;
  config.rate_limit_burst = 2;
  config.headers["X-Frame-Options"] = "deny";
  f.web().SetWebConfig(config);
  EXPECT_EQ(f.Get("/-/ready").headers.Get("X-Frame-Options"), "deny");
  EXPECT_EQ(f.Get("/-/ready").status, 200);
  f.web().SetWebConfig(config);
  EXPECT_EQ(f.Get("/-/ready").status, 429);
  f.clock.Advance(1'000);
  EXPECT_EQ(f.Get("/-/ready").status, 200);
  EXPECT_EQ(f.Get("/-/ready").status, 429);
}

TEST(Web, Cors) {
  WebFixture open;
  EXPECT_EQ(open.Get("/api/v1/status/flags").headers.Get("Vary"), "Origin");
  const auto from = [](WebFixture& f, const std::string& method, const std::string& origin) {
    return f.Serve(FakeRequest(method, "/api/v1/status/flags").With("Origin", origin));
  };
  EXPECT_EQ(from(open, "GET", "http://x").headers.Get("Access-Control-Allow-Origin"), "http://x");
  WebFixture closed;
  closed.options.cors_origin = "https?://(a|b)\\.example";
  EXPECT_EQ(from(closed, "GET", "http://a.example").headers.Get("Access-Control-Allow-Origin"),
            "http://a.example");
  EXPECT_FALSE(from(closed, "GET", "http://c.example").headers.Has("Access-Control-Allow-Origin"));
  const FakeResponse options = from(closed, "OPTIONS", "http://a.example");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.headers.Get("Access-Control-Allow-Methods"), "GET, POST, OPTIONS");
  closed.options.cors_origin = "(";
  EXPECT_FALSE(Web::Create(closed.options, closed.services, closed.state));
}

TEST(Web, OwnMetricsAsProtobuf) {
  WebFixture f;
  f.metrics.GetCounter("x_total", "Counts x.", {{"a", "b"}}).Add(3);
  f.metrics.GetHistogram("h", "A histogram.", {1, 2}).Observe(1.5);
  f.metrics.GetSummary("s", "A summary.").Observe(4);
  const FakeResponse r =
      f.Serve(FakeRequest("GET", "/metrics")
                  .With("Accept",
                        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
                        "encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3"));
  EXPECT_TRUE(r.headers.Get("Content-Type").starts_with("application/vnd.google.protobuf"));
  const auto parser = wire::NewProtobufParser(r.body, {});
  std::map<std::string, double> samples;
  std::vector<model::Label> labels;
  while (true) {
    const auto kind = parser->Next();
    ASSERT_TRUE(kind) << kind.error().message();
    if (*kind == wire::EntryKind::kEnd) break;
    if (*kind != wire::EntryKind::kSample) continue;
    ASSERT_TRUE(parser->Labels(&labels));
    samples[model::Labels::FromSpan(labels).ToMetricString()] = parser->value();
  }
  EXPECT_EQ(samples["x_total{a=\"b\"}"], 3);
  EXPECT_EQ(samples["h_bucket{le=\"1.0\"}"], 0);
  EXPECT_EQ(samples["h_bucket{le=\"2.0\"}"], 1);
  EXPECT_EQ(samples["h_bucket{le=\"+Inf\"}"], 1);
  EXPECT_EQ(samples["h_sum"], 1.5);
  EXPECT_EQ(samples["s_count"], 1);
  EXPECT_EQ(samples["s{quantile=\"0.5\"}"], 4);
}

TEST(Web, WriteReceiver) {
  WebFixture f;
  f.write.answer.has_written = true;
  f.write.answer.samples_written = 7;
  f.write.answer.accepted_messages = "message/a, message/b";
  f.write.answer.out_of_order_window_ms = 1'800'000;
  FakeResponse r = f.Serve(
      FakeRequest("POST", "/api/v1/write", "bytes").With("Content-Type", "application/x-protobuf"));
  EXPECT_EQ(r.status, 204);
  EXPECT_EQ(f.write.seen_body, "bytes");
  EXPECT_EQ(f.write.seen_type, "application/x-protobuf");
  EXPECT_EQ(r.headers.Get("X-Prometheus-Remote-Write-Samples-Written"), "7");
  EXPECT_EQ(r.headers.Get("Accept-Encoding"), "zstd, gzip, snappy");
  EXPECT_EQ(r.headers.Get("Accept-Post"), "message/a, message/b");
  EXPECT_EQ(r.headers.Get("X-Tributary-Out-Of-Order-Window"), "1800");
  f.write.answer = {400, "out of order sample", false, 0, 0, 0, 3, ""};
  r = f.Post("/api/v1/write", "bytes");
  EXPECT_EQ(r.status, 400);
  EXPECT_EQ(r.body, "out of order sample\n");
  EXPECT_EQ(r.headers.Get("Retry-After"), "3");
  EXPECT_EQ(f.Get("/api/v1/write").status, 405);
  WebFixture disabled;
  disabled.services.write = nullptr;
  r = disabled.Post("/api/v1/write", "bytes");
  EXPECT_EQ(r.status, 404);
  EXPECT_EQ(r.body,
            "remote write receiver needs to be enabled with --web.enable-remote-write-receiver\n");
}

TEST(Web, StatusRoutes) {
  WebFixture f;
  f.services.flags = {{"config.file", "a.yml"}};
  f.services.replay_progress = [] { return tsdb::ReplayProgress{1, 9, 4}; };
  const auto check = [&](const std::string& path, const std::string& data) {
    EXPECT_EQ(f.Get("/api/v1/" + path).body, R"({"status":"success","data":)" + data + "}");
  };
  check("status/config", R"({"yaml":"global: {}\n"})");
  check("status/flags", R"({"config.file":"a.yml"})");
  check("status/walreplay", R"({"min":1,"max":9,"current":4})");
  check("status/tsdb?limit=5",
        R"({"headStats":{"numSeries":5,"numLabelPairs":0,"chunkCount":0,"minTime":0,"maxTime":0},)"
        R"("seriesCountByMetricName":[{"name":"up","value":3}],"labelValueCountByLabelName":[],)"
        R"("memoryInBytesByLabelName":[],"seriesCountByLabelValuePair":[]})");
  check("rules?type=alert", R"({"groups":[]})");
  check("alerts", R"({"alerts":[]})");
  check("alertmanagers", R"({"activeAlertmanagers":[],"droppedAlertmanagers":[]})");
  check("notifications", "[]");
  EXPECT_EQ(f.Get("/api/v1/rules?type=x").status, 400);
  EXPECT_EQ(f.Get("/api/v1/status/tsdb?limit=0").status, 400);
  EXPECT_EQ(f.Get("/api/v1/status/tsdb?limit=10001").status, 400);
  EXPECT_EQ(f.Get("/api/v1/notifications/live").status, 204);
  EXPECT_NE(f.Get("/api/v1/status/runtimeinfo").body.find(R"("reloadConfigSuccess":true)"),
            std::string::npos);
  EXPECT_NE(f.Get("/api/v1/status/buildinfo").body.find(R"("version":"3.)"), std::string::npos);
  const FakeResponse admin = f.Post("/api/v1/admin/tsdb/snapshot", "");
  EXPECT_EQ(admin.status, 500);
  EXPECT_EQ(admin.body,
            R"({"status":"error","errorType":"unavailable","error":"admin APIs disabled"})");
}

TEST(Web, TargetsAndMetadata) {
  WebFixture f;
  f.options.external_url = "http://out.example:9090/";
  scrape::TargetStatus target;
  target.pool = "p";
  target.discovered_labels = Labels::Of({{"__address__", "localhost:9100"}});
  target.labels = Labels::Of({{"job", "p"}});
  target.scrape_url = "http://localhost:9100/metrics";
  target.last_scrape_ms = 1'500;
  target.last_duration_seconds = 0.25;
  target.health = scrape::Health::kUp;
  target.interval_ms = 15'000;
  target.timeout_ms = 10'000;
  f.scrape.targets.active = {target};
  f.scrape.targets.dropped = {{"q", Labels::Of({{"a", "b"}})}};
  f.scrape.targets.dropped_counts = {{"q", 1}};
  const std::string active =
      R"({"discoveredLabels":{"__address__":"localhost:9100"},"labels":{"job":"p"},)"
      R"("scrapePool":"p","scrapeUrl":"http://localhost:9100/metrics",)"
      R"("globalUrl":"http://out.example:9100/metrics","lastError":"",)"
      R"("lastScrape":"1970-01-01T00:00:01.5Z","lastScrapeDuration":0.25,"health":"up",)"
      R"("scrapeInterval":"15s","scrapeTimeout":"10s"})";
  const auto check = [&](const std::string& path, const std::string& data) {
    EXPECT_EQ(f.Get("/api/v1/" + path).body, R"({"status":"success","data":)" + data + "}");
  };
  const std::string dropped = R"({"discoveredLabels":{"a":"b"},"scrapePool":"q"})";
  check("targets", R"({"activeTargets":[)" + active + R"(],"droppedTargets":[)" + dropped +
                       R"(],"droppedTargetCounts":{"q":1}})");
  check("targets?state=active",
        R"({"activeTargets":[)" + active + R"(],"droppedTargets":[],"droppedTargetCounts":null})");
  check("targets?scrapePool=q&state=any", R"({"activeTargets":[],"droppedTargets":[)" + dropped +
                                              R"(],"droppedTargetCounts":{"q":1}})");
  check("scrape_pools", R"({"scrapePools":["a","b"]})");

  const model::Metadata counter{model::MetricType::kCounter, "h", ""};
  f.scrape.metadata = {{"x_total", counter, Labels::Of({{"job", "p"}})},
                       {"x_total", counter, Labels::Of({{"job", "q"}})},
                       {"a", {model::MetricType::kGauge, "g", "s"}, Labels::Of({{"job", "q"}})}};
  check("metadata", R"({"a":[{"type":"gauge","help":"g","unit":"s"}],)"
                    R"("x_total":[{"type":"counter","help":"h","unit":""}]})");
  f.write.families = {{"told", {model::MetricType::kInfo, "t", ""}}, {"x_total", counter}};
  check("metadata?metric=told", R"({"told":[{"type":"info","help":"t","unit":""}]})");
  check("metadata?metric=x_total", R"({"x_total":[{"type":"counter","help":"h","unit":""}]})");
  check("metadata?limit=1", R"({"a":[{"type":"gauge","help":"g","unit":"s"}]})");
  check("targets/metadata?match_target={job=\"q\"}&metric=a",
        R"([{"target":{"job":"q"},"type":"gauge","help":"g","unit":"s"}])");
  check("targets/metadata?limit=1",
        R"([{"target":{"job":"p"},"metric":"x_total","type":"counter","help":"h","unit":""}])");
  EXPECT_EQ(f.Get("/api/v1/metadata?limit=x").status, 400);
  EXPECT_EQ(GlobalUrl("http://other:1/x", "http://out/"), "http://other:1/x");
  EXPECT_EQ(GlobalUrl("http://[::1]:1/x", "http://[fd::1]:9/"), "http://[fd::1]:1/x");
}

TEST(Web, Federate) {
  WebFixture f;
  const int64_t now = f.clock.NowMs();
  const auto add = [&](std::initializer_list<std::pair<std::string_view, std::string_view>> labels,
                       std::vector<model::Sample> samples) {
    ASSERT_TRUE(f.store.Add(Labels::Of(labels), samples));
  };
  add({{"__name__", "up"}, {"instance", "i"}, {"q", "a\"b\\c\nd"}},
      {{now - 20'000, 1}, {now - 10'000, 2.5}});
  add({{"__name__", "agg"}, {"region", "own"}}, {{now - 10'000, 1e10}});
  add({{"__name__", "agg"}}, {{now - 1'000, 1}});
  add({{"__name__", "old"}}, {{now - 400'000, 1}});
  add({{"__name__", "gone"}}, {{now - 2'000, 1}, {now - 1'000, model::StaleNaN()}});
  add({{"__name__", "http.x"}}, {{now - 1'000, 3}});
  f.config->global.external_labels = Labels::Of({{"region", "eu"}});
  const std::string t10 = std::to_string(now - 10'000);
  const std::string t1 = std::to_string(now - 1'000);
  const FakeResponse r = f.Get("/federate?match[]={__name__=~\".%2B\"}&match[]=up");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.body,
            "# TYPE agg untyped\n"
            "agg{instance=\"\",region=\"eu\"} 1 " +
                t1 +
                "\n"
                "agg{region=\"own\",instance=\"\"} 1e+10 " +
                t10 +
                "\n"
                "# TYPE http_x untyped\n"
                "http_x{instance=\"\",region=\"eu\"} 3 " +
                t1 +
                "\n"
                "# TYPE up untyped\n"
                "up{instance=\"i\",q=\"a\\\"b\\\\c\\nd\",region=\"eu\"} 2.5 " +
                t10 + "\n");
  const FakeResponse utf8 =
      f.Serve(FakeRequest("GET", "/federate?match[]={\"http.x\"}")
                  .With("Accept", "text/plain;version=1.0.0;escaping=allow-utf-8"));
  EXPECT_EQ(utf8.body,
            "# TYPE \"http.x\" untyped\n"
            "{\"http.x\",instance=\"\",region=\"eu\"} 3 " +
                t1 + "\n");
  EXPECT_EQ(f.Get("/federate?match[]=up{").status, 400);
  EXPECT_EQ(f.Get("/federate").body, "");
}

TEST(Web, FederateWritesCustomBucketsAsClassicHistogram) {
  WebFixture f;
  model::FloatHistogram h;
  h.schema = model::kCustomBucketsSchema;
  h.custom_values = {1, 2};
  h.positive_spans = {{0, 1}, {1, 1}};
  h.positive_buckets = {2, 3};
  h.count = 5;
  h.sum = 9.5;
  const int64_t now = f.clock.NowMs();
  ASSERT_TRUE(f.store.Add(Labels::Of({{"__name__", "h"}, {"instance", "i"}}), now, h));
  const std::string t = " " + std::to_string(now) + "\n";
  EXPECT_EQ(f.Get("/federate?match[]=h").body,
            "# TYPE h histogram\n"
            "h_bucket{instance=\"i\",le=\"1\"} 2" +
                t + "h_bucket{instance=\"i\",le=\"2\"} 2" + t +
                "h_bucket{instance=\"i\",le=\"+Inf\"} 5" + t + "h_sum{instance=\"i\"} 9.5" + t +
                "h_count{instance=\"i\"} 5" + t);
}

TEST(Web, AdminApi) {
  WebFixture f;
  f.options.admin_api = true;
  const auto body = [&](const std::string& form) {
    return f.Post("/api/v1/admin/tsdb/delete_series", form).body;
  };
  EXPECT_EQ(body(""),
            R"({"status":"error","errorType":"bad_data","error":"no match[] parameter provided"})");
  EXPECT_NE(body("match[]=up&start=x").find(R"(invalid parameter \"start\")"), std::string::npos);
  EXPECT_NE(body("match[]={").find(R"(invalid parameter \"match[]\")"), std::string::npos);
  EXPECT_TRUE(f.db.deleted.empty());

  const FakeResponse deleted =
      f.Post("/api/v1/admin/tsdb/delete_series", "match[]=up&match[]={job=\"a\"}&start=1&end=2");
  EXPECT_EQ(deleted.status, 204);
  EXPECT_EQ(deleted.body, "");
  ASSERT_EQ(f.db.deleted.size(), 2u);
  EXPECT_EQ(f.db.deleted[1].min_time, 1000);
  EXPECT_EQ(f.db.deleted[1].max_time, 2000);
  EXPECT_EQ(f.db.deleted[1].matchers[0].value(), "a");

  EXPECT_EQ(f.Post("/api/v1/admin/tsdb/clean_tombstones", "").status, 204);
  EXPECT_EQ(f.Post("/api/v1/admin/tsdb/snapshot", "").body,
            R"({"status":"success","data":{"name":"with-head"}})");
  EXPECT_EQ(f.Post("/api/v1/admin/tsdb/snapshot", "skip_head=true").body,
            R"({"status":"success","data":{"name":"without-head"}})");
  EXPECT_EQ(f.Post("/api/v1/admin/tsdb/snapshot", "skip_head=maybe").status, 400);

  EXPECT_EQ(f.Post("/api/v1/admin/tsdb/delete_cluster", "").status, 400);
  const FakeResponse accepted = f.Post("/api/v1/admin/tsdb/delete_cluster", "cluster=lab");
  EXPECT_EQ(accepted.status, 202);
  EXPECT_EQ(accepted.body, R"({"status":"success","data":[{"cluster":"lab","until":5}]})");
  EXPECT_EQ(f.Get("/api/v1/admin/tsdb/delete_cluster").body, accepted.body);

  f.db.admin_status = base::Unavailable("disk is gone");
  const FakeResponse failed = f.Post("/api/v1/admin/tsdb/clean_tombstones", "");
  EXPECT_EQ(failed.status, 500);
  EXPECT_EQ(failed.body, R"({"status":"error","errorType":"internal","error":"disk is gone"})");
}

}  // namespace
}  // namespace tributary::web
