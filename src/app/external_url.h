// --web.external-url and --web.route-prefix: where the server is seen from outside, and below which
// path its routes stand.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace tributary::app {

struct ExternalUrl {
  std::string url;   // without a trailing slash in its path
  std::string path;  // "" or "/prefix"
};

// An empty `url` is derived from `hostname` and the port of `listen_address`.
base::Result<ExternalUrl> ComputeExternalUrl(std::string_view url, std::string_view listen_address,
                                             std::string_view hostname);

// "/" or "/prefix": from the flag, or the external URL's path when the flag is empty.
std::string ComputeRoutePrefix(std::string_view flag, const ExternalUrl& external);

}  // namespace tributary::app
