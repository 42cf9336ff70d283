#include "config/config.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

base::Result<std::shared_ptr<const Config>> Parse(std::string_view text,
                                                  const LoadOptions& options = {}) {
  return ParseConfig(*base::MakeMemoryFileSystem(), text, "prometheus.yml", "/etc/prom", options);
}

std::shared_ptr<const Config> MustParse(std::string_view text, const LoadOptions& options = {}) {
  auto config = Parse(text, options);
  EXPECT_TRUE(config) << text << "\n" << (config ? "" : config.error().message());
  return config ? *config : std::make_shared<const Config>();
}

std::string ErrorOf(std::string_view text, const LoadOptions& options = {}) {
  const auto config = Parse(text, options);
  EXPECT_FALSE(config) << text;
  return config ? "" : config.error().message();
}

TEST(ConfigTest, EmptyFilesMeanDefaults) {
  for (const char* text : {"", "# nothing\n", "global:\n", "global: {}\nscrape_configs:\n"}) {
    const auto config = MustParse(text);
    EXPECT_EQ(config->global.scrape_interval_ms, 60'000) << text;
    EXPECT_EQ(config->global.scrape_timeout_ms, 10'000) << text;
    EXPECT_EQ(config->global.evaluation_interval_ms, 60'000) << text;
    EXPECT_EQ(config->max_exemplars, 100'000u) << text;
    EXPECT_THAT(config->scrape_configs, IsEmpty()) << text;
    EXPECT_THAT(config->unserved, IsEmpty()) << text;
    EXPECT_THAT(config->yaml, HasSubstr("scrape_interval: 1m\n")) << text;
  }
}

TEST(ConfigTest, AJobInheritsFromGlobal) {
  const auto config = MustParse(R"(
global:
  scrape_interval: 15s
  sample_limit: 100
  body_size_limit: 15MB
  label_limit: 30
  keep_dropped_targets: 7
  scrape_failure_log_file: fail.log
  always_scrape_classic_histograms: true
  extra_scrape_metrics: true
scrape_configs:
- job_name: inherits
- job_name: own
  scrape_interval: 50s
  scrape_timeout: 5s
  sample_limit: 1000
  scrape_failure_log_file: /var/log/own.log
  always_scrape_classic_histograms: false
  extra_scrape_metrics: false
)");
  ASSERT_EQ(config->scrape_configs.size(), 2u);
  const ScrapeConfig& inherits = config->scrape_configs[0];
  EXPECT_EQ(inherits.scrape_interval_ms, 15'000);
  EXPECT_EQ(inherits.scrape_timeout_ms, 10'000);
  EXPECT_EQ(inherits.limits.sample_limit, 100u);
  EXPECT_EQ(inherits.limits.body_size_limit, 15u << 20);
  EXPECT_EQ(inherits.limits.label_limit, 30u);
  EXPECT_EQ(inherits.limits.keep_dropped_targets, 7u);
  EXPECT_EQ(inherits.scrape_failure_log_file, "/etc/prom/fail.log");
  EXPECT_TRUE(inherits.always_scrape_classic_histograms);
  EXPECT_TRUE(inherits.extra_scrape_metrics);
  EXPECT_TRUE(inherits.honor_timestamps);
  EXPECT_TRUE(inherits.enable_compression);
  EXPECT_TRUE(inherits.http.follow_redirects);
  EXPECT_TRUE(inherits.http.enable_http2);
  EXPECT_EQ(inherits.metrics_path, "/metrics");
  const ScrapeConfig& own = config->scrape_configs[1];
  EXPECT_EQ(own.scrape_interval_ms, 50'000);
  EXPECT_EQ(own.scrape_timeout_ms, 5'000);
  EXPECT_EQ(own.limits.sample_limit, 1000u);
  EXPECT_EQ(own.scrape_failure_log_file, "/var/log/own.log");
  EXPECT_FALSE(own.always_scrape_classic_histograms);
  EXPECT_FALSE(own.extra_scrape_metrics);
}

TEST(ConfigTest, TheTimeoutFollowsAShortInterval) {
  const auto config = MustParse(R"(
global: {scrape_interval: 5s}
scrape_configs:
- job_name: a
- job_name: b
  scrape_interval: 2s
)");
  EXPECT_EQ(config->global.scrape_timeout_ms, 5'000);
  EXPECT_EQ(config->scrape_configs[0].scrape_timeout_ms, 5'000);
  EXPECT_EQ(config->scrape_configs[1].scrape_timeout_ms, 2'000);
}

TEST(ConfigTest, ScrapeProtocols) {
  using enum ScrapeProtocol;
  const auto f = [](std::string_view global, std::string_view job, std::vector<ScrapeProtocol> want,
                    const LoadOptions& options = {}) {
    const auto config = MustParse("global: {scrape_interval: 1m" + std::string(global) +
                                      "}\nscrape_configs:\n- {job_name: a" + std::string(job) + "}",
                                  options);
    ASSERT_EQ(config->scrape_configs.size(), 1u);
    EXPECT_EQ(config->scrape_configs[0].scrape_protocols, want) << global << job;
  };
  const std::vector<ScrapeProtocol> text = {kOpenMetricsText1_0_0, kOpenMetricsText0_0_1,
                                            kPrometheusText1_0_0, kPrometheusText0_0_4};
  std::vector<ScrapeProtocol> proto = text;
  proto.insert(proto.begin(), kPrometheusProto);
  f("", "", text);
  f("", ", scrape_native_histograms: true", proto);
  f(", scrape_native_histograms: true", "", proto);
  f(", scrape_native_histograms: true", ", scrape_native_histograms: false", text);
  f(", scrape_protocols: [PrometheusText0.0.4]", ", scrape_native_histograms: true",
    {kPrometheusText0_0_4});
  f("", ", scrape_protocols: [PrometheusProto, PrometheusText1.0.0]",
    {kPrometheusProto, kPrometheusText1_0_0});
  f("", "", proto, LoadOptions{.proto_first = true});
}

TEST(ConfigTest, NameSchemes) {
  const auto f = [](std::string_view global, std::string_view job, NameValidation validation,
                    NameEscaping escaping) {
    const auto config = MustParse("global: {scrape_interval: 1m" + std::string(global) +
                                  "}\nscrape_configs:\n- {job_name: a" + std::string(job) + "}");
    ASSERT_EQ(config->scrape_configs.size(), 1u);
    EXPECT_EQ(config->scrape_configs[0].name_validation, validation) << global << job;
    EXPECT_EQ(config->scrape_configs[0].name_escaping, escaping) << global << job;
  };
  f("", "", NameValidation::kUtf8, NameEscaping::kAllowUtf8);
  f(", metric_name_validation_scheme: legacy", "", NameValidation::kLegacy,
    NameEscaping::kUnderscores);
  f("", ", metric_name_validation_scheme: legacy", NameValidation::kLegacy,
    NameEscaping::kUnderscores);
  f(", metric_name_validation_scheme: legacy", ", metric_name_validation_scheme: utf8",
    NameValidation::kUtf8, NameEscaping::kAllowUtf8);
  f(", metric_name_escaping_scheme: dots", "", NameValidation::kUtf8, NameEscaping::kDots);
  f("", ", metric_name_escaping_scheme: values", NameValidation::kUtf8, NameEscaping::kValues);
}

TEST(ConfigTest, RelabelRulesKeepTheirDefaults) {
  const auto config = MustParse(R"(
scrape_configs:
- job_name: a
  relabel_configs:
  - source_labels: [job, __meta_dns_name]
    regex: (.*)some-[regex]
    target_label: job
    replacement: foo-${1}
  - regex:
    replacement: static
    target_label: abc
  - {source_labels: [__address__], action: HashMod, modulus: 8, target_label: __tmp_hash}
)");
  const auto& rules = config->scrape_configs[0].relabel_configs.rules();
  ASSERT_EQ(rules.size(), 3u);
  EXPECT_EQ(rules[0].separator, ";");
  EXPECT_EQ(rules[0].regex, "(.*)some-[regex]");
  EXPECT_EQ(rules[0].action, model::RelabelAction::kReplace);
  EXPECT_EQ(rules[1].regex, "");
  EXPECT_EQ(rules[2].regex, "(.*)");
  EXPECT_EQ(rules[2].replacement, "$1");
  EXPECT_EQ(rules[2].modulus, 8u);
}

TEST(ConfigTest, ServiceDiscovery) {
  const auto config = MustParse(R"(
scrape_configs:
- job_name: a
  static_configs:
  - targets: ["localhost:9090", "localhost:9191"]
    labels: {my: label}
  - targets: [other:80]
  file_sd_configs:
  - files: [foo/*.json, /abs/one.yml]
    refresh_interval: 10m
  http_sd_configs:
  - url: https://sd.example/targets
    basic_auth: {username: u, password: p}
  dns_sd_configs:
  - names: [a.example]
    type: A
    port: 80
  kubernetes_sd_configs:
  - role: pod
    namespaces: {names: [x, y]}
    selectors: [{role: pod, label: app=a}]
)");
  const std::vector<SdConfig>& sd = config->scrape_configs[0].sd_configs;
  ASSERT_EQ(sd.size(), 5u);
  const auto& fixed = std::get<StaticSdConfig>(sd[0]);
  ASSERT_EQ(fixed.groups.size(), 2u);
  EXPECT_EQ(fixed.groups[0].targets[1].Get("__address__"), "localhost:9191");
  EXPECT_EQ(fixed.groups[0].labels.Get("my"), "label");
  EXPECT_NE(fixed.groups[0].source, fixed.groups[1].source);
  const auto& file = std::get<FileSdConfig>(sd[1]);
  EXPECT_THAT(file.files, ElementsAre("/etc/prom/foo/*.json", "/abs/one.yml"));
  EXPECT_EQ(file.refresh_interval_ms, 600'000);
  EXPECT_EQ(std::get<HttpSdConfig>(sd[2]).http.basic_auth->password, "p");
  EXPECT_EQ(std::get<DnsSdConfig>(sd[3]).port, 80);
  EXPECT_THAT(std::get<KubernetesSdConfig>(sd[4]).namespaces, ElementsAre("x", "y"));
}

TEST(ConfigTest, RemoteWriteDefaultsAndNames) {
  const auto config = MustParse(R"(
remote_write:
- url: http://one/push
- url: http://one/push
  send_exemplars: true
- url: https://two/push
  name: second
  protobuf_message: io.prometheus.write.v2.Request
  tls_config: {ca_file: ca.crt}
  queue_config: {max_shards: 3, min_backoff: 1s}
)");
  ASSERT_EQ(config->remote_write.size(), 3u);
  const RemoteWriteConfig& first = config->remote_write[0];
  EXPECT_EQ(first.name.size(), 6u);
  EXPECT_NE(first.name, config->remote_write[1].name);
  EXPECT_FALSE(first.http.enable_http2);
  EXPECT_EQ(first.queue.capacity, 10'000u);
  EXPECT_EQ(first.queue.max_shards, 50u);
  EXPECT_TRUE(first.metadata.send);
  const RemoteWriteConfig& second = config->remote_write[2];
  EXPECT_EQ(second.name, "second");
  EXPECT_EQ(second.protobuf_message, WriteMessage::kV2);
  EXPECT_TRUE(second.metadata.send);
  EXPECT_EQ(second.http.tls.ca_file, "/etc/prom/ca.crt");
  EXPECT_EQ(second.queue.max_shards, 3u);
  EXPECT_EQ(second.queue.min_backoff_ms, 1000);

  const auto tuned =
      MustParse("remote_write: [{url: http://one/push, queue_config: {capacity: 9}}]");
  EXPECT_EQ(tuned->remote_write[0].name, first.name) << "tuning a queue must not rename it";
  EXPECT_TRUE(tuned->remote_write[0].queue.max_samples_per_send_is_default);
  const auto sized = MustParse(
      "remote_write: [{url: http://one/push, queue_config: {max_samples_per_send: 2000}}]");
  EXPECT_FALSE(sized->remote_write[0].queue.max_samples_per_send_is_default);
}

TEST(ConfigTest, Storage) {
  const auto config = MustParse(R"(
storage:
  tsdb:
    out_of_order_time_window: 30m
    chunk_encoding: {floats: xor2}
    retention: {time: 24h, size: 1GB, percentage: 50}
  exemplars: {max_exemplars: 5}
)");
  EXPECT_EQ(config->tsdb.out_of_order_time_window_ms, 1'800'000);
  EXPECT_TRUE(config->tsdb.xor2);
  EXPECT_EQ(config->tsdb.retention_time_ms, 86'400'000);
  EXPECT_EQ(config->tsdb.retention_size_bytes, 1u << 30);
  EXPECT_EQ(config->tsdb.retention_percentage, 50);
  EXPECT_EQ(config->max_exemplars, 5u);
}

TEST(ConfigTest, TheRetentionOfTheFileWinsOverTheFlags) {
  const auto f = [](std::string_view text, int64_t want_time_ms, uint64_t want_size) {
    auto fs = base::MakeMemoryFileSystem();
    const auto config = ParseConfig(*fs, text, "prometheus.yml", "/etc/prom",
                                    {.retention_time_ms = 7, .retention_size_bytes = 8});
    ASSERT_TRUE(config) << config.error().message();
    EXPECT_EQ((*config)->tsdb.retention_time_ms, want_time_ms) << text;
    EXPECT_EQ((*config)->tsdb.retention_size_bytes, want_size) << text;
  };
  f("", 7, 8);
  f("storage: {tsdb: {}}", 7, 8);
  f("storage: {tsdb: {retention: {time: 1h}}}", 3'600'000, 0);
  f("storage: {tsdb: {retention: {size: 1KB}}}", 0, 1024);
  f("storage: {tsdb: {retention: {}}}", 0, 0);
  EXPECT_EQ(MustParse("")->tsdb.retention_time_ms, 15ll * 24 * 3'600'000);
}

TEST(ConfigTest, ExternalLabelsAreExpandedFromTheEnvironment) {
  ::setenv("TRIBUTARY_TEST_A", "alpha", 1);  // NOLINT(concurrency-mt-unsafe)
  ::unsetenv("TRIBUTARY_TEST_UNSET");        // NOLINT(concurrency-mt-unsafe)
  const auto f = [](std::string_view in, std::string_view want) {
    const auto config = MustParse("global: {external_labels: {l: \"" + std::string(in) + "\"}}");
    EXPECT_EQ(config->global.external_labels.Get("l"), want) << in;
  };
  f("plain", "plain");
  f("$TRIBUTARY_TEST_A", "alpha");
  f("<${TRIBUTARY_TEST_A}>", "<alpha>");
  f("$TRIBUTARY_TEST_A-b", "alpha-b");
  f("a${TRIBUTARY_TEST_UNSET}b", "ab");
  f("$$5", "$5");
  f("5$", "5$");
  f("$ x", "$ x");
  f("${}x", "x");
  f("$(POD_NAME)", "$(POD_NAME)");
}

TEST(ConfigTest, RemoteWriteGoesToAnyAddressOfItsNameWhereThatIsAskedFor) {
  const auto config = MustParse(
      "remote_write: [{url: http://w/push, round_robin_dns: true}, {url: http://x/push}]\n");
  EXPECT_TRUE(config->remote_write[0].http.shuffle_addresses);
  EXPECT_FALSE(config->remote_write[1].http.shuffle_addresses);
}

TEST(ConfigTest, FailedRequestsAreLoggedWhereThatIsAskedFor) {
  const auto config =
      MustParse("remote_write: [{url: http://w/, failed_request_logging: true}, {url: http://x/}]");
  EXPECT_TRUE(config->remote_write[0].failed_request_logging);
  EXPECT_FALSE(config->remote_write[1].failed_request_logging);
  EXPECT_THAT(config->yaml, HasSubstr("failed_request_logging: true"));
}

TEST(ConfigTest, UnservedSectionsAreNamedWithTheirLines) {
  const auto config = MustParse(R"(global: {query_log_file: queries.log}
alerting:
  alert_relabel_configs:
  - {regex: prometheus_replica, action: labeldrop}
rule_files: [rules/*.yaml]
remote_read:
- url: http://r/read
tracing: {endpoint: otel:4317}
otlp: {promote_resource_attributes: [a]}
remote_write:
- url: http://w/push
scrape_configs:
- job_name: k
  static_configs: [{targets: [a]}]
runtime: {gogc: 50}
)");
  EXPECT_THAT(config->unserved, testing::UnorderedElementsAre(
                                    "alerting (line 2)", "rule_files (line 5)",
                                    "remote_read (line 6)", "tracing (line 8)", "otlp (line 9)"));
  EXPECT_TRUE(config->has_alerting);
  EXPECT_TRUE(config->has_remote_read);
  EXPECT_THAT(config->rule_files, ElementsAre("/etc/prom/rules/*.yaml"));
}

TEST(ConfigTest, TheAgentRefusesServerSections) {
  const LoadOptions agent{.agent = true};
  const auto f = [&](std::string_view text, std::string_view field) {
    EXPECT_THAT(ErrorOf(text, agent),
                HasSubstr("field " + std::string(field) + ": is not allowed in agent mode"));
  };
  f("rule_files: [a.yml]", "rule_files");
  f("remote_read: [{url: http://a/}]", "remote_read");
  f("alerting: {alertmanagers: [{static_configs: [{targets: [a:1]}]}]}", "alerting");
  MustParse("alerting: {alertmanagers: []}\nrule_files: []\nremote_read: []", agent);
}

TEST(ConfigTest, SecretsAreNotPrinted) {
  const auto config = MustParse(R"(
remote_write:
- url: http://user:hidden1@one/push
  oauth2: {client_id: id, client_secret: hidden2, token_url: http://t/}
- url: http://two/push
  sigv4: {region: r, access_key: k, secret_key: hidden3}
- url: http://four/push
  azuread:
    oauth: {client_id: 00000000-0000-0000-0000-000000000001, tenant_id: t, client_secret: hidden14}
- url: http://five/push
  azuread:
    certificate:
      client_id: 00000000-0000-0000-0000-000000000001
      tenant_id: t
      certificate_path: /c
      certificate_password: hidden15
remote_read:
- url: http://user:hidden4@three/read
  bearer_token: hidden5
scrape_configs:
- job_name: a
  basic_auth: {username: u, password: hidden6}
  http_headers: {X-A: {secrets: [hidden7], values: [shown]}}
- job_name: b
  authorization: {credentials: hidden8}
  proxy_url: http://p:hidden9@proxy:1/
  tls_config: {cert: c, key: hidden10}
- job_name: c
  oauth2:
    client_id: id
    token_url: http://t/
    grant_type: urn:ietf:params:oauth:grant-type:jwt-bearer
    client_certificate_key: hidden12
    proxy_url: http://p:hidden13@proxy:1/
alerting:
  alertmanagers:
  - basic_auth: {username: u, password: hidden11}
    static_configs: [{targets: [a:1]}]
)");
  EXPECT_THAT(config->yaml, Not(HasSubstr("hidden")));
  EXPECT_THAT(config->yaml, HasSubstr("password: <secret>"));
  EXPECT_THAT(config->yaml, HasSubstr("http://user:xxxxx@one/push"));
  EXPECT_THAT(config->yaml, HasSubstr("- shown"));
}

TEST(ConfigTest, JwtBearerOfOAuth2) {
  const auto config = MustParse(R"(
scrape_configs:
- job_name: a
  oauth2:
    client_id: id
    token_url: http://t/
    grant_type: urn:ietf:params:oauth:grant-type:jwt-bearer
    client_certificate_key_file: key.pem
    client_certificate_key_id: k
    signature_algorithm: RS512
    iss: i
    audience: a
    claims: {text: "7", number: 7, half: 0.5, yes: true, none: null, list: [a, {b: c}]}
    proxy_from_environment: true
)");
  const net::OAuth2& oauth2 = *config->scrape_configs[0].http.oauth2;
  const net::JwtBearer& jwt = *oauth2.jwt_bearer;
  EXPECT_THAT(jwt.key_file, ::testing::EndsWith("key.pem"));
  EXPECT_EQ(jwt.key_id, "k");
  EXPECT_EQ(jwt.algorithm, "RS512");
  EXPECT_EQ(jwt.issuer, "i");
  EXPECT_EQ(jwt.audience, "a");
  EXPECT_EQ(jwt.claims, (std::map<std::string, std::string>{{"text", "\"7\""},
                                                            {"number", "7"},
                                                            {"half", "0.5"},
                                                            {"yes", "true"},
                                                            {"none", "null"},
                                                            {"list", R"(["a",{"b":"c"}])"}}));
  EXPECT_TRUE(oauth2.proxy.from_environment);
  const auto again = MustParse(config->yaml);
  EXPECT_EQ(*again->scrape_configs[0].http.oauth2, oauth2);
}

TEST(ConfigTest, AuthenticationAtClouds) {
  const auto config = MustParse(R"(
remote_write:
- url: http://a/
  azuread: {managed_identity: {}}
- url: http://b/
  azuread:
    cloud: AzureGovernment
    scope: https://own.example/.default
    workload_identity:
      client_id: 00000000-0000-0000-0000-00000000000a
      tenant_id: 0000000000000000000000000000000b
      token_file_path: /token
- url: http://c/
  azuread: {cloud: AzureChina, sdk: {tenant_id: t}}
- url: http://d/
  azuread:
    certificate:
      client_id: 0000000000000000000000000000000a
      tenant_id: t
      certificate_path: cert.pem
      certificate_key_path: key.pem
      send_certificate_chain: true
- url: http://e/
  google_iam: {credentials_file: key.json}
- url: http://f/
  google_iam: {}
)");
  EXPECT_THAT(config->unserved, IsEmpty());
  const auto azure = [&](size_t i) { return config->remote_write[i].http.azuread.value(); };
  EXPECT_EQ(azure(0), (net::AzureAd{.identity = net::AzureManagedIdentity{}}));
  EXPECT_EQ(azure(1), (net::AzureAd{.cloud = net::AzureCloud::kGovernment,
                                    .scope = "https://own.example/.default",
                                    .identity = net::AzureWorkloadIdentity{
                                        "00000000-0000-0000-0000-00000000000a",
                                        "0000000000000000000000000000000b", "/token"}}));
  EXPECT_EQ(azure(2),
            (net::AzureAd{.cloud = net::AzureCloud::kChina, .identity = net::AzureSdk{"t"}}));
  EXPECT_EQ(azure(3), (net::AzureAd{.identity = net::AzureCertificate{
                                        .client_id = "0000000000000000000000000000000a",
                                        .tenant_id = "t",
                                        .file = "cert.pem",
                                        .key_file = "key.pem",
                                        .password = "",
                                        .send_chain = true}}));
  EXPECT_EQ(config->remote_write[4].http.google_iam->credentials_file, "key.json");
  EXPECT_TRUE(config->remote_write[5].http.google_iam);
  const auto again = MustParse(config->yaml);
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(again->remote_write[i].http, config->remote_write[i].http) << i;
  }
}

TEST(ConfigTest, WhatIsPrintedReadsBackAsTheSame) {
  const auto config = MustParse(R"(
global: {scrape_interval: 15s, external_labels: {cluster: "true", n: "01", e: "a: b #c"}}
scrape_configs:
- job_name: "job: with 'quotes'"
  params: {module: [http_2xx], "on": ["yes", "1.5"]}
  native_histogram_min_bucket_factor: 1.1
  static_configs: [{targets: ["[::1]:9090"]}]
  relabel_configs:
  - {source_labels: [a], separator: "", regex: "", target_label: b, replacement: "-"}
  metric_relabel_configs:
  - {source_labels: [__name__], regex: "a\nb\\.c", action: drop}
remote_write: [{url: "http://a/b?c=d", headers: {X-Scope-OrgID: "12"},
  protobuf_message: prometheus.WriteRequest, queue_config: {max_samples_per_send: 1000}}]
storage: {tsdb: {retention: {time: 10d, size: 1536MB}}}
)");
  const auto again = MustParse(config->yaml);
  EXPECT_EQ(again->global, config->global);
  ASSERT_EQ(again->scrape_configs.size(), 1u);
  EXPECT_EQ(again->scrape_configs, config->scrape_configs) << config->yaml;
  EXPECT_EQ(again->remote_write, config->remote_write);
  EXPECT_EQ(again->tsdb, config->tsdb);
  EXPECT_EQ(again->yaml, config->yaml);
}

// As Prometheus 3.14 has printed them.
TEST(ConfigTest, RelabelRulesAndWritesArePrintedAsPrometheusPrints) {
  const auto config = MustParse(R"(
remote_write:
- url: http://h/w
  write_relabel_configs:
  - {source_labels: [a, "b,c"], separator: "-", target_label: d}
  - {action: labeldrop, regex: "12"}
- {url: "http://h/w2", name: second, protobuf_message: io.prometheus.write.v2.Request}
)");
  EXPECT_THAT(config->yaml, HasSubstr(R"(remote_write:
- url: http://h/w
  remote_timeout: 30s
  write_relabel_configs:
  - source_labels: [a, 'b,c']
    separator: '-'
    target_label: d
    replacement: $1
    action: replace
  - separator: ;
    regex: "12"
    replacement: $1
    action: labeldrop
  protobuf_message: prometheus.WriteRequest
)"));
  EXPECT_THAT(config->yaml, HasSubstr("  remote_timeout: 30s\n  name: second\n"));
  EXPECT_THAT(config->yaml, HasSubstr("  metadata_config:\n    send: true\n"));
}

TEST(ConfigTest, PrintedAsPrometheusPrints) {
  const auto config = MustParse(R"(
global: {external_labels: {a: b}}
scrape_configs:
- job_name: node
  static_configs: [{targets: ["h:9100"]}]
)");
  EXPECT_EQ(config->yaml, R"(global:
  scrape_interval: 1m
  scrape_timeout: 10s
  evaluation_interval: 1m
  external_labels:
    a: b
  metric_name_validation_scheme: utf8
  scrape_native_histograms: false
  extra_scrape_metrics: false
runtime:
  gogc: 75
scrape_configs:
- job_name: node
  honor_timestamps: true
  track_timestamps_staleness: false
  scrape_interval: 1m
  scrape_timeout: 10s
  scrape_protocols:
  - OpenMetricsText1.0.0
  - OpenMetricsText0.0.1
  - PrometheusText1.0.0
  - PrometheusText0.0.4
  scrape_native_histograms: false
  always_scrape_classic_histograms: false
  convert_classic_histograms_to_nhcb: false
  metrics_path: /metrics
  scheme: http
  enable_compression: true
  metric_name_validation_scheme: utf8
  metric_name_escaping_scheme: allow-utf-8
  extra_scrape_metrics: false
  follow_redirects: true
  enable_http2: true
  static_configs:
  - targets:
    - h:9100
storage:
  tsdb:
    outofordertimewindow: 0
    retention:
      time: 15d
otlp:
  translation_strategy: UnderscoreEscapingWithSuffixes
  label_name_underscore_sanitization: true
  label_name_preserve_multiple_underscores: true
)");
}

TEST(ConfigTest, YamlAnchorsAndMergeKeys) {
  const auto config = MustParse(R"(
scrape_configs:
- &base
  job_name: a
  scrape_interval: 7s
  scrape_timeout: 1s
- <<: *base
  job_name: b
)");
  EXPECT_EQ(config->scrape_configs[1].job_name, "b");
  EXPECT_EQ(config->scrape_configs[1].scrape_interval_ms, 7'000);
}

TEST(ConfigTest, JobsFromOtherFiles) {
  auto fs = base::MakeMemoryFileSystem();
  ASSERT_TRUE(fs->CreateDirs("/etc/prom/jobs"));
  const auto write = [&](const char* path, std::string_view text) {
    ASSERT_TRUE(base::WriteFileAtomically(*fs, path, text));
  };
  write("/etc/prom/prometheus.yml",
        "global: {scrape_interval: 9s}\nscrape_config_files: [jobs/*.yml]\n"
        "scrape_configs: [{job_name: main}]\n");
  write("/etc/prom/jobs/b.yml",
        "scrape_configs:\n- job_name: b\n  file_sd_configs: [{files: [t.json]}]\n");
  write("/etc/prom/jobs/a.yml", "scrape_configs: [{job_name: a}]");
  write("/etc/prom/jobs/skipped.txt", "nonsense: [");
  const auto config = LoadConfig(*fs, "/etc/prom/prometheus.yml", LoadOptions{});
  ASSERT_TRUE(config) << config.error().message();
  ASSERT_EQ((*config)->scrape_configs.size(), 3u);
  EXPECT_EQ((*config)->scrape_configs[1].job_name, "a");
  EXPECT_EQ((*config)->scrape_configs[2].scrape_interval_ms, 9'000);
  EXPECT_THAT(std::get<FileSdConfig>((*config)->scrape_configs[2].sd_configs[0]).files,
              ElementsAre("/etc/prom/jobs/t.json"));
  EXPECT_THAT((*config)->yaml, Not(HasSubstr("job_name: a")));

  write("/etc/prom/jobs/c.yml", "scrape_configs: [{job_name: main}]");
  const auto twice = LoadConfig(*fs, "/etc/prom/prometheus.yml", LoadOptions{});
  ASSERT_FALSE(twice);
  EXPECT_THAT(twice.error().message(),
              HasSubstr("found multiple scrape configs with job name \"main\", first found in "
                        "the main config file"));

  const auto missing = LoadConfig(*fs, "/etc/prom/none.yml", LoadOptions{});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message(), HasSubstr("/etc/prom/none.yml"));
}

}  // namespace
}  // namespace tributary::config
