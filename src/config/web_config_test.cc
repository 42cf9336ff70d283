#include "config/web_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary::config {
namespace {

using ::testing::HasSubstr;

base::Result<WebConfig> Load(std::string_view text) {
  auto fs = base::MakeMemoryFileSystem();
  EXPECT_TRUE(fs->CreateDirs("/etc/web"));
  EXPECT_TRUE(base::WriteFileAtomically(*fs, "/etc/web/web.yml", text));
  return LoadWebConfig(*fs, "/etc/web/web.yml");
}

constexpr std::string_view kHash = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";

TEST(WebConfigTest, AnEmptyFileMeansNeitherTlsNorUsers) {
  for (const char* text : {"", "\n", "# nothing\n", "{}", "tls_server_config: {}"}) {
    const auto config = Load(text);
    ASSERT_TRUE(config) << text << config.error().message();
    EXPECT_EQ(*config, WebConfig{}) << text;
  }
}

TEST(WebConfigTest, EveryField) {
  const auto config = Load(R"(
tls_server_config:
  cert_file: server.crt
  key_file: /keys/server.key
  client_ca_file: ca.crt
  client_auth_type: RequireAndVerifyClientCert
  client_allowed_sans: [agent.example]
  min_version: TLS13
  cipher_suites: [TLS_AES_128_GCM_SHA256]
  prefer_server_cipher_suites: false
  curve_preferences: [X25519]
http_server_config:
  http2: false
  headers: {X-Frame-Options: deny, Strict-Transport-Security: max-age=1}
basic_auth_users:
  alice: )" + std::string(kHash) +
                           "\nrate_limit: {interval: 1m30s, burst: 20}\n");
  ASSERT_TRUE(config) << config.error().message();
  ASSERT_TRUE(config->tls);
  EXPECT_EQ(config->tls->cert_file, "/etc/web/server.crt");
  EXPECT_EQ(config->tls->key_file, "/keys/server.key");
  EXPECT_EQ(config->tls->client_auth, net::ClientAuth::kRequireAndVerify);
  EXPECT_EQ(config->tls->min_version, net::TlsVersion::kTls13);
  EXPECT_FALSE(config->tls->prefer_server_cipher_suites);
  EXPECT_EQ(config->headers.at("X-Frame-Options"), "deny");
  EXPECT_EQ(config->basic_auth_users.at("alice"), kHash);
  EXPECT_EQ(config->rate_limit_interval_ms, 90'000);
  EXPECT_EQ(config->rate_limit_burst, 20);
}

TEST(WebConfigTest, WhatIsRefused) {
  const auto f = [](std::string_view text, std::string_view part) {
    const auto config = Load(text);
    ASSERT_FALSE(config) << text;
    EXPECT_THAT(config.error().message(), HasSubstr("/etc/web/web.yml:")) << text;
    EXPECT_THAT(config.error().message(), HasSubstr(std::string(part))) << text;
  };
  f("tls_config: {}", "not known");
  f("tls_server_config: {cert_file: a}", "missing one of key or key_file");
  f("tls_server_config: {key_file: a}", "missing one of cert or cert_file");
  f("tls_server_config: {cert: a, key: b, client_ca: c}", "without a Client Auth Policy");
  f("tls_server_config: {client_auth_type: Sometimes}", "expected one of NoClientCert");
  f("tls_server_config: {min_version: TLS14}", "expected one of TLS13");
  f("http_server_config: {headers: {X-Other: a}}", "\"X-Other\" can not be configured");
  f("http_server_config: {headers: {X-Frame-Options: allow}}", "deny, sameorigin");
  f("basic_auth_users: {alice: secret}", "alice");
  f("rate_limit: {interval: soon}", "expected a duration");
}

TEST(WebConfigTest, APasswordGivenAsHashIsNotRepeated) {
  const auto config = Load("basic_auth_users: {alice: plain-password}");
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message(), testing::Not(HasSubstr("plain-password")));
}

}  // namespace
}  // namespace tributary::config
