// `oauth2:` of an HTTP client.
// Source of fields and rules: prometheus/common config/http_config.go, oauth_assertion.go.
#pragma once

#include "config/yaml_reader.h"
#include "net/http_client.h"

namespace tributary::config {

void ReadOAuth2(MapReader& reader, net::OAuth2* out);
// As Prometheus prints it; secrets become <secret>.
void PrintOAuth2(const net::OAuth2& oauth2, YamlNode* map);

}  // namespace tributary::config
