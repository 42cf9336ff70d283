// What a client keeps of a request that it may send many times.
#pragma once

#include <optional>
#include <string>
#include <sys/socket.h>

#include "net/http_client.h"

namespace tributary::net {

// What a URL asks for that is http:// to a literal address.
struct PlainTarget {
  sockaddr_storage address{};
  socklen_t address_size = 0;
  std::string authority;  // as in the URL: names the connection, and the Host
  std::string path;       // with the query; never empty
};

struct PreparedRequest {
  ClientRequest request;
  std::optional<PlainTarget> plain;  // where the request needs nothing of what libcurl is for
  // Of a plain one, up to the empty line; "" where headers have to be read anew each time.
  std::string head;
};

}  // namespace tributary::net
