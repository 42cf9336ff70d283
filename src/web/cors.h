// CORS headers for scripts of other origins, as Prometheus sets them (util/httputil/cors.go).
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "model/regex.h"
#include "net/http_server.h"

namespace tributary::web {

// Immutable, thread-safe.
class Cors {
 public:
  // `origin_pattern`: a regexp over the whole origin; ".*" lets everyone in.
  static base::Result<Cors> Create(const std::string& origin_pattern);
  void SetHeaders(const net::Request& request, net::ResponseWriter& response) const;

 private:
  std::shared_ptr<const model::FastRegex> origin_;
};

}  // namespace tributary::web
