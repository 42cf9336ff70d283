// IoLoop: the threads that wait for sockets. Asio lives behind it and nowhere else in the server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace tributary::net {

// Owns a socket and waits for it. One wait at a time; a wait may be started on any thread.
class SocketWatch {
 public:
  virtual ~SocketWatch() = default;  // closes the socket; a pending wait never calls back
  // Calls `ready` once on a loop thread when the socket can be read (written), or is broken.
  virtual void Wait(bool for_write, std::function<void()> ready) = 0;
};

// Thread-safe, except that Stop() and the destructor are for the owner.
class IoLoop {
 public:
  using OnAccept = std::function<void(int fd, std::string remote_address)>;

  static std::unique_ptr<IoLoop> Create(size_t threads);
  virtual ~IoLoop() = default;

  // Takes over a listening socket. While `may_accept` says no, connections wait in the kernel's
  // queue until ResumeAccepting().
  virtual void Listen(int listen_fd, std::function<bool()> may_accept, OnAccept on_accept) = 0;
  virtual void ResumeAccepting() = 0;
  virtual void StopListening() = 0;
  virtual std::unique_ptr<SocketWatch> Watch(int fd) = 0;
  virtual void RunEvery(int64_t interval_ms, std::function<void()> work) = 0;
  virtual void Start() = 0;
  virtual void Stop() = 0;  // joins; nothing is called afterwards
};

}  // namespace tributary::net
