// Connection: one client's socket and its requests, one after the other.
//
// A request goes: head parsed on a loop thread -> head check on a handler thread -> body, read by
// the handler thread as far as it is there already, by a loop thread when it has to be waited for
// -> handler -> answer, written by the handler thread. So a request whose bytes are there costs
// one change of threads. At any time exactly one thread works on a connection; the hand-overs
// (pool queue, socket wait) order their memory.
//
// Deadlines are checked from outside (Server's sweep), which shuts the socket down: whoever waits
// for it then wakes up and closes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/threads.h"
#include "net/http_server.h"
#include "net/server/io_loop.h"
#include "net/server/request_parser.h"
#include "net/server/response_stream.h"
#include "net/server/tls_context.h"
#include "net/server/transport.h"

namespace tributary::net {

class Connection;

// What connections share; outlives them.
struct ConnectionHost {
  const HttpServerOptions* options = nullptr;
  const HeadCheck* head_check = nullptr;
  const Handler* handler = nullptr;
  base::ThreadPool* pool = nullptr;
  const std::atomic<bool>* stopping = nullptr;
  // The connection is done: forget it. Called once, with the socket still open.
  std::function<void(Connection*)> forget;
};

class Connection final : public Request,
                         private ByteSink,
                         public std::enable_shared_from_this<Connection> {
 public:
  // `tls` null: plain. `tls_context` is what its handshake uses.
  Connection(const ConnectionHost& host, std::unique_ptr<SocketWatch> watch, int fd,
             std::string remote_address, std::shared_ptr<const TlsContext> tls,
             std::shared_ptr<SSL_CTX> tls_context);

  void Start();

  // From other threads, while the host still knows the connection:
  // Shuts the socket down when its deadline has passed.
  void CheckDeadline(int64_t now_ms);
  void Cut() { transport_.Shutdown(); }
  // No request is being read or answered.
  bool idle() const { return idle_.load(); }

  // Request
  std::string_view method() const override { return parser_.head().method; }
  std::string_view path() const override { return path_; }
  std::string_view raw_query() const override { return query_; }
  std::string_view header(std::string_view name) const override {
    return parser_.head().headers.Get(name);
  }
  bool has_header(std::string_view name) const override { return parser_.head().headers.Has(name); }
  std::string& body() override { return body_; }
  const std::string& remote_address() const override { return remote_address_; }
  bool is_tls() const override { return transport_.is_tls(); }
  bool cancelled() const override;

 private:
  enum class State : unsigned char { kHandshake, kHead, kBody, kDiscard, kLinger };
  enum class Progress : unsigned char { kDone, kWait, kClosed, kBad };

  bool Send(std::span<const std::string_view> parts) override;
  // Works until it has to wait for the socket, hands over to the pool, or closes.
  void Step();
  void StepHead();
  void StepBody();
  void StepDiscard();
  void AwaitSocket(bool for_write);
  // Parses what is buffered and reads more, without blocking.
  Progress ReadHead();
  Progress ReadBody();
  Progress ReadSizedBody();
  Progress Fill();  // more bytes into pending_
  void ParseTarget();
  // On a handler thread.
  void RunHeadCheck();
  void RunHandler();
  void FinishUnreadBody();
  void BeginResponse();
  void NextRequest();
  void Refuse();                                          // answers parser_.failure() and closes
  void SendRefusal(int status, std::string_view reason);  // and closes
  void Submit(void (Connection::*step)());                // runs it on a handler thread
  void CloseLingering();  // lets the client read the answer before the socket goes away
  void Close();
  void SetDeadline(int64_t after_ms);

  const ConnectionHost& host_;
  const std::string remote_address_;
  const std::shared_ptr<const TlsContext> tls_;
  std::unique_ptr<SocketWatch> watch_;
  Transport transport_;
  RequestParser parser_;
  ResponseStream response_;
  State state_ = State::kHandshake;
  std::string pending_;  // received, not parsed yet: [pending_begin_, size)
  size_t pending_begin_ = 0;
  std::string body_;
  size_t body_received_ = 0;
  uint64_t discard_left_ = 0;
  std::string path_;
  std::string_view query_;
  bool head_started_ = false;  // bytes of the next head have come in
  std::atomic<bool> idle_{true};
  std::atomic<int64_t> deadline_ms_{0};  // monotonic; 0: none
  mutable std::atomic<int64_t> peer_checked_ms_{0};
  mutable std::atomic<bool> peer_gone_{false};
};

}  // namespace tributary::net
