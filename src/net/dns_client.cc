#include "net/dns_client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <netdb.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"

namespace tributary::net {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint16_t kUdpSize = 4096;
constexpr size_t kMaxMessage = 65'535;

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

base::Error Failed(std::string_view what) {
  return base::Unavailable(fmt::format("{}: {}", what, std::strerror(errno)));
}

// One exchange with one server, over UDP or TCP.
class Exchange {
 public:
  Exchange(const std::string& server, const DnsConfig& config, int socket_type)
      : server_(server),
        config_(config),
        socket_type_(socket_type),
        deadline_(Clock::now() + std::chrono::milliseconds(config.timeout_ms)) {}

  base::Result<DnsResponse> Run(std::string_view query, uint16_t id) {
    addrinfo hints{};
    hints.ai_socktype = socket_type_;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (::getaddrinfo(server_.c_str(), std::to_string(config_.port).c_str(), &hints, &found) != 0) {
      return base::InvalidArgument("not an address");
    }
    const Socket socket(::socket(found->ai_family, socket_type_ | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int connected =
        socket.fd() < 0 ? -1 : ::connect(socket.fd(), found->ai_addr, found->ai_addrlen);
    const bool failed = connected != 0 && errno != EINPROGRESS;
    ::freeaddrinfo(found);
    if (failed) return Failed("connect");
    if (socket_type_ == SOCK_STREAM) return OverTcp(socket.fd(), query, id);
    return OverUdp(socket.fd(), query, id);
  }

 private:
  base::Status Wait(int fd, short events) const {
    for (;;) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
      if (left <= 0) return base::Error(base::ErrorCode::kTimeout, "no answer in time");
      pollfd poll{fd, events, 0};
      const int ready = ::poll(&poll, 1, static_cast<int>(left));
      if (ready > 0) return {};
      if (ready < 0 && errno != EINTR) return Failed("poll");
    }
  }

  base::Status SendAll(int fd, std::string_view bytes) const {
    while (!bytes.empty()) {
      RETURN_IF_ERROR(Wait(fd, POLLOUT));
      const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n < 0 && errno != EAGAIN && errno != EINTR) return Failed("send");
      if (n > 0) bytes.remove_prefix(static_cast<size_t>(n));
    }
    return {};
  }

  base::Result<std::string> ReceiveExactly(int fd, size_t size) const {
    std::string out(size, '\0');
    for (size_t have = 0; have < size;) {
      RETURN_IF_ERROR(Wait(fd, POLLIN));
      const ssize_t n = ::recv(fd, out.data() + have, size - have, 0);
      if (n == 0) return base::Unavailable("connection closed");
      if (n < 0 && errno != EAGAIN && errno != EINTR) return Failed("recv");
      if (n > 0) have += static_cast<size_t>(n);
    }
    return out;
  }

  base::Result<DnsResponse> OverUdp(int fd, std::string_view query, uint16_t id) const {
    RETURN_IF_ERROR(SendAll(fd, query));
    std::string buffer(kMaxMessage, '\0');
    for (;;) {
      RETURN_IF_ERROR(Wait(fd, POLLIN));
      const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
      if (n < 0) {
        if (errno == EAGAIN || errno == EINTR) continue;
        return Failed("recv");
      }
      // Anybody can send a datagram: what does not fit the question is not the end.
      auto response = DecodeDnsResponse({buffer.data(), static_cast<size_t>(n)}, id);
      if (response) return response;
    }
  }

  base::Result<DnsResponse> OverTcp(int fd, std::string_view query, uint16_t id) const {
    std::string framed;
    framed.push_back(static_cast<char>(query.size() >> 8));
    framed.push_back(static_cast<char>(query.size() & 0xff));
    framed.append(query);
    RETURN_IF_ERROR(SendAll(fd, framed));
    ASSIGN_OR_RETURN(const std::string size, ReceiveExactly(fd, 2));
    const size_t bytes =
        static_cast<size_t>(static_cast<uint8_t>(size[0])) << 8 | static_cast<uint8_t>(size[1]);
    ASSIGN_OR_RETURN(const std::string message, ReceiveExactly(fd, bytes));
    ASSIGN_OR_RETURN(DnsResponse response, DecodeDnsResponse(message, id));
    if (response.truncated) return base::Unavailable("answer truncated over TCP");
    return response;
  }

  const std::string& server_;
  const DnsConfig& config_;
  const int socket_type_;
  const Clock::time_point deadline_;
};

base::Result<DnsResponse> Ask(const std::string& server, const DnsConfig& config,
                              std::string_view name, DnsType type) {
  uint16_t id = 0;
  if (::getrandom(&id, sizeof(id), 0) != sizeof(id)) return Failed("getrandom");
  ASSIGN_OR_RETURN(const std::string query, EncodeDnsQuery(id, name, type, kUdpSize));
  ASSIGN_OR_RETURN(DnsResponse response, Exchange(server, config, SOCK_DGRAM).Run(query, id));
  if (!response.truncated) return response;
  ASSIGN_OR_RETURN(const std::string long_query, EncodeDnsQuery(id, name, type, 0));
  return Exchange(server, config, SOCK_STREAM).Run(long_query, id);
}

base::Result<DnsResponse> AskAny(const DnsConfig& config, std::string_view name, DnsType type) {
  std::string problems;
  for (const std::string& server : config.servers) {
    auto response = Ask(server, config, name, type);
    if (response && (response->code == kDnsSuccess || response->code == kDnsNameError)) {
      return response;
    }
    problems += fmt::format(
        "; server {}: {}", server,
        response ? fmt::format("response code {}", response->code) : response.error().message());
  }
  return base::Unavailable(fmt::format("{}{}", name, problems));
}

}  // namespace

DnsConfig ParseResolvConf(std::string_view text) {
  constexpr size_t kMaxNdots = 15;
  DnsConfig config;
  for (std::string_view line : base::Split(text, '\n')) {
    line = line.substr(0, line.find_first_of("#;"));
    std::vector<std::string> words;
    std::string spaced(line);
    std::replace(spaced.begin(), spaced.end(), '\t', ' ');
    std::replace(spaced.begin(), spaced.end(), '\r', ' ');
    for (const std::string_view word : base::Split(spaced, ' ')) {
      if (!word.empty()) words.emplace_back(word);
    }
    if (words.size() < 2) continue;
    if (words[0] == "nameserver") {
      config.servers.push_back(words[1]);
    } else if (words[0] == "search" || words[0] == "domain") {
      config.search.assign(words.begin() + 1, words.end());
    } else if (words[0] == "options") {
      for (const std::string& option : words) {
        if (!option.starts_with("ndots:")) continue;
        const auto ndots = base::ParseUint(std::string_view(option).substr(6));
        if (ndots) config.ndots = std::min<size_t>(*ndots, kMaxNdots);
      }
    }
  }
  if (config.servers.empty()) config.servers.emplace_back("127.0.0.1");
  return config;
}

std::vector<std::string> DnsCandidates(const DnsConfig& config, std::string_view name) {
  if (name.ends_with('.')) return {std::string(name)};
  std::vector<std::string> candidates;
  const auto dots = static_cast<size_t>(std::count(name.begin(), name.end(), '.'));
  const bool itself_first = dots >= config.ndots;
  if (itself_first) candidates.emplace_back(fmt::format("{}.", name));
  for (const std::string& domain : config.search) {
    candidates.push_back(fmt::format("{}.{}{}", name, domain, domain.ends_with('.') ? "" : "."));
  }
  if (!itself_first) candidates.emplace_back(fmt::format("{}.", name));
  return candidates;
}

base::Result<std::vector<DnsRecord>> DnsLookup(const DnsConfig& config, std::string_view name,
                                               DnsType type) {
  base::Status problem;
  for (const std::string& candidate : DnsCandidates(config, name)) {
    auto response = AskAny(config, candidate, type);
    if (!response) {
      problem = response.error();
    } else if (response->code == kDnsSuccess) {
      return std::move(response->answers);
    }
  }
  if (!problem) return problem.error().Context(fmt::format("could not resolve {}", name));
  return std::vector<DnsRecord>();
}

}  // namespace tributary::net
