// HTTP/1.1 server with TLS: keep-alive, limits, timeouts against slow clients, graceful stop.
//
// I/O runs on Asio threads; handlers run on a pool of the server's, may block, and write their
// answer as they make it: a large body is streamed with back-pressure, so that memory per
// connection is bounded. Responses are compressed (gzip, zstd) when the client accepts it, the
// handler allows it and the body is worth it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "net/http.h"
#include "net/tls.h"

namespace tributary::net {

// Lives for one handler call.
class Request {
 public:
  virtual ~Request() = default;
  virtual std::string_view method() const = 0;
  virtual std::string_view path() const = 0;       // decoded, without the query string
  virtual std::string_view raw_query() const = 0;  // after '?', encoded
  virtual std::string_view header(std::string_view name) const = 0;  // "" when absent
  virtual bool has_header(std::string_view name) const = 0;
  // The whole body as received (still encoded). Mutable so that a handler can take or reuse it.
  virtual std::string& body() = 0;
  virtual const std::string& remote_address() const = 0;  // "127.0.0.1:40312"
  virtual bool is_tls() const = 0;
  // True once the client has gone away or the server is stopping; long work should look.
  virtual bool cancelled() const = 0;
};

// Status and headers go out with the first Write() or when the handler returns.
class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;
  virtual void SetStatus(int status) = 0;  // 200 unless set
  virtual void SetHeader(std::string_view name, std::string value) = 0;
  // Blocks while the socket is full. False: the client is gone, stop writing.
  virtual bool Write(std::string_view data) = 0;
  // Everything so far goes to the client now (server-sent events).
  virtual bool Flush() = 0;
  virtual void DisableCompression() = 0;
};

// Called on many threads at once.
using Handler = std::function<void(Request&, ResponseWriter&)>;

// Looked at before a request's body is read, so that strangers cannot make us buffer. Returns
// false after writing an answer (401, 413, 404 …).
using HeadCheck = std::function<bool(Request&, ResponseWriter&)>;

struct HttpServerOptions {
  std::vector<std::string> listen_addresses;  // "127.0.0.1:9090", ":9090", "[::1]:0"
  std::optional<TlsServerOptions> tls;
  int max_connections = 512;
  int64_t read_timeout_ms = 300'000;  // for one request's head and body, and idle keep-alive
  int64_t header_timeout_ms = 30'000;
  size_t max_header_bytes = 64 * 1024;
  size_t max_body_bytes = 32 * 1024 * 1024;
  size_t io_threads = 1;
  size_t handler_threads = 0;  // 0: 8 a core, at least 64: most of them wait, for data or engine
};

class HttpServer {
 public:
  // Binds; does not accept yet. Errors name the address and what to do ("address in use").
  static base::Result<std::unique_ptr<HttpServer>> Create(HttpServerOptions options,
                                                          HeadCheck head_check, Handler handler);
  virtual ~HttpServer() = default;
  virtual void Start() = 0;
  // The ports that were bound, in the order of listen_addresses (for port 0).
  virtual std::vector<uint16_t> ports() const = 0;
  // New TLS settings for new connections; certificate and key files are also watched by themselves.
  virtual base::Status ReloadTls(const std::optional<TlsServerOptions>& tls) = 0;
  // Refuses new connections, lets requests in flight end for at most `grace_ms`, then cuts them.
  virtual void Stop(int64_t grace_ms) = 0;
};

}  // namespace tributary::net
