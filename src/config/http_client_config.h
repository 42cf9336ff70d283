// The HTTP client settings that scrape, discovery and remote sections carry inline.
// Source of fields and rules: prometheus/common config/http_config.go, headers.go, tls_config.
#pragma once

#include <string>
#include <string_view>

#include "config/yaml_reader.h"
#include "net/http_client.h"

namespace tributary::config {

// What scraping and discovery start from. Remote write begins with enable_http2 = false.
net::HttpClientOptions DefaultHttpClient();

// Takes the client's fields from `reader`, which stands on the section around them.
void ReadHttpClient(MapReader& reader, net::HttpClientOptions* out);
// A tls_config that stands alone.
void ReadTls(MapReader& reader, net::TlsClientOptions* out);
// `sigv4:` of remote_write and alertmanagers.
void ReadSigV4(MapReader& reader, net::HttpClientOptions* out);

// Adds the fields to `map` as Prometheus prints them; secrets become <secret>.
void PrintHttpClient(const net::HttpClientOptions& http, YamlNode* map);
void PrintTls(const net::TlsClientOptions& tls, YamlNode* map);
void PrintSigV4(const net::SigV4& sigv4, YamlNode* map);

// Notes a problem if there is a reference into a secret manager: Prometheus itself offers none,
// only the field.
void RejectReference(MapReader& reader, std::string_view key);
// Prints that there is a secret.
void SetSecret(YamlNode* map, const char* key, const std::string& secret);

// Notes a problem unless `url` begins with http:// or https:// and names a host.
void CheckHttpUrl(MapReader& reader, std::string_view key, std::string_view url);
// The URL with its password, if there is one, as xxxxx.
std::string RedactUrl(std::string_view url);

inline constexpr std::string_view kSecretText = "<secret>";

}  // namespace tributary::config
