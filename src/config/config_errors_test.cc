// What is refused, and in which words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.h"

namespace tributary::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string ErrorOf(std::string_view text) {
  const auto config = ParseConfig(*base::MakeMemoryFileSystem(), text, "prometheus.yml",
                                  "/etc/prom", LoadOptions{});
  EXPECT_FALSE(config) << text;
  return config ? "" : config.error().message();
}

// A job with one more line, at line 3 of the file.
std::string Job(std::string_view field) {
  return "scrape_configs:\n- job_name: a\n  " + std::string(field) + "\n";
}

std::string Write(std::string_view field) {
  return "remote_write:\n- url: http://a/b\n  " + std::string(field) + "\n";
}

TEST(ConfigErrorsTest, NameTheLineTheFieldAndWhatWasExpected) {
  const auto f = [](std::string_view text, std::string_view want) {
    EXPECT_EQ(ErrorOf(text), want) << text;
  };
  f(Job("scrape_intervall: 5s"),
    "prometheus.yml:3: field scrape_intervall: not known in scrape_configs[0]; did you mean "
    "scrape_interval?");
  f("globl: {}", "prometheus.yml:1: field globl: not known; did you mean global?");
  f("scrape_configs: [{job: a, job_name: a}]",
    "prometheus.yml:1: field job: not known in scrape_configs[0]; did you mean job_name?");
  f(Job("zzzzzzzzzz: 1"), "prometheus.yml:3: field zzzzzzzzzz: not known in scrape_configs[0]");
  f(Job("scrape_interval: 5 minutes"),
    "prometheus.yml:3: field scrape_configs[0].scrape_interval: expected a duration like 30s or "
    "1h30m, got \"5 minutes\"");
  f(Job("honor_labels: maybe"),
    "prometheus.yml:3: field scrape_configs[0].honor_labels: expected true or false, got "
    "\"maybe\"");
  f(Job("honor_labels: \"true\""),
    "prometheus.yml:3: field scrape_configs[0].honor_labels: expected true or false, got "
    "\"true\"");
  f(Job("sample_limit: -1"),
    "prometheus.yml:3: field scrape_configs[0].sample_limit: expected a whole number that is not "
    "negative, got \"-1\"");
  f(Job("sample_limit: [1]"),
    "prometheus.yml:3: field scrape_configs[0].sample_limit: expected a whole number that is not "
    "negative, got a list");
  f(Job("body_size_limit: 100"),
    "prometheus.yml:3: field scrape_configs[0].body_size_limit: expected a size with its unit "
    "like 512MB, got \"100\"");
  f(Job("params: {a: b}"),
    "prometheus.yml:3: field scrape_configs[0].params.a: expected a list of texts, got \"b\"");
  f(Job("tls_config: yes"),
    "prometheus.yml:3: scrape_configs[0].tls_config: expected a map, got \"yes\"");
  f("scrape_configs: {}", "prometheus.yml:1: field scrape_configs: expected a list, got a map");
  f("- a", "prometheus.yml:1: expected a map, got a list");
  f("scrape_configs:\n- job_name: a\n- null\n",
    "prometheus.yml:3: field scrape_configs[1]: empty or null");
  f("global:\n  scrape_interval: 1s\n  scrape_interval: 2s\n",
    "prometheus.yml:3: key \"scrape_interval\" is set a second time, first at line 2");
}

TEST(ConfigErrorsTest, AllProblemsOfAFileAtOnceInTheirOrder) {
  EXPECT_EQ(
      ErrorOf("global:\n  scrape_interval: x\nscrape_configs:\n- job_name: a\n  honor: 1\n"),
      "prometheus.yml:2: field global.scrape_interval: expected a duration like 30s or "
      "1h30m, got \"x\"\n"
      "prometheus.yml:5: field honor: not known in scrape_configs[0]; did you mean honor_labels?");
}

TEST(ConfigErrorsTest, WhatPrometheusRefuses) {
  const auto f = [](std::string_view text, std::string_view part) {
    EXPECT_THAT(ErrorOf(text), HasSubstr(std::string(part))) << text;
  };
  f("scrape_configs: [{scrape_interval: 5s}]", "job_name is empty");
  f("scrape_configs: [{job_name: a}, {job_name: a}]",
    "found multiple scrape configs with job name \"a\"");
  f("global: {scrape_interval: 5s, scrape_timeout: 6s}",
    "global scrape timeout greater than scrape interval");
  f("scrape_configs: [{job_name: a, scrape_interval: 5s, scrape_timeout: 6s}]",
    "scrape timeout greater than scrape interval for scrape config with job name \"a\"");
  f("global: {external_labels: {\"\": x}}", "\"\" is not a valid label name");
  f("global: {metric_name_validation_scheme: legacy, external_labels: {a-b: x}}",
    "\"a-b\" is not a valid label name");
  f("global: {metric_name_validation_scheme: other}", "expected one of utf8, legacy");
  f("global: {scrape_protocols: []}", "cannot be empty");
  f("global: {scrape_protocols: [PrometheusProto, PrometheusProto]}", "duplicated protocol");
  f("global: {scrape_protocols: [Proto]}", "unknown scrape protocol \"Proto\"");
  f(Job("fallback_scrape_protocol: x"), "fallback_scrape_protocol: expected one of");
  f(Job("metric_name_validation_scheme: legacy\n  metric_name_escaping_scheme: allow-utf-8"),
    "utf8 metric names requested");
  f("rule_files: ['a*/b.yml']", "* only in the last segment");
  f("scrape_config_files: ['a*/b*.yml']", "* only in the last segment");
  f("storage: {tsdb: {chunk_encoding: {floats: gorilla}}}", "must be xor or xor2");
  f("storage: {tsdb: {retention: {percentage: 101}}}", "[0, 100]");
  f("tracing: {client_type: http}", "tracing endpoint must be set");
  f("otlp: {translation_strategy: Odd}", "unsupported OTLP translation strategy");
  f("otlp: {promote_all_resource_attributes: true, promote_resource_attributes: [a]}",
    "cannot be configured simultaneously");
  f("remote_read: [{}]", "url for remote_read is empty");
  f("alerting: {alertmanagers: [{api_version: v1}]}", "to be v2");
}

TEST(ConfigErrorsTest, RelabelRules) {
  const auto f = [](std::string_view rule, std::string_view part) {
    const std::string error = ErrorOf(Job("relabel_configs: [" + std::string(rule) + "]"));
    EXPECT_THAT(error, HasSubstr("prometheus.yml:3: ")) << rule;
    EXPECT_THAT(error, HasSubstr("relabel_configs[0]")) << rule;
    EXPECT_THAT(error, HasSubstr(std::string(part))) << rule;
  };
  f("{source_labels: [a], regex: '(', target_label: b}", "(");
  f("{source_labels: [a]}", "target_label");
  f("{action: hashmod, source_labels: [a], target_label: b}", "modulus");
  f("{action: labeldrop, regex: a, target_label: b}", "labeldrop");
  f("{action: nonsense}", "nonsense");
  EXPECT_THAT(ErrorOf(Job("relabel_configs: [null]")), HasSubstr("empty or null"));
}

TEST(ConfigErrorsTest, HttpClients) {
  const auto f = [](std::string_view field, std::string_view part) {
    EXPECT_THAT(ErrorOf(Job(field)), HasSubstr(std::string(part))) << field;
  };
  f("{basic_auth: {username: a, username_file: b}}", "");
  f("basic_auth: {username: a, username_file: b}", "at most one of username");
  f("basic_auth: {password: a, password_file: b}", "at most one of password");
  f("authorization: {type: Basic}", "use basic_auth instead");
  f("bearer_token: a\n  bearer_token_file: b", "at most one of bearer_token");
  f("bearer_token: a\n  basic_auth: {username: a}", "at most one of basic_auth");
  f("authorization: {credentials: a}\n  basic_auth: {username: a}", "at most one of basic_auth");
  f("oauth2: {client_id: a}", "token_url must be configured");
  f("oauth2: {token_url: http://a/}", "client_id must be configured");
  f("oauth2: {client_id: a, token_url: http://a/, grant_type: b}", "expected client_credentials");
  const std::string jwt =
      "oauth2: {client_id: a, token_url: http://a/, "
      "grant_type: \"urn:ietf:params:oauth:grant-type:jwt-bearer\", ";
  f(jwt + "client_certificate_key: a, client_certificate_key_file: b}",
    "at most one of client_certificate_key");
  f(jwt + "signature_algorithm: HS256}", "expected one of RS256, RS384, RS512");
  f("tls_config: {cert_file: a}", "exactly one of key or key_file");
  f("tls_config: {key_file: a}", "exactly one of cert or cert_file");
  f("tls_config: {ca: a, ca_file: b}", "at most one of ca");
  f("tls_config: {min_version: TLS9}", "expected one of TLS13, TLS12, TLS11, TLS10");
  f("tls_config: {min_version: TLS13, max_version: TLS12}", "max_version");
  f("no_proxy: a", "needs proxy_url");
  f("proxy_from_environment: true\n  proxy_url: http://a/", "proxy_from_environment");
  f("http_headers: {Host: {values: [a]}}", "not allowed");
}

TEST(ConfigErrorsTest, Discovery) {
  const auto f = [](std::string_view field, std::string_view part) {
    EXPECT_THAT(ErrorOf(Job(field)), HasSubstr(std::string(part))) << field;
  };
  f("static_configs: [{targets: ['http://a/metrics']}]", "is not a valid hostname");
  f("static_configs: [{targets: a}]", "expected a list of texts");
  f("file_sd_configs: [{files: []}]", "at least one file");
  f("file_sd_configs: [{files: [a.txt]}]", "not valid for file discovery");
  f("http_sd_configs: [{url: ftp://a/}]", "http:// or https://");
  f("http_sd_configs: [{url: 'http:///x'}]", "host is missing");
  f("dns_sd_configs: [{names: [a], type: A}]", "a port is required");
  f("dns_sd_configs: [{names: [a], type: TXT}]", "SRV, A, AAAA, MX, NS");
  f("kubernetes_sd_configs: [{}]", "role missing");
  f("kubernetes_sd_configs: [{role: vacuum}]", "unknown Kubernetes SD role");
  f("kubernetes_sd_configs: [{role: pod, bearer_token: a}]", "api_server");
  f("kubernetes_sd_configs: [{role: pod, kubeconfig_file: a, api_server: b}]", "simultaneously");
  f("kubernetes_sd_configs: [{role: node, selectors: [{role: pod}]}]", "supports only node");
  f("kubernetes_sd_configs: [{role: pod, selectors: [{role: pod, field: a-b}]}]", "field selector");
  f("consul_sd_configs: [{server: a}]", "consul service discovery is not supported");
  f("nonsense_sd_configs: []", "not known");
}

TEST(ConfigErrorsTest, RemoteWrite) {
  const auto f = [](std::string_view field, std::string_view part) {
    EXPECT_THAT(ErrorOf(Write(field)), HasSubstr(std::string(part))) << field;
  };
  EXPECT_THAT(ErrorOf("remote_write: [{name: a}]"), HasSubstr("url for remote_write is empty"));
  EXPECT_THAT(ErrorOf("remote_write: [{url: http://a/}, {url: http://a/}]"),
              HasSubstr("duplicate remote write configs"));
  EXPECT_THAT(ErrorOf("remote_write: [{url: http://a/, name: n}, {url: http://b/, name: n}]"),
              HasSubstr("found multiple remote write configs"));
  f("headers: {Authorization: x}", "authorization header must be changed");
  f("headers: {X-Amz-Date: x}", "reserved header");
  f("protobuf_message: other", "expected one of prometheus.WriteRequest");
  f("queue_config: {capacity: 0}", "capacity must be positive");
  f("queue_config: {min_shards: 5, max_shards: 2}", "must not be greater");
  f("queue_config: {min_backoff: 5s, max_backoff: 2s}", "must not be less");
  f("sigv4: {region: a}\n  basic_auth: {username: a}", "at most one of");
  f("sigv4: {region: a, external_id: b}", "external_id can only be used with role_arn");
  f("sigv4: {region: a}\n  google_iam: {}", "at most one of");
  f("azuread: {managed_identity: {}}\n  google_iam: {}",
    "Currently configured: azuread, google_iam");
  f("azuread: {cloud: AzurePublic}", "must provide exactly one of managed_identity");
  f("azuread: {sdk: {}, managed_identity: {}}", "must provide exactly one of managed_identity");
  f("azuread: {cloud: Moon, sdk: {}}", "expected one of AzurePublic");
  f("azuread: {sdk: {}, scope: 'a;b'}", "the provided scope contains invalid characters");
  f("azuread: {managed_identity: {client_id: a}}", "the provided client_id is invalid");
  f("azuread: {oauth: {client_secret: s}}", "must provide a client_id");
  f("azuread: {oauth: {client_id: 0000000000000000000000000000000a, tenant_id: t}}",
    "must provide a client_secret");
  f("azuread: {workload_identity: {client_id: 0000000000000000000000000000000a, tenant_id: t}}",
    "the provided tenant_id is invalid");
  f("google_iam: {credential_file: a}", "credential_file");
}

TEST(ConfigErrorsTest, MalformedDocuments) {
  const auto f = [](std::string_view text, std::string_view part) {
    EXPECT_THAT(ErrorOf(text), HasSubstr(std::string(part))) << text;
  };
  f("a: [", "prometheus.yml:");
  f("global:\n\tscrape_interval: 1s", "prometheus.yml:");
  f("global: {external_labels: {a: !!binary \"/w==\"}}", "prometheus.yml:1: binary values");
  f("? [a]\n: b", "a key must be a plain text");
  f("a: \xff", "not valid UTF-8");
  f("&a [*a]", "");
  std::string nested;
  for (int i = 0; i < 20'000; ++i) nested += '[';
  f(nested, "prometheus.yml");
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
    for (int j = 0; j < 9; ++j) bomb += ", " + last;
    bomb += "]\n";
  }
  f(bomb, "too many values");
}

TEST(ConfigErrorsTest, ErrorsDoNotShowSecrets) {
  const std::string error =
      ErrorOf(Job("basic_auth: {username: u, password: hidden, passwort: hidden}"));
  EXPECT_THAT(error, HasSubstr("passwort: not known"));
  EXPECT_THAT(error, Not(HasSubstr("hidden")));
}

}  // namespace
}  // namespace tributary::config
