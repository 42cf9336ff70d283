// A target's URL as others can reach it: localhost becomes the host of our external URL.
#pragma once

#include <string>

namespace tributary::web {

std::string GlobalUrl(const std::string& url, const std::string& external_url);

// The path of a URL, without a slash at its end: "" for none.
std::string UrlPath(const std::string& url);

}  // namespace tributary::web
