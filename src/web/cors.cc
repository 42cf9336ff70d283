#include "web/cors.h"

#include "base/result.h"

namespace tributary::web {

base::Result<Cors> Cors::Create(const std::string& origin_pattern) {
  auto origin = model::FastRegex::Compile(origin_pattern);
  if (!origin) {
    return origin.error().Context("--web.cors.origin: could not compile \"" + origin_pattern +
                                  "\"");
  }
  Cors cors;
  cors.origin_ = *std::move(origin);
  return cors;
}

void Cors::SetHeaders(const net::Request& request, net::ResponseWriter& response) const {
  response.SetHeader("Vary", "Origin");
  const std::string_view origin = request.header("Origin");
  if (origin.empty()) return;
  response.SetHeader("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, Origin");
  response.SetHeader("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
  response.SetHeader("Access-Control-Expose-Headers", "Date");
  if (origin_->Matches(origin)) {
    response.SetHeader("Access-Control-Allow-Origin", std::string(origin));
  }
}

}  // namespace tributary::web
