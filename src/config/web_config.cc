#include "config/web_config.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/yaml_document.h"
#include "config/yaml_reader.h"

namespace tributary::config {
namespace {

constexpr EnumName<net::TlsVersion> kTlsVersions[] = {
    {"TLS13", net::TlsVersion::kTls13},
    {"TLS12", net::TlsVersion::kTls12},
    {"TLS11", net::TlsVersion::kTls11},
    {"TLS10", net::TlsVersion::kTls10},
};

constexpr EnumName<net::ClientAuth> kClientAuth[] = {
    {"NoClientCert", net::ClientAuth::kNone},
    {"RequestClientCert", net::ClientAuth::kRequest},
    {"RequireAnyClientCert", net::ClientAuth::kRequireAny},
    {"RequireClientCert", net::ClientAuth::kRequireAny},  // the old name
    {"VerifyClientCertIfGiven", net::ClientAuth::kVerifyIfGiven},
    {"RequireAndVerifyClientCert", net::ClientAuth::kRequireAndVerify},
};

// Headers that may be set, with their allowed values; none listed means any.
struct AllowedHeader {
  std::string_view name;
  std::vector<std::string_view> values;
};

const std::array<AllowedHeader, 5>& AllowedHeaders() {
  static const std::array<AllowedHeader, 5> kHeaders = {{
      {"Content-Security-Policy", {}},
      {"X-Frame-Options", {"deny", "sameorigin"}},
      {"X-Content-Type-Options", {"nosniff"}},
      {"X-XSS-Protection", {}},
      {"Strict-Transport-Security", {}},
  }};
  return kHeaders;
}

void ReadTls(MapReader& reader, WebConfig* out) {
  net::TlsServerOptions tls;
  reader.String("cert", &tls.cert);
  reader.Path("cert_file", &tls.cert_file);
  reader.String("key", &tls.key);
  reader.Path("key_file", &tls.key_file);
  reader.String("client_ca", &tls.client_ca);
  reader.Path("client_ca_file", &tls.client_ca_file);
  std::string client_auth;
  reader.String("client_auth_type", &client_auth);
  if (!client_auth.empty()) reader.Enum("client_auth_type", kClientAuth, &tls.client_auth);
  reader.Strings("client_allowed_sans", &tls.client_allowed_sans);
  reader.Enum("min_version", kTlsVersions, &tls.min_version);
  reader.Enum("max_version", kTlsVersions, &tls.max_version);
  reader.Strings("cipher_suites", &tls.cipher_suites);
  reader.Bool("prefer_server_cipher_suites", &tls.prefer_server_cipher_suites);
  reader.Strings("curve_preferences", &tls.curve_preferences);

  const bool has_cert = !tls.cert.empty() || !tls.cert_file.empty();
  const bool has_key = !tls.key.empty() || !tls.key_file.empty();
  const bool has_client_ca = !tls.client_ca.empty() || !tls.client_ca_file.empty();
  // All of these unset: the block only spells out defaults, and there is no TLS.
  if (!has_cert && !has_key && !has_client_ca && client_auth.empty()) return;
  if (!has_cert) reader.FailHere("missing one of cert or cert_file");
  if (!has_key) reader.FailHere("missing one of key or key_file");
  if (has_client_ca && tls.client_auth == net::ClientAuth::kNone) {
    reader.FailHere("client CA's have been configured without a Client Auth Policy");
  }
  if (tls.max_version < tls.min_version) {
    reader.Fail("max_version", "must be greater than or equal to min_version");
  }
  out->tls = std::move(tls);
}

void ReadHttp(MapReader& reader, WebConfig* out) {
  bool http2 = true;  // accepted: HTTP/1.1 is what we speak either way
  reader.Bool("http2", &http2);
  reader.StringMap("headers", &out->headers);
  for (const auto& [name, value] : out->headers) {
    const auto allowed = std::ranges::find(AllowedHeaders(), name, &AllowedHeader::name);
    if (allowed == AllowedHeaders().end()) {
      reader.Fail("headers",
                  fmt::format("HTTP header {} can not be configured", base::Quote(name)));
      continue;
    }
    const std::string lower = base::ToLower(value);
    if (allowed->values.empty() || value.empty() ||
        std::ranges::find(allowed->values, lower) != allowed->values.end()) {
      continue;
    }
    std::string expected;
    for (const std::string_view one : allowed->values) {
      expected += expected.empty() ? "" : ", ";
      expected += one;
    }
    reader.Fail("headers", fmt::format("invalid value for {}: expected one of {}, got {}", name,
                                       expected, base::Quote(value)));
  }
}

bool LooksLikeBcrypt(std::string_view hash) {
  return hash.size() == 60 &&
         (hash.starts_with("$2a$") || hash.starts_with("$2b$") || hash.starts_with("$2y$"));
}

void ReadUsers(MapReader& reader, WebConfig* out) {
  reader.StringMap("basic_auth_users", &out->basic_auth_users);
  for (const auto& [name, hash] : out->basic_auth_users) {
    if (LooksLikeBcrypt(hash)) continue;
    reader.Fail("basic_auth_users",
                fmt::format("the password of user {} is no bcrypt hash: expected "
                            "60 characters that begin with $2a$, $2b$ or $2y$",
                            base::Quote(name)));
  }
}

// Durations of Go: "1s", "1.5h", "2m30s". Here as in Go, "0" needs no unit.
std::optional<int64_t> ParseGoDurationMs(std::string_view text) {
  struct Unit {
    std::string_view name;
    double ms;
  };
  static constexpr std::array<Unit, 8> kUnits = {{{"ns", 1e-6},
                                                  {"us", 1e-3},
                                                  {"\u00b5s", 1e-3},
                                                  {"\u03bcs", 1e-3},
                                                  {"ms", 1},
                                                  {"s", 1e3},
                                                  {"m", 60e3},
                                                  {"h", 3600e3}}};
  constexpr double kMaxMs = 1e15;
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    const size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    const std::optional<double> number = base::ParseFloat(text.substr(0, digits));
    text.remove_prefix(digits);
    const size_t end = std::min(text.find_first_of("0123456789."), text.size());
    const auto unit = std::ranges::find(kUnits, text.substr(0, end), &Unit::name);
    if (!number || unit == kUnits.end()) return std::nullopt;
    total += *number * unit->ms;
    if (total > kMaxMs) return std::nullopt;
    text.remove_prefix(end);
  }
  return static_cast<int64_t>(total);
}

void ReadRateLimit(MapReader& reader, WebConfig* out) {
  std::string interval;
  reader.String("interval", &interval);
  if (!interval.empty()) {
    if (const auto ms = ParseGoDurationMs(interval)) {
      out->rate_limit_interval_ms = *ms;
    } else {
      reader.Fail("interval",
                  fmt::format("expected a duration like 1s, got {}", base::Quote(interval)));
    }
  }
  reader.Int("burst", &out->rate_limit_burst);
  if (out->rate_limit_burst < 0) reader.Fail("burst", "must not be negative");
}

}  // namespace

base::Result<WebConfig> LoadWebConfig(base::FileSystem& fs, const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, fs.ReadFile(path));
  ASSIGN_OR_RETURN(const YamlNode document, ParseYaml(text, path));
  WebConfig config;
  ReadContext context(path, base::DirName(path));
  MapReader root(&document, "", context);
  root.Map("tls_server_config", [&](MapReader& reader) { ReadTls(reader, &config); });
  root.Map("http_server_config", [&](MapReader& reader) { ReadHttp(reader, &config); });
  root.Map("rate_limit", [&](MapReader& reader) { ReadRateLimit(reader, &config); });
  ReadUsers(root, &config);
  root.Finish();
  RETURN_IF_ERROR(context.status());
  return config;
}

}  // namespace tributary::config
