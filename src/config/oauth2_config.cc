#include "config/oauth2_config.h"

#include <fmt/format.h>

#include "config/http_client_config.h"
#include "config/proxy_config.h"
#include "config/yaml_json.h"

namespace tributary::config {
namespace {

constexpr EnumName<std::string_view> kSignatureAlgorithms[] = {
    {"RS256", "RS256"}, {"RS384", "RS384"}, {"RS512", "RS512"}};

void ReadJwtBearer(MapReader& reader, net::JwtBearer* out) {
  reader.String("client_certificate_key", &out->key);
  reader.Path("client_certificate_key_file", &out->key_file);
  RejectReference(reader, "client_certificate_key_ref");
  reader.String("client_certificate_key_id", &out->key_id);
  std::string_view algorithm = out->algorithm;
  reader.Enum("signature_algorithm", kSignatureAlgorithms, &algorithm);
  out->algorithm = algorithm;
  reader.String("iss", &out->issuer);
  reader.String("audience", &out->audience);
  reader.Map("claims", [&](MapReader& claims) {
    for (const YamlEntry& entry : claims.node()->entries) {
      claims.Take(entry.key);
      out->claims[entry.key] = YamlToJson(entry.value);
    }
  });
  if (!out->key.empty() && !out->key_file.empty()) {
    reader.FailHere(
        "at most one of client_certificate_key and client_certificate_key_file must be configured");
  }
}

void PrintJwtBearer(const net::JwtBearer& jwt, YamlNode* out) {
  out->SetUnlessEmpty("client_certificate_key_id", jwt.key_id);
  SetSecret(out, "client_certificate_key", jwt.key);
  out->SetUnlessEmpty("client_certificate_key_file", jwt.key_file);
  out->SetString("grant_type", std::string(net::kJwtBearerGrant));
  out->SetString("signature_algorithm", jwt.algorithm);
  out->SetUnlessEmpty("iss", jwt.issuer);
  out->SetUnlessEmpty("audience", jwt.audience);
  if (jwt.claims.empty()) return;
  YamlNode claims = YamlNode::Map();
  // JSON is YAML.
  for (const auto& [name, json] : jwt.claims) claims.SetPlain(name, json);
  out->Set("claims", std::move(claims));
}

}  // namespace

void ReadOAuth2(MapReader& reader, net::OAuth2* out) {
  reader.String("client_id", &out->client_id);
  reader.String("client_secret", &out->client_secret);
  reader.Path("client_secret_file", &out->client_secret_file);
  RejectReference(reader, "client_secret_ref");
  reader.Strings("scopes", &out->scopes);
  reader.String("token_url", &out->token_url);
  reader.StringMap("endpoint_params", &out->endpoint_params);
  reader.Map("tls_config", [&](MapReader& tls) { ReadTls(tls, &out->tls); });
  ReadProxy(reader, &out->proxy);

  std::string grant_type;
  reader.String("grant_type", &grant_type);
  net::JwtBearer jwt_bearer;
  ReadJwtBearer(reader, &jwt_bearer);
  if (grant_type == net::kJwtBearerGrant) {
    out->jwt_bearer = std::move(jwt_bearer);
  } else if (!grant_type.empty() && grant_type != "client_credentials") {
    reader.Fail("grant_type",
                fmt::format("expected client_credentials or {}", net::kJwtBearerGrant));
  } else if (!out->client_secret.empty() && !out->client_secret_file.empty()) {
    reader.FailHere("at most one of client_secret and client_secret_file must be configured");
  }
  if (out->client_id.empty()) reader.FailHere("client_id must be configured");
  if (out->token_url.empty()) {
    reader.FailHere("token_url must be configured");
  } else {
    CheckHttpUrl(reader, "token_url", out->token_url);
  }
}

void PrintOAuth2(const net::OAuth2& oauth2, YamlNode* map) {
  YamlNode out = YamlNode::Map();
  out.SetUnlessEmpty("client_id", oauth2.client_id);
  SetSecret(&out, "client_secret", oauth2.client_secret);
  out.SetUnlessEmpty("client_secret_file", oauth2.client_secret_file);
  if (oauth2.jwt_bearer) PrintJwtBearer(*oauth2.jwt_bearer, &out);
  out.SetUnlessEmpty("scopes", oauth2.scopes);
  out.SetUnlessEmpty("token_url", oauth2.token_url);
  out.SetUnlessEmpty("endpoint_params", oauth2.endpoint_params);
  PrintTls(oauth2.tls, &out);
  PrintProxy(oauth2.proxy, &out);
  map->Set("oauth2", std::move(out));
}

}  // namespace tributary::config
