#include "config/proxy_config.h"

#include "config/http_client_config.h"

namespace tributary::config {

void ReadProxy(MapReader& reader, net::ProxyOptions* out) {
  reader.String("proxy_url", &out->url);
  reader.String("no_proxy", &out->no_proxy);
  reader.Bool("proxy_from_environment", &out->from_environment);
  reader.Map("proxy_connect_header", [&](MapReader& headers) {
    for (const YamlEntry& entry : headers.node()->entries) {
      headers.Strings(entry.key, &out->connect_header[entry.key]);
    }
  });
  if (!out->connect_header.empty() && !out->from_environment && out->url.empty()) {
    reader.Fail("proxy_connect_header", "needs proxy_url or proxy_from_environment");
  }
  if (out->from_environment && !out->url.empty()) {
    reader.Fail("proxy_url", "must not be configured together with proxy_from_environment");
  }
  if (out->from_environment && !out->no_proxy.empty()) {
    reader.Fail("no_proxy", "must not be configured together with proxy_from_environment");
  }
  if (out->url.empty() && !out->from_environment && !out->no_proxy.empty()) {
    reader.Fail("no_proxy", "needs proxy_url");
  }
}

void PrintProxy(const net::ProxyOptions& proxy, YamlNode* map) {
  map->SetUnlessEmpty("proxy_url", RedactUrl(proxy.url));
  map->SetUnlessEmpty("no_proxy", proxy.no_proxy);
  map->SetIfTrue("proxy_from_environment", proxy.from_environment);
  if (proxy.connect_header.empty()) return;
  YamlNode headers = YamlNode::Map();
  for (const auto& [name, values] : proxy.connect_header) {
    YamlNode secrets = YamlNode::Sequence();
    for (size_t i = 0; i < values.size(); ++i) {
      secrets.Append(YamlNode::Plain(std::string(kSecretText)));
    }
    headers.Set(name, std::move(secrets));
  }
  map->Set("proxy_connect_header", std::move(headers));
}

}  // namespace tributary::config
