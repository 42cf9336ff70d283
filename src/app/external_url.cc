#include "app/external_url.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"

namespace tributary::app {
namespace {

bool IsQuote(char c) { return c == '"' || c == '\''; }

std::string_view TrimSlashes(std::string_view text) {
  while (text.ends_with('/')) text.remove_suffix(1);
  while (text.starts_with('/')) text.remove_prefix(1);
  return text;
}

}  // namespace

base::Result<ExternalUrl> ComputeExternalUrl(std::string_view url, std::string_view listen_address,
                                             std::string_view hostname) {
  if (url.empty()) {
    const size_t colon = listen_address.rfind(':');
    if (colon == std::string_view::npos) {
      return base::InvalidArgument(
          fmt::format("listen address {}: missing port in address", base::Quote(listen_address)));
    }
    return ExternalUrl{
        .url = fmt::format("http://{}:{}", hostname, listen_address.substr(colon + 1)), .path = ""};
  }
  if (IsQuote(url.front()) || IsQuote(url.back())) {
    return base::InvalidArgument(
        fmt::format("parse external URL {}: URL must not begin or end "
                    "with quotes",
                    base::Quote(url)));
  }
  const auto is_bad = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; };
  if (std::ranges::any_of(url, is_bad)) {
    return base::InvalidArgument(
        fmt::format("parse external URL {}: invalid character in URL", base::Quote(url)));
  }
  const size_t scheme = url.find("://");
  const size_t authority = scheme == std::string_view::npos ? 0 : scheme + 3;
  const size_t path_begin = scheme == std::string_view::npos && !url.starts_with('/')
                                ? 0
                                : std::min(url.find_first_of("/?#", authority), url.size());
  const size_t path_end = std::min(url.find_first_of("?#", path_begin), url.size());
  std::string_view path = url.substr(path_begin, path_end - path_begin);
  while (path.ends_with('/')) path.remove_suffix(1);
  ExternalUrl out;
  if (!path.empty())
    out.path = path.starts_with('/') ? std::string(path) : fmt::format("/{}", path);
  out.url = fmt::format("{}{}{}", url.substr(0, path_begin), out.path, url.substr(path_end));
  return out;
}

std::string ComputeRoutePrefix(std::string_view flag, const ExternalUrl& external) {
  return fmt::format("/{}", TrimSlashes(flag.empty() ? std::string_view(external.path) : flag));
}

}  // namespace tributary::app
