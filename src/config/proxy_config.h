// The proxy settings of an HTTP client and of its OAuth2 token requests.
// Source of fields and rules: prometheus/common config/http_config.go, ProxyConfig.
#pragma once

#include "config/yaml_reader.h"
#include "net/http_client.h"

namespace tributary::config {

// Takes the fields from `reader`, which stands on the section around them.
void ReadProxy(MapReader& reader, net::ProxyOptions* out);
// Adds them to `map` as Prometheus prints them.
void PrintProxy(const net::ProxyOptions& proxy, YamlNode* map);

}  // namespace tributary::config
