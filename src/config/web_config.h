// --web.config.file: TLS and basic-auth users of our own HTTP server, in the format of
// prometheus/exporter-toolkit. An empty file means neither.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/fs.h"
#include "base/result.h"
#include "net/tls.h"

namespace tributary::config {

struct WebConfig {
  std::optional<net::TlsServerOptions> tls;
  std::map<std::string, std::string> basic_auth_users;  // name -> bcrypt hash
  std::map<std::string, std::string> headers;           // extra response headers
  int64_t rate_limit_interval_ms = 0;
  int64_t rate_limit_burst = 0;
  friend bool operator==(const WebConfig&, const WebConfig&) = default;
};

// Strict, as config.h. Paths are relative to the file.
base::Result<WebConfig> LoadWebConfig(base::FileSystem& fs, const std::string& path);

}  // namespace tributary::config
