#include "net/server/io_loop.h"

#include <cerrno>
#include <chrono>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/mutex.h"
#include "base/threads.h"
#include "net/server/listen_socket.h"

namespace tributary::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Descriptor = asio::posix::stream_descriptor;

class AsioWatch final : public SocketWatch {
 public:
  AsioWatch(asio::io_context& io, int fd) : descriptor_(io, fd) {}
  void Wait(bool for_write, std::function<void()> ready) override {
    descriptor_.async_wait(for_write ? Descriptor::wait_write : Descriptor::wait_read,
                           [ready = std::move(ready)](const error_code& ec) {
                             if (ec != asio::error::operation_aborted) ready();
                           });
  }

 private:
  Descriptor descriptor_;
};

class Listener : public std::enable_shared_from_this<Listener> {
 public:
  Listener(asio::io_context& io, int fd, std::function<bool()> may_accept,
           IoLoop::OnAccept on_accept)
      : descriptor_(io, fd),
        retry_(io),
        may_accept_(std::move(may_accept)),
        on_accept_(std::move(on_accept)) {}

  // Callbacks of one listener never overlap: one wait is pending, or none while paused.
  void Wait() {
    base::MutexLock lock(mutex_);
    if (!descriptor_.is_open()) return;
    descriptor_.async_wait(Descriptor::wait_read,
                           [self = shared_from_this()](const error_code& ec) {
                             if (!ec) self->Accept();
                           });
  }

  void Resume() {
    {
      base::MutexLock lock(mutex_);
      if (!paused_) return;
      paused_ = false;
    }
    Wait();
  }

  void Close() {
    base::MutexLock lock(mutex_);
    paused_ = false;
    error_code ignored;
    descriptor_.close(ignored);
    retry_.cancel();
  }

 private:
  void Accept() {
    for (;;) {
      if (!may_accept_()) {
        {
          base::MutexLock lock(mutex_);
          paused_ = true;
        }
        if (!may_accept_()) return;
        // A connection ended between the two looks and saw nobody to resume.
        base::MutexLock lock(mutex_);
        if (!paused_) return;
        paused_ = false;
      }
      sockaddr_storage address{};
      socklen_t size = sizeof(address);
      int fd = -1;
      {
        base::MutexLock lock(mutex_);
        if (!descriptor_.is_open()) return;
        fd = ::accept4(descriptor_.native_handle(), reinterpret_cast<sockaddr*>(&address), &size,
                       SOCK_NONBLOCK | SOCK_CLOEXEC);
      }
      if (fd >= 0) {
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        on_accept_(fd, AddressText(reinterpret_cast<sockaddr*>(&address)));
        continue;
      }
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return Wait();
      return RetryLater();
    }
  }

  // Out of file descriptors or memory: the queue stays readable, so that waiting would spin.
  void RetryLater() {
    base::MutexLock lock(mutex_);
    if (!descriptor_.is_open()) return;
    retry_.expires_after(std::chrono::milliseconds(100));
    retry_.async_wait([self = shared_from_this()](const error_code& ec) {
      if (!ec) self->Accept();
    });
  }

  base::Mutex mutex_;
  Descriptor descriptor_ TB_GUARDED_BY(mutex_);
  asio::steady_timer retry_ TB_GUARDED_BY(mutex_);
  bool paused_ TB_GUARDED_BY(mutex_) = false;
  const std::function<bool()> may_accept_;
  const IoLoop::OnAccept on_accept_;
};

class AsioLoop final : public IoLoop {
 public:
  explicit AsioLoop(size_t threads)
      : thread_count_(threads == 0 ? 1 : threads), work_(io_.get_executor()) {}
  ~AsioLoop() override { Stop(); }

  void Listen(int listen_fd, std::function<bool()> may_accept, OnAccept on_accept) override {
    listeners_.push_back(
        std::make_shared<Listener>(io_, listen_fd, std::move(may_accept), std::move(on_accept)));
  }
  void ResumeAccepting() override {
    for (const auto& listener : listeners_) listener->Resume();
  }
  void StopListening() override {
    for (const auto& listener : listeners_) listener->Close();
  }
  std::unique_ptr<SocketWatch> Watch(int fd) override {
    return std::make_unique<AsioWatch>(io_, fd);
  }
  void RunEvery(int64_t interval_ms, std::function<void()> work) override {
    auto ticker = std::make_shared<Ticker>(
        Ticker{asio::steady_timer(io_), std::chrono::milliseconds(interval_ms), std::move(work)});
    Tick(ticker);
  }
  void Start() override {
    for (const auto& listener : listeners_) listener->Wait();
    for (size_t i = 0; i < thread_count_; ++i) {
      threads_.emplace_back([this, i] {
        base::SetThreadName("http-io-" + std::to_string(i));
        io_.run();
      });
    }
  }
  void Stop() override {
    StopListening();
    io_.stop();
    threads_.clear();
  }

 private:
  struct Ticker {
    asio::steady_timer timer;
    std::chrono::milliseconds interval;
    std::function<void()> work;
  };
  static void Tick(const std::shared_ptr<Ticker>& ticker) {
    ticker->timer.expires_after(ticker->interval);
    ticker->timer.async_wait([ticker](const error_code& ec) {
      if (ec) return;
      ticker->work();
      Tick(ticker);
    });
  }

  const size_t thread_count_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::vector<std::shared_ptr<Listener>> listeners_;  // constant after Start()
  std::vector<std::jthread> threads_;
};

}  // namespace

std::unique_ptr<IoLoop> IoLoop::Create(size_t threads) {
  return std::make_unique<AsioLoop>(threads);
}

}  // namespace tributary::net
