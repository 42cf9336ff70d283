#include "net/client/plain_loop.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <limits>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <set>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/strings.h"
#include "base/threads.h"
#include "net/client/response_parser.h"

namespace tributary::net {
namespace {

using base::Error;
using base::ErrorCode;

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr int64_t kMaxIdleMs = 300'000;
constexpr int64_t kMaxWaitMs = 1000;
constexpr size_t kMaxIdle = 16'384;  // thousands of targets, each kept open
constexpr uint64_t kWakeId = 0;
constexpr size_t kReadSize = 256 << 10;
constexpr size_t kMaxBodyHere = 64 << 10;    // as it came, mostly packed
constexpr size_t kMaxBytesHere = 512 << 10;  // of all that wait
constexpr int64_t kLookEveryMs = 1;          // for others that have come
constexpr int64_t kForgivenMs = 50;          // less than that is no matter to a deadline

int64_t NowMs() { return base::SystemClock().MonotonicNs() / 1'000'000; }

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Closed when nobody uses it any more, so that its number is not given to another meanwhile.
class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

// A connection, and the request that uses it.
struct Connection {
  uint64_t id = 0;
  std::shared_ptr<const Socket> socket;
  std::string authority;
  bool connecting = true;
  int64_t idle_since = 0;

  std::unique_ptr<Transfer> transfer;       // null: idle
  std::shared_ptr<const std::string> head;  // the request, to the empty line
  size_t sent = 0;                          // of head
  uint64_t requests = 0;                    // carried so far, this one included
  int64_t deadline = kNever;
  ResponseParser parser;
};

// The first bytes of a request, to be written without the lock: who answers at once would find it
// taken.
struct Opening {
  uint64_t connection = 0;
  uint64_t request = 0;
  std::shared_ptr<const Socket> socket;
  std::shared_ptr<const std::string> head;
};

// As ::send(), of what is behind `from`.
ssize_t SendFrom(const Socket& socket, std::string_view head, size_t from) {
  ssize_t n = 0;
  do {
    n = ::send(socket.fd(), head.data() + from, head.size() - from, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  return n;
}

// An answer that is complete.
struct Arrived {
  std::shared_ptr<Transfer> transfer;
  int status = 0;
};

class EpollPlainLoop final : public PlainLoop {
 public:
  EpollPlainLoop()
      : epoll_fd_(::epoll_create1(EPOLL_CLOEXEC)),
        wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    CHECK(epoll_fd_ >= 0 && wake_fd_ >= 0, "no event loop for http clients");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = kWakeId;
    ::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &event);
    thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
  }

  void Submit(std::unique_ptr<Transfer> transfer, std::string head) override {
    const int64_t deadline = NowMs() + transfer->request().timeout_ms;
    std::shared_ptr<const std::string> whole;
    if (head.empty()) {
      whole = {transfer->prepared, &transfer->prepared->head};
    } else {
      whole = std::make_shared<const std::string>(std::move(head));
    }
    std::optional<Opening> opening;
    {
      base::MutexLock lock(mutex_);
      opening = Start(std::move(transfer), std::move(whole), deadline, /*may_reuse=*/true);
      if (deadline < wake_at_) {
        const uint64_t one = 1;
        [[maybe_unused]] const ssize_t n = ::write(wake_fd_, &one, sizeof(one));
      }
    }
    if (opening) Open(*opening);
  }

  void CancelOwner(uint64_t owner) override {
    base::MutexLock lock(mutex_);
    std::vector<Connection*> doomed;
    for (const auto& [id, connection] : connections_) {
      if (connection->transfer && connection->transfer->owner == owner) {
        doomed.push_back(connection.get());
      }
    }
    for (Connection* connection : doomed) {
      Fail(connection, ErrorCode::kCancelled, "context canceled");
    }
  }

 private:
  // What is to be sent now, if the connection stands: it counts as sent.
  std::optional<Opening> Start(std::unique_ptr<Transfer> transfer,
                               std::shared_ptr<const std::string> head, int64_t deadline,
                               bool may_reuse) TB_REQUIRES(mutex_) {
    const PlainTarget& target = *transfer->prepared->plain;
    Connection* connection = may_reuse ? TakeIdle(target.authority) : nullptr;
    if (connection == nullptr) {
      connection = Connect(target);
      if (connection == nullptr) {
        Complete(std::move(transfer), Error(ErrorCode::kUnavailable, std::strerror(errno)));
        return std::nullopt;
      }
    }
    connection->transfer = std::move(transfer);
    connection->head = std::move(head);
    connection->sent = 0;
    ++connection->requests;
    connection->deadline = deadline;
    connection->parser.Begin(connection->transfer->request().max_response_bytes);
    deadlines_.emplace(deadline, connection->id);
    if (connection->connecting) return std::nullopt;
    connection->sent = connection->head->size();
    return Opening{connection->id, connection->requests, connection->socket, connection->head};
  }

  void Open(const Opening& opening) TB_EXCLUDES(mutex_) {
    const ssize_t n = SendFrom(*opening.socket, *opening.head, 0);
    if (n == static_cast<ssize_t>(opening.head->size())) return;
    const int error = errno;
    base::MutexLock lock(mutex_);
    const auto found = connections_.find(opening.connection);
    if (found == connections_.end()) return;
    Connection* connection = found->second.get();
    if (!connection->transfer || connection->requests != opening.request) {
      return Broken(connection, "answered before it was asked");
    }
    if (n < 0 && error != EAGAIN) return Broken(connection, std::strerror(error));
    connection->sent = static_cast<size_t>(std::max<ssize_t>(n, 0));
    Send(connection);  // there may have been room again before that was noted
  }

  Connection* TakeIdle(const std::string& authority) TB_REQUIRES(mutex_) {
    const auto found = idle_.find(authority);
    if (found == idle_.end()) return nullptr;
    Connection* connection = connections_.at(found->second.back()).get();
    found->second.pop_back();
    if (found->second.empty()) idle_.erase(found);
    --idle_count_;
    return connection;
  }

  // Null: errno tells.
  Connection* Connect(const PlainTarget& target) TB_REQUIRES(mutex_) {
    const int fd =
        ::socket(target.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return nullptr;
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    auto made = std::make_unique<Connection>();
    made->id = ++last_id_;
    made->socket = std::make_shared<const Socket>(fd);
    made->authority = target.authority;
    const int result =
        ::connect(fd, reinterpret_cast<const sockaddr*>(&target.address), target.address_size);
    if (result != 0 && errno != EINPROGRESS) {
      const int error = errno;
      made.reset();
      errno = error;
      return nullptr;
    }
    epoll_event event{};
    // Edges: registered once, however many requests the connection will carry.
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = made->id;
    ::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event);
    return connections_.emplace(made->id, std::move(made)).first->second.get();
  }

  void Close(Connection* connection) TB_REQUIRES(mutex_) {
    const auto idle = idle_.find(connection->authority);
    if (idle != idle_.end() && std::erase(idle->second, connection->id) > 0) {
      --idle_count_;
      if (idle->second.empty()) idle_.erase(idle);
    }
    connections_.erase(connection->id);  // its socket leaves the epoll set by itself
  }

  // The transfer leaves its connection.
  std::unique_ptr<Transfer> Release(Connection* connection) TB_REQUIRES(mutex_) {
    deadlines_.erase({connection->deadline, connection->id});
    connection->deadline = kNever;
    return std::move(connection->transfer);
  }

  void Fail(Connection* connection, ErrorCode code, std::string_view what) TB_REQUIRES(mutex_) {
    std::unique_ptr<Transfer> transfer = Release(connection);
    Close(connection);
    Complete(std::move(transfer), Error(code, std::string(what)));
  }

  // A transfer is let go of on the completion thread only: it may own its client, whose end takes
  // this loop's lock.
  static void Complete(std::unique_ptr<Transfer> transfer, const Error& error) {
    std::shared_ptr<Transfer> shared = std::move(transfer);
    TransferLoop::Shared().RunOnCompletionThread([shared = std::move(shared), error] {
      shared->done(error.Context(RequestName(shared->request())));
    });
  }

  void Send(Connection* connection) TB_REQUIRES(mutex_) {
    while (connection->sent < connection->head->size()) {
      const ssize_t n = SendFrom(*connection->socket, *connection->head, connection->sent);
      if (n < 0) {
        if (errno != EAGAIN) Broken(connection, std::strerror(errno));
        return;
      }
      connection->sent += static_cast<size_t>(n);
    }
  }

  // The connection failed under its request. One that was kept open may have been closed by the
  // peer just then: the request gets one on a new connection.
  void Broken(Connection* connection, std::string_view what) TB_REQUIRES(mutex_) {
    if (!connection->transfer) return Close(connection);
    if (connection->requests == 1 || connection->parser.started()) {
      return Fail(connection, ErrorCode::kUnavailable, what);
    }
    const int64_t deadline = connection->deadline;
    std::shared_ptr<const std::string> head = std::move(connection->head);
    std::unique_ptr<Transfer> transfer = Release(connection);
    Close(connection);
    const auto opening = Start(std::move(transfer), std::move(head), deadline, /*may_reuse=*/false);
    DCHECK(!opening, "a connection stands as soon as it is asked for");
  }

  void Run(const std::stop_token& stop) {
    base::SetThreadName("http-plain");
    TransferLoop::MakeCompletionThread();
    std::array<epoll_event, 256> events;
    std::string buffer(kReadSize, '\0');
    while (!stop.stop_requested()) {
      int wait_ms = -1;
      {
        base::MutexLock lock(mutex_);
        const int64_t now = NowMs();
        Expire(now);
        wake_at_ = kNever;
        if (!connections_.empty()) {
          // Woken once a second at least, so that a new request rarely has to do it.
          const int64_t first = deadlines_.empty() ? kNever : deadlines_.begin()->first;
          wake_at_ = std::min(first, now + kMaxWaitMs);
          wait_ms = static_cast<int>(std::max<int64_t>(0, wake_at_ - now));
        }
      }
      if (!arrived_.empty()) wait_ms = 0;
      const int n = ::epoll_wait(epoll_fd_, events.data(), events.size(), wait_ms);
      for (int i = 0; i < n; ++i) {
        if (events[i].data.u64 == kWakeId) {
          uint64_t count = 0;
          [[maybe_unused]] const ssize_t got = ::read(wake_fd_, &count, sizeof(count));
          continue;
        }
        while (OnEvent(events[i].data.u64, events[i].events, &buffer)) {
        }
      }
      DeliverSome();
    }
  }

  // The answers that wait for this thread, for a moment: then it looks whether others have come, so
  // that it is known when.
  void DeliverSome() TB_EXCLUDES(mutex_) {
    const int64_t began = NowMs();
    int64_t now = began;
    while (!arrived_.empty() && now - began < kLookEveryMs) {
      const Arrived next = std::move(arrived_.front());
      arrived_.pop_front();
      arrived_bytes_ -= next.transfer->body.size();
      Deliver(next);
      now = NowMs();
    }
    Forgive(now - began);
  }

  // Requests under way are not late because this thread did not look for so long: a completion may
  // have waited for a disk.
  void Forgive(int64_t away_ms) TB_EXCLUDES(mutex_) {
    if (away_ms < kForgivenMs) return;
    base::MutexLock lock(mutex_);
    deadlines_.clear();
    for (const auto& [id, connection] : connections_) {
      if (!connection->transfer) continue;
      connection->deadline += away_ms;
      deadlines_.emplace(connection->deadline, id);
    }
  }

  static void Deliver(const Arrived& arrived) {
    const std::shared_ptr<Transfer>& transfer = arrived.transfer;
    if (transfer->redirected && IsRedirect(arrived.status) && transfer->headers.Has("Location")) {
      transfer->body.clear();
      return transfer->redirected(transfer);
    }
    transfer->done(UnpackResponse(*transfer, arrived.status));
  }

  void Expire(int64_t now) TB_REQUIRES(mutex_) {
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
      Fail(connections_.at(deadlines_.begin()->second).get(), ErrorCode::kTimeout,
           "context deadline exceeded");
    }
    if (now < next_reap_) return;
    next_reap_ = now + kMaxIdleMs / 10;
    std::vector<Connection*> old;
    for (const auto& [id, connection] : connections_) {
      if (!connection->transfer && now - connection->idle_since > kMaxIdleMs) {
        old.push_back(connection.get());
      }
    }
    for (Connection* connection : old) Close(connection);
  }

  // Reads once; true: there may be more, and others have had their turn at the lock.
  bool OnEvent(uint64_t id, uint32_t events, std::string* buffer) {
    base::MutexLock lock(mutex_);
    const auto found = connections_.find(id);
    if (found == connections_.end()) return false;
    Connection* connection = found->second.get();
    if (connection->connecting) {
      int error = 0;
      socklen_t size = sizeof(error);
      ::getsockopt(connection->socket->fd(), SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) {
        Fail(connection, ErrorCode::kUnavailable,
             fmt::format("dial tcp {}: connect: {}", connection->authority,
                         base::ToLower(std::strerror(error))));
        return false;
      }
      if ((events & EPOLLOUT) == 0) return false;
      connection->connecting = false;
    }
    if (connection->transfer && connection->sent < connection->head->size()) {
      Send(connection);
      if (!connections_.contains(id)) return false;
    }
    const bool closing = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if ((events & EPOLLIN) == 0 && !closing) return false;
    const ssize_t n = ::recv(connection->socket->fd(), buffer->data(), buffer->size(), 0);
    if (n < 0) {
      if (errno == EINTR) return true;
      if (errno != EAGAIN) Broken(connection, base::ToLower(std::strerror(errno)));
      return false;
    }
    if (!connection->transfer) {  // closed, or talks out of turn
      Close(connection);
      return false;
    }
    if (n == 0) {
      OnClosed(connection);
      return false;
    }
    if (!OnProgress(connection,
                    connection->parser.Feed({buffer->data(), static_cast<size_t>(n)}))) {
      if (closing && connections_.contains(id)) Close(connection);
      return false;
    }
    // What filled the buffer only partly was all there is; more makes a new edge.
    return closing || static_cast<size_t>(n) == buffer->size();
  }

  void OnClosed(Connection* connection) TB_REQUIRES(mutex_) {
    if (!connection->parser.started()) return Broken(connection, "EOF");
    const auto state = connection->parser.End();
    if (state != ResponseParser::State::kDone) {
      return Fail(connection, ErrorCode::kUnavailable, "unexpected EOF");
    }
    OnProgress(connection, state);
  }

  // True: there is more to read for this request.
  bool OnProgress(Connection* connection, ResponseParser::State state) TB_REQUIRES(mutex_) {
    switch (state) {
      case ResponseParser::State::kReading:
        return true;
      case ResponseParser::State::kMalformed:
        Fail(connection, ErrorCode::kUnavailable, "malformed HTTP response");
        return false;
      case ResponseParser::State::kTooLarge:
        Fail(connection, ErrorCode::kResourceExhausted,
             fmt::format("body size limit of {} bytes exceeded",
                         connection->transfer->request().max_response_bytes));
        return false;
      case ResponseParser::State::kDone:
        break;
    }
    std::shared_ptr<Transfer> transfer = Release(connection);
    const int status = connection->parser.status();
    transfer->headers = std::move(connection->parser.headers());
    transfer->body = std::move(connection->parser.body());
    if (connection->parser.reusable() && idle_count_ < kMaxIdle) {
      connection->idle_since = NowMs();
      idle_[connection->authority].push_back(connection->id);
      ++idle_count_;
    } else {
      Close(connection);
    }
    transfer->arrived_ns = base::SystemClock().MonotonicNs();
    // Small ones here, one after the other: waking a thread for one costs more than the page, and
    // the next finds the caches warm. What takes long, and what is more than a burst, elsewhere.
    const size_t size = transfer->body.size();
    if (size <= kMaxBodyHere && arrived_bytes_ + size <= kMaxBytesHere) {
      arrived_bytes_ += size;
      arrived_.push_back({std::move(transfer), status});
    } else {
      TransferLoop::Shared().RunOnCompletionThread(
          [arrived = Arrived{std::move(transfer), status}] { Deliver(arrived); });
    }
    return false;
  }

  const int epoll_fd_;
  const int wake_fd_;
  base::Mutex mutex_;
  uint64_t last_id_ TB_GUARDED_BY(mutex_) = kWakeId;
  std::unordered_map<uint64_t, std::unique_ptr<Connection>> connections_ TB_GUARDED_BY(mutex_);
  std::unordered_map<std::string, std::vector<uint64_t>> idle_ TB_GUARDED_BY(mutex_);
  size_t idle_count_ TB_GUARDED_BY(mutex_) = 0;
  std::set<std::pair<int64_t, uint64_t>> deadlines_ TB_GUARDED_BY(mutex_);
  int64_t wake_at_ TB_GUARDED_BY(mutex_) = kNever;  // when the thread looks at deadlines next
  int64_t next_reap_ TB_GUARDED_BY(mutex_) = 0;
  // The loop thread's: answers that it will hand over itself.
  std::deque<Arrived> arrived_;
  size_t arrived_bytes_ = 0;
  std::jthread thread_;
};

// Sets the port of what inet_pton has filled.
template <class Address>
void Finish(const Address& address, PlainTarget* target) {
  static_assert(sizeof(address) <= sizeof(target->address));
  std::memcpy(&target->address, &address, sizeof(address));
  target->address_size = sizeof(address);
}

}  // namespace

std::optional<PlainTarget> ParsePlainUrl(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return std::nullopt;
  const bool plain_bytes =
      std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!plain_bytes || url.find_first_of("#@\\") != std::string_view::npos) return std::nullopt;
  url.remove_prefix(kScheme.size());
  const size_t authority_end = std::min(url.find_first_of("/?"), url.size());
  PlainTarget target;
  target.authority = url.substr(0, authority_end);
  target.path = url.substr(authority_end);
  if (!target.path.starts_with('/')) target.path.insert(0, 1, '/');

  std::string_view host = target.authority;
  std::string_view port_text = "80";
  const size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
    port_text = host.substr(colon + 1);
    host = host.substr(0, colon);
  }
  const auto port = base::ParseUint(port_text);
  if (!port || *port == 0 || *port > 65535) return std::nullopt;
  const uint16_t net_port = htons(static_cast<uint16_t>(*port));
  if (host.starts_with('[') && host.ends_with(']')) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = net_port;
    const std::string text(host.substr(1, host.size() - 2));
    if (::inet_pton(AF_INET6, text.c_str(), &address.sin6_addr) != 1) return std::nullopt;
    Finish(address, &target);
    return target;
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = net_port;
  if (::inet_pton(AF_INET, std::string(host).c_str(), &address.sin_addr) != 1) return std::nullopt;
  Finish(address, &target);
  return target;
}

PlainLoop& PlainLoop::Shared() {
  static auto* const loop = new EpollPlainLoop;
  return *loop;
}

}  // namespace tributary::net
