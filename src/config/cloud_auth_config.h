// `azuread:` and `google_iam:` of remote_write. Source of fields and rules: Prometheus
// storage/remote/azuread/azuread.go, storage/remote/googleiam/googleiam.go.
#pragma once

#include "config/yaml_reader.h"
#include "net/http_client.h"

namespace tributary::config {

// Takes both from the section that `reader` stands on.
void ReadCloudAuth(MapReader& reader, net::HttpClientOptions* out);
// As Prometheus prints them; secrets become <secret>.
void PrintCloudAuth(const net::HttpClientOptions& http, YamlNode* map);

}  // namespace tributary::config
