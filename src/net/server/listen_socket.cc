#include "net/server/listen_socket.h"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/strings.h"

namespace tributary::net {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

struct AddrInfoFree {
  void operator()(addrinfo* p) const { ::freeaddrinfo(p); }
};

uint16_t PortOf(const sockaddr_storage& address) {
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port
                   : reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

Error BindError(const std::string& address, int error) {
  const std::string_view advice =
      error == EADDRINUSE
          ? ": stop the other process or choose another --web.listen-address"
          : (error == EACCES ? ": ports below 1024 need the capability net_bind_service" : "");
  return {error == EADDRINUSE ? ErrorCode::kAlreadyExists : ErrorCode::kIo,
          fmt::format("listen on {}: {}{}", address, base::ToLower(std::strerror(error)), advice)};
}

// The fd, or -errno.
int TryListen(const addrinfo& info, bool dual_stack) {
  const int fd = ::socket(info.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  const int on = 1;
  const int v6_only = dual_stack ? 0 : 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (info.ai_family == AF_INET6) {
    ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
  }
  if (::bind(fd, info.ai_addr, info.ai_addrlen) != 0 || ::listen(fd, 1024) != 0) {
    const int error = errno;
    ::close(fd);
    return -error;
  }
  return fd;
}

}  // namespace

Result<ListenSocket> OpenListenSocket(const std::string& address) {
  const size_t colon = address.rfind(':');
  const auto port = colon == std::string::npos
                        ? std::nullopt
                        : base::ParseUint(std::string_view(address).substr(colon + 1));
  if (!port || *port > 65535) {
    return base::InvalidArgument(
        fmt::format("listen on \"{}\": expected host:port, [ipv6]:port or :port", address));
  }
  std::string host = address.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  const bool any = host.empty();
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string port_text = std::to_string(*port);
  if (const int rc = ::getaddrinfo(any ? "::" : host.c_str(), port_text.c_str(), &hints, &found);
      rc != 0) {
    return base::InvalidArgument(fmt::format("listen on {}: {}", address, ::gai_strerror(rc)));
  }
  const std::unique_ptr<addrinfo, AddrInfoFree> owner(found);
  int result = TryListen(*found, any);
  if (any && (result == -EAFNOSUPPORT || result == -EADDRNOTAVAIL)) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<uint16_t>(*port));
    addrinfo info{};
    info.ai_family = AF_INET;
    info.ai_addr = reinterpret_cast<sockaddr*>(&v4);
    info.ai_addrlen = sizeof(v4);
    result = TryListen(info, false);
  }
  if (result < 0) return BindError(address, -result);
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  ::getsockname(result, reinterpret_cast<sockaddr*>(&bound), &size);
  return ListenSocket{result, PortOf(bound)};
}

std::string AddressText(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    return fmt::format("{}:{}", text.data(), ntohs(v4->sin_port));
  }
  if (address->sa_family != AF_INET6) return "unknown";
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
  if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
    ::inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text.data(), text.size());
    return fmt::format("{}:{}", text.data(), ntohs(v6->sin6_port));
  }
  ::inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
  return fmt::format("[{}]:{}", text.data(), ntohs(v6->sin6_port));
}

}  // namespace tributary::net
