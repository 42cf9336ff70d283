#include "net/credentials/form_request.h"

#include <fmt/format.h>

namespace tributary::net {

ClientRequest FormRequest(const std::string& url, const FormFields& form) {
  ClientRequest request;
  request.method = "POST";
  request.url = url;
  request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  for (const auto& [key, value] : form) {
    request.body +=
        fmt::format("{}{}={}", request.body.empty() ? "" : "&", UrlEncode(key), UrlEncode(value));
  }
  return request;
}

}  // namespace tributary::net
