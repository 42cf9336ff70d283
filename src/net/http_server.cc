#include "net/http_server.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>
#include <unordered_map>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/threads.h"
#include "net/server/connection.h"
#include "net/server/io_loop.h"
#include "net/server/listen_socket.h"
#include "net/server/tls_context.h"

namespace tributary::net {
namespace {

using base::Result;
using base::Status;

int64_t NowMs() { return base::SystemClock().MonotonicNs() / 1'000'000; }

// OpenSSL writes to sockets without MSG_NOSIGNAL; a client that went away must not end us.
void IgnoreSigpipe() {
  struct sigaction action{};
  if (::sigaction(SIGPIPE, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) {
    std::signal(SIGPIPE, SIG_IGN);
  }
}

// Queries that wait for their turn in the engine hold a thread each; writes must not wait for them.
size_t HandlerThreads(size_t asked) {
  constexpr size_t kAtLeast = 64;
  return asked != 0 ? asked : std::max<size_t>(kAtLeast, 8 * std::thread::hardware_concurrency());
}

class Server final : public HttpServer {
 public:
  Server(HttpServerOptions options, HeadCheck head_check, Handler handler)
      : options_(std::move(options)),
        head_check_(std::move(head_check)),
        handler_(std::move(handler)),
        loop_(IoLoop::Create(options_.io_threads)),
        pool_(
            std::make_unique<base::ThreadPool>("http", HandlerThreads(options_.handler_threads))) {
    host_.options = &options_;
    host_.head_check = &head_check_;
    host_.handler = &handler_;
    host_.pool = pool_.get();
    host_.stopping = &stopping_;
    host_.forget = [this](Connection* connection) { Forget(connection); };
  }

  ~Server() override {
    Stop(0);
    pool_.reset();  // joins: no handler runs after this
    base::MutexLock lock(mutex_);
    connections_.clear();
  }

  Status Bind() {
    RETURN_IF_ERROR(ReloadTls(options_.tls));
    for (const std::string& address : options_.listen_addresses) {
      ASSIGN_OR_RETURN(const ListenSocket socket, OpenListenSocket(address));
      ports_.push_back(socket.port);
      loop_->Listen(
          socket.fd, [this] { return MayAccept(); },
          [this](int fd, std::string remote) { Accept(fd, std::move(remote)); });
    }
    return {};
  }

  void Start() override {
    const int64_t shortest = std::min(options_.header_timeout_ms, options_.read_timeout_ms);
    loop_->RunEvery(std::clamp<int64_t>(shortest / 4, 20, 1'000), [this] { Sweep(); });
    loop_->Start();
  }

  std::vector<uint16_t> ports() const override { return ports_; }

  Status ReloadTls(const std::optional<TlsServerOptions>& tls) override {
    std::shared_ptr<TlsContext> fresh;
    if (tls) {
      ASSIGN_OR_RETURN(fresh, TlsContext::Create(*tls));
    }
    base::MutexLock lock(mutex_);
    tls_ = std::move(fresh);
    return {};
  }

  void Stop(int64_t grace_ms) override {
    if (stopping_.exchange(true)) return;
    loop_->StopListening();
    {
      base::MutexLock lock(mutex_);
      for (const auto& [key, connection] : connections_) {
        if (connection->idle()) connection->Cut();
      }
      WaitUntilEmpty(grace_ms);
      for (const auto& [key, connection] : connections_) connection->Cut();
      WaitUntilEmpty(kCutWaitMs);
    }
    loop_->Stop();
  }

 private:
  // Handlers that look at cancelled() or write end at once when they are cut; the destructor waits
  // for those that do neither.
  static constexpr int64_t kCutWaitMs = 2'000;

  void WaitUntilEmpty(int64_t wait_ms) TB_REQUIRES(mutex_) {
    const int64_t until = NowMs() + wait_ms;
    for (int64_t left = wait_ms; left > 0 && !connections_.empty(); left = until - NowMs()) {
      ended_.WaitFor(mutex_, std::chrono::milliseconds(left));
    }
  }

  bool MayAccept() {
    base::MutexLock lock(mutex_);
    return !stopping_ && connections_.size() < static_cast<size_t>(options_.max_connections);
  }

  void Accept(int fd, std::string remote) {
    std::unique_ptr<SocketWatch> watch = loop_->Watch(fd);  // owns fd from here
    std::shared_ptr<TlsContext> tls;
    {
      base::MutexLock lock(mutex_);
      tls = tls_;
    }
    std::shared_ptr<SSL_CTX> context = tls ? tls->Current() : nullptr;
    auto connection = std::make_shared<Connection>(host_, std::move(watch), fd, std::move(remote),
                                                   std::move(tls), std::move(context));
    {
      base::MutexLock lock(mutex_);
      if (stopping_) return;
      connections_.emplace(connection.get(), connection);
    }
    connection->Start();
  }

  void Forget(Connection* connection) {
    bool was_full = false;
    std::shared_ptr<Connection> dying;  // destroyed after the lock is gone
    {
      base::MutexLock lock(mutex_);
      was_full = connections_.size() >= static_cast<size_t>(options_.max_connections);
      if (const auto it = connections_.find(connection); it != connections_.end()) {
        dying = std::move(it->second);
        connections_.erase(it);
      }
      ended_.NotifyAll();
    }
    if (was_full) loop_->ResumeAccepting();
  }

  void Sweep() {
    const int64_t now = NowMs();
    base::MutexLock lock(mutex_);
    for (const auto& [key, connection] : connections_) connection->CheckDeadline(now);
  }

  const HttpServerOptions options_;
  const HeadCheck head_check_;
  const Handler handler_;
  ConnectionHost host_;
  std::atomic<bool> stopping_{false};
  std::vector<uint16_t> ports_;
  base::Mutex mutex_;
  base::CondVar ended_;
  std::shared_ptr<TlsContext> tls_ TB_GUARDED_BY(mutex_);
  // Declared before the connections, which hold its sockets, and destroyed after them.
  const std::unique_ptr<IoLoop> loop_;
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_ TB_GUARDED_BY(mutex_);
  std::unique_ptr<base::ThreadPool> pool_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Create(HttpServerOptions options,
                                                       HeadCheck head_check, Handler handler) {
  IgnoreSigpipe();
  auto server =
      std::make_unique<Server>(std::move(options), std::move(head_check), std::move(handler));
  RETURN_IF_ERROR(server->Bind());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace tributary::net
