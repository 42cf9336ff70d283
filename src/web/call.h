// Call: one request on its way through a handler; Context: what all handlers share.
#pragma once

#include <string>
#include <string_view>

#include "net/http_server.h"
#include "web/web.h"

namespace tributary::web {

// Lives as long as the Web.
struct Context {
  const WebOptions& options;
  const Services& services;
  const State& state;
};

// Lives for one handler call.
struct Call {
  net::Request& request;
  net::ResponseWriter& response;
  net::Params params;    // form body first, then query string, as Go's Request.Form
  std::string path_arg;  // what stood for ":name" or "*rest" in the route
  std::string user;      // "" when nobody had to authenticate

  std::string_view param(std::string_view key) const { return params.Get(key); }
};

// text/plain with a line break, as Go's http.Error.
void RespondText(net::ResponseWriter& response, int status, std::string_view text);
// text/plain, the text as it is.
void RespondPlain(net::ResponseWriter& response, int status, std::string_view text);
// A redirection with the short page that Go's http.Redirect adds to the answer of a GET.
void RespondRedirect(const net::Request& request, net::ResponseWriter& response, int status,
                     const std::string& location);

}  // namespace tributary::web
