// RequestParser: one HTTP/1.x request out of bytes. Framing follows RFC 9112 strictly where
// leniency would let a proxy and us disagree on where a request ends (both Content-Length and
// Transfer-Encoding, unknown transfer codings). Not thread-safe; Reset() before the next request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/http.h"

namespace tributary::net {

struct RequestHead {
  std::string method;
  std::string target;  // as sent: path and query, or absolute form
  Headers headers;
  bool http_1_0 = false;
  bool keep_alive = false;
  bool chunked = false;
  bool expects_continue = false;
  uint64_t content_length = 0;  // 0 when chunked
};

class RequestParser {
 public:
  enum class Outcome : unsigned char { kNeedMore, kDone, kError };
  // The status and the reason of an error, for the answer.
  struct Failure {
    int status = 400;
    std::string_view reason;
  };

  explicit RequestParser(size_t max_header_bytes);
  ~RequestParser();
  void Reset();

  // Looks at `data`, which starts with what the call before did not consume. `consumed` bytes are
  // done with and must not be shown again.
  Outcome ParseHead(std::string_view data, size_t* consumed);
  // The body of a chunked request, after ParseHead() said kDone; appends to `body`, which never
  // grows past `max_body_bytes` (413).
  Outcome ParseChunked(std::string_view data, size_t max_body_bytes, std::string* body,
                       size_t* consumed);

  const RequestHead& head() const;
  const Failure& failure() const { return failure_; }

 private:
  struct Impl;
  Outcome Fail(int status, std::string_view reason);
  const size_t max_header_bytes_;
  std::unique_ptr<Impl> impl_;
  Failure failure_;
};

}  // namespace tributary::net
