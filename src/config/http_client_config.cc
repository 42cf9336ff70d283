#include "config/http_client_config.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/oauth2_config.h"
#include "config/proxy_config.h"

namespace tributary::config {
namespace {

constexpr EnumName<net::TlsVersion> kTlsVersions[] = {
    {"TLS13", net::TlsVersion::kTls13},
    {"TLS12", net::TlsVersion::kTls12},
    {"TLS11", net::TlsVersion::kTls11},
    {"TLS10", net::TlsVersion::kTls10},
};

// Set by the client itself, or dangerous to the connection.
constexpr std::array<std::string_view, 18> kReservedHeaders = {
    "authorization",
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
    "x-prometheus-remote-write-version",
    "x-prometheus-remote-read-version",
    "x-prometheus-scrape-timeout-seconds",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
};

int CountSet(std::initializer_list<bool> set) {
  return static_cast<int>(std::ranges::count(set, true));
}

}  // namespace

void RejectReference(MapReader& reader, std::string_view key) {
  std::string name;
  reader.String(key, &name);
  if (!name.empty()) reader.Fail(key, "secret references are not supported, use the file form");
}

void ReadTls(MapReader& reader, net::TlsClientOptions* out) {
  reader.String("ca", &out->ca);
  reader.String("cert", &out->cert);
  reader.String("key", &out->key);
  reader.Path("ca_file", &out->ca_file);
  reader.Path("cert_file", &out->cert_file);
  reader.Path("key_file", &out->key_file);
  RejectReference(reader, "ca_ref");
  RejectReference(reader, "cert_ref");
  RejectReference(reader, "key_ref");
  reader.String("server_name", &out->server_name);
  reader.Bool("insecure_skip_verify", &out->insecure_skip_verify);
  reader.Enum("min_version", kTlsVersions, &out->min_version);
  reader.Enum("max_version", kTlsVersions, &out->max_version);

  if (!out->ca.empty() && !out->ca_file.empty()) {
    reader.FailHere("at most one of ca and ca_file must be configured");
  }
  if (!out->cert.empty() && !out->cert_file.empty()) {
    reader.FailHere("at most one of cert and cert_file must be configured");
  }
  if (!out->key.empty() && !out->key_file.empty()) {
    reader.FailHere("at most one of key and key_file must be configured");
  }
  const bool has_cert = !out->cert.empty() || !out->cert_file.empty();
  const bool has_key = !out->key.empty() || !out->key_file.empty();
  if (has_cert && !has_key) {
    reader.FailHere(
        "exactly one of key or key_file must be configured when a client certificate is "
        "configured");
  } else if (has_key && !has_cert) {
    reader.FailHere(
        "exactly one of cert or cert_file must be configured when a client key is configured");
  }
  if (out->max_version != net::TlsVersion::kUnset && out->min_version > out->max_version) {
    reader.FailHere("tls_config.max_version must be greater than or equal to min_version");
  }
}

namespace {

void ReadBasicAuth(MapReader& reader, net::BasicAuth* out) {
  reader.String("username", &out->username);
  reader.Path("username_file", &out->username_file);
  RejectReference(reader, "username_ref");
  reader.String("password", &out->password);
  reader.Path("password_file", &out->password_file);
  RejectReference(reader, "password_ref");
  if (!out->username.empty() && !out->username_file.empty()) {
    reader.FailHere("at most one of username and username_file must be configured");
  }
  if (!out->password.empty() && !out->password_file.empty()) {
    reader.FailHere("at most one of password and password_file must be configured");
  }
}

void ReadAuthorization(MapReader& reader, net::Authorization* out) {
  reader.String("type", &out->type);
  reader.String("credentials", &out->credentials);
  reader.Path("credentials_file", &out->credentials_file);
  RejectReference(reader, "credentials_ref");
  if (!out->credentials.empty() && !out->credentials_file.empty()) {
    reader.FailHere("at most one of credentials and credentials_file must be configured");
  }
  out->type = std::string(base::TrimSpace(out->type));
  if (out->type.empty()) out->type = "Bearer";
  if (base::EqualsIgnoreCase(out->type, "basic")) {
    reader.Fail("type", R"(cannot be "basic", use basic_auth instead)");
  }
}

void ReadHeaders(MapReader& reader, net::HttpClientOptions* out) {
  reader.Map("http_headers", [&](MapReader& headers) {
    for (const YamlEntry& entry : headers.node()->entries) {
      if (std::ranges::find(kReservedHeaders, base::ToLower(entry.key)) != kReservedHeaders.end()) {
        headers.Fail(entry.key, "setting this header is not allowed");
      }
      net::HttpHeaderOption& option = out->http_headers[entry.key];
      headers.Map(entry.key, [&](MapReader& header) {
        header.Strings("values", &option.values);
        header.Strings("secrets", &option.secrets);
        header.Paths("files", &option.files);
      });
    }
  });
}

std::string_view TlsVersionName(net::TlsVersion version) {
  for (const auto& [name, value] : kTlsVersions) {
    if (value == version) return name;
  }
  return {};
}

}  // namespace

void SetSecret(YamlNode* map, const char* key, const std::string& secret) {
  if (!secret.empty()) map->SetPlain(key, std::string(kSecretText));
}

void PrintTls(const net::TlsClientOptions& tls, YamlNode* map) {
  if (tls == net::TlsClientOptions{}) return;
  YamlNode out = YamlNode::Map();
  out.SetUnlessEmpty("ca", tls.ca);
  out.SetUnlessEmpty("cert", tls.cert);
  SetSecret(&out, "key", tls.key);
  out.SetUnlessEmpty("ca_file", tls.ca_file);
  out.SetUnlessEmpty("cert_file", tls.cert_file);
  out.SetUnlessEmpty("key_file", tls.key_file);
  out.SetUnlessEmpty("server_name", tls.server_name);
  out.SetBool("insecure_skip_verify", tls.insecure_skip_verify);
  out.SetUnlessEmpty("min_version", std::string(TlsVersionName(tls.min_version)));
  out.SetUnlessEmpty("max_version", std::string(TlsVersionName(tls.max_version)));
  map->Set("tls_config", std::move(out));
}

namespace {

void PrintHeaders(const net::HttpClientOptions& http, YamlNode* map) {
  if (http.http_headers.empty()) return;
  YamlNode headers = YamlNode::Map();
  for (const auto& [name, option] : http.http_headers) {
    YamlNode header = YamlNode::Map();
    header.SetUnlessEmpty("values", option.values);
    if (!option.secrets.empty()) {
      YamlNode secrets = YamlNode::Sequence();
      for (size_t i = 0; i < option.secrets.size(); ++i) {
        secrets.Append(YamlNode::Plain(std::string(kSecretText)));
      }
      header.Set("secrets", std::move(secrets));
    }
    header.SetUnlessEmpty("files", option.files);
    headers.Set(name, std::move(header));
  }
  map->Set("http_headers", std::move(headers));
}

}  // namespace

net::HttpClientOptions DefaultHttpClient() {
  net::HttpClientOptions http;
  http.enable_http2 = true;
  return http;
}

void ReadHttpClient(MapReader& reader, net::HttpClientOptions* out) {
  reader.Map("basic_auth",
             [&](MapReader& child) { ReadBasicAuth(child, &out->basic_auth.emplace()); });
  reader.Map("authorization",
             [&](MapReader& child) { ReadAuthorization(child, &out->authorization.emplace()); });
  reader.Map("oauth2", [&](MapReader& child) { ReadOAuth2(child, &out->oauth2.emplace()); });
  reader.Map("tls_config", [&](MapReader& child) { ReadTls(child, &out->tls); });
  reader.Bool("follow_redirects", &out->follow_redirects);
  reader.Bool("enable_http2", &out->enable_http2);
  ReadProxy(reader, &out->proxy);
  ReadHeaders(reader, out);

  std::string bearer_token;
  std::string bearer_token_file;
  reader.String("bearer_token", &bearer_token);
  reader.Path("bearer_token_file", &bearer_token_file);
  const bool has_bearer = !bearer_token.empty() || !bearer_token_file.empty();
  if (!bearer_token.empty() && !bearer_token_file.empty()) {
    reader.Fail("bearer_token",
                "at most one of bearer_token and bearer_token_file must be configured");
  }
  if (has_bearer && (out->basic_auth || out->oauth2)) {
    reader.FailHere(
        "at most one of basic_auth, oauth2, bearer_token and bearer_token_file must be "
        "configured");
  }
  if (has_bearer && out->authorization) {
    reader.FailHere("authorization is not compatible with bearer_token and bearer_token_file");
  }
  if (CountSet({out->basic_auth.has_value(), out->oauth2.has_value(),
                out->authorization.has_value()}) > 1) {
    reader.FailHere("at most one of basic_auth, oauth2 and authorization must be configured");
  }
  if (has_bearer && !out->authorization) {
    out->authorization = net::Authorization{.type = "Bearer",
                                            .credentials = std::move(bearer_token),
                                            .credentials_file = std::move(bearer_token_file)};
  }
}

void ReadSigV4(MapReader& reader, net::HttpClientOptions* out) {
  reader.Map("sigv4", [&](MapReader& child) {
    net::SigV4& sigv4 = out->sigv4.emplace();
    child.String("region", &sigv4.region);
    child.String("access_key", &sigv4.access_key);
    child.String("secret_key", &sigv4.secret_key);
    child.String("profile", &sigv4.profile);
    child.String("role_arn", &sigv4.role_arn);
    child.String("external_id", &sigv4.external_id);
    child.Bool("use_fips_sts_endpoint", &sigv4.use_fips_sts_endpoint);
    child.String("service_name", &sigv4.service_name);
    if (sigv4.service_name.empty()) sigv4.service_name = net::SigV4{}.service_name;
    if (!sigv4.external_id.empty() && sigv4.role_arn.empty()) {
      child.FailHere("external_id can only be used with role_arn");
    }
    if (sigv4.access_key.empty() != sigv4.secret_key.empty()) {
      child.FailHere("must provide an AWS SigV4 access key and secret key together");
    }
  });
}

void PrintHttpClient(const net::HttpClientOptions& http, YamlNode* map) {
  if (http.basic_auth) {
    YamlNode out = YamlNode::Map();
    out.SetUnlessEmpty("username", http.basic_auth->username);
    out.SetUnlessEmpty("username_file", http.basic_auth->username_file);
    SetSecret(&out, "password", http.basic_auth->password);
    out.SetUnlessEmpty("password_file", http.basic_auth->password_file);
    map->Set("basic_auth", std::move(out));
  }
  if (http.authorization) {
    YamlNode out = YamlNode::Map();
    out.SetString("type", http.authorization->type);
    SetSecret(&out, "credentials", http.authorization->credentials);
    out.SetUnlessEmpty("credentials_file", http.authorization->credentials_file);
    map->Set("authorization", std::move(out));
  }
  if (http.oauth2) PrintOAuth2(*http.oauth2, map);
  PrintTls(http.tls, map);
  map->SetBool("follow_redirects", http.follow_redirects);
  map->SetBool("enable_http2", http.enable_http2);
  PrintProxy(http.proxy, map);
  PrintHeaders(http, map);
}

void PrintSigV4(const net::SigV4& sigv4, YamlNode* map) {
  YamlNode out = YamlNode::Map();
  out.SetUnlessEmpty("region", sigv4.region);
  out.SetUnlessEmpty("access_key", sigv4.access_key);
  SetSecret(&out, "secret_key", sigv4.secret_key);
  out.SetUnlessEmpty("profile", sigv4.profile);
  out.SetUnlessEmpty("role_arn", sigv4.role_arn);
  out.SetUnlessEmpty("external_id", sigv4.external_id);
  if (sigv4.use_fips_sts_endpoint) out.SetBool("use_fips_sts_endpoint", true);
  if (sigv4.service_name != net::SigV4{}.service_name) {
    out.SetString("service_name", sigv4.service_name);
  }
  map->Set("sigv4", std::move(out));
}

void CheckHttpUrl(MapReader& reader, std::string_view key, std::string_view url) {
  const std::string lower = base::ToLower(url.substr(0, 8));
  const size_t scheme = lower.starts_with("http://") ? 7 : lower.starts_with("https://") ? 8 : 0;
  if (scheme == 0) return reader.Fail(key, "expected a URL that begins with http:// or https://");
  const std::string_view host = url.substr(scheme, url.substr(scheme).find_first_of("/?#"));
  const size_t at = host.rfind('@');
  if (host.substr(at == std::string_view::npos ? 0 : at + 1).empty()) {
    reader.Fail(key, "host is missing in the URL");
  }
}

std::string RedactUrl(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const size_t begin = scheme + 3;
  const size_t end = std::min(url.find_first_of("/?#", begin), url.size());
  const std::string_view authority = url.substr(begin, end - begin);
  const size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return std::string(url);
  const size_t colon = authority.find(':');
  if (colon == std::string_view::npos || colon > at) return std::string(url);
  return fmt::format("{}xxxxx{}", url.substr(0, begin + colon + 1), url.substr(begin + at));
}

}  // namespace tributary::config
