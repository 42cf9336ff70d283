#include "web/global_url.h"

#include <algorithm>
#include <string_view>

namespace tributary::web {
namespace {

struct UrlParts {
  std::string_view scheme;  // with "://"
  std::string_view host;    // without brackets
  std::string_view port;    // "" when absent
  std::string_view rest;    // path and query
};

UrlParts Dissect(std::string_view url) {
  UrlParts parts;
  const size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return parts;
  parts.scheme = url.substr(0, scheme_end + 3);
  url.remove_prefix(parts.scheme.size());
  const size_t authority_end = std::min(url.find_first_of("/?"), url.size());
  std::string_view authority = url.substr(0, authority_end);
  parts.rest = url.substr(authority_end);
  const size_t bracket = authority.rfind(']');
  const size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    parts.port = authority.substr(colon + 1);
    authority = authority.substr(0, colon);
  }
  if (authority.size() >= 2 && authority.front() == '[' && authority.back() == ']') {
    authority = authority.substr(1, authority.size() - 2);
  }
  parts.host = authority;
  return parts;
}

}  // namespace

std::string GlobalUrl(const std::string& url, const std::string& external_url) {
  const UrlParts parts = Dissect(url);
  if (parts.host != "localhost" && parts.host != "127.0.0.1" && parts.host != "::1") return url;
  const UrlParts external = Dissect(external_url);
  if (external.host.empty()) return url;
  std::string global(parts.scheme);
  const bool is_v6 = external.host.find(':') != std::string_view::npos;
  global += is_v6 ? "[" + std::string(external.host) + "]" : std::string(external.host);
  if (!parts.port.empty()) global.append(":").append(parts.port);
  return global.append(parts.rest);
}

std::string UrlPath(const std::string& url) {
  const std::string_view rest = Dissect(url).rest;
  std::string path(rest.substr(0, rest.find('?')));
  while (!path.empty() && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace tributary::web
