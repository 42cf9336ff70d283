// Listening sockets.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

struct sockaddr;

namespace tributary::net {

struct ListenSocket {
  int fd = -1;  // the caller's to close; non-blocking
  uint16_t port = 0;
};

// "127.0.0.1:9090", ":9090" (all addresses of both families), "[::1]:0", "localhost:9090".
base::Result<ListenSocket> OpenListenSocket(const std::string& address);

// "127.0.0.1:40312", "[::1]:40312"; IPv4 in IPv6 is shown as IPv4.
std::string AddressText(const sockaddr* address);

}  // namespace tributary::net
