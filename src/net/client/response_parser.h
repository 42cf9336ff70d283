// ResponseParser: reads an HTTP/1.x answer to a GET piece by piece, for PlainLoop. Framing as RFC
// 9112: Content-Length, chunked, or until the connection closes. Lines may end in a bare newline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/http.h"

namespace tributary::net {

class ResponseParser {
 public:
  enum class State : unsigned char { kReading, kDone, kMalformed, kTooLarge };

  // Forgets everything. `max_body`: 0 is no limit.
  void Begin(size_t max_body);
  // Takes bytes off the wire. After kDone, what was not part of the answer makes it not reusable.
  State Feed(std::string_view bytes);
  // The connection was closed by the peer.
  State End();

  bool started() const { return started_; }
  // Whether the connection can carry another request.
  bool reusable() const { return keep_alive_; }

  // Valid once done.
  int status() const { return status_; }
  Headers& headers() { return headers_; }
  std::string& body() { return body_; }

 private:
  enum class Step : unsigned char {
    kStatusLine,
    kHeaders,
    kLength,
    kChunkSize,
    kChunkData,
    kChunkEnd,
    kTrailers,
    kUntilClose,
    kDone,
  };

  // Both take a line without its end; false: malformed.
  bool OnLine(std::string_view line);
  bool OnStatusLine(std::string_view line);
  bool OnHeadersEnd();
  bool OnChunkSize(std::string_view line);
  bool TakesLines() const {
    return step_ == Step::kStatusLine || step_ == Step::kHeaders || step_ == Step::kChunkSize ||
           step_ == Step::kChunkEnd || step_ == Step::kTrailers;
  }

  size_t max_body_ = 0;
  Step step_ = Step::kStatusLine;
  bool started_ = false;
  bool keep_alive_ = false;
  bool old_version_ = false;  // HTTP/1.0
  int status_ = 0;
  Headers headers_;
  std::string line_;       // the part of a line that has come
  size_t head_bytes_ = 0;  // of headers or trailers so far
  uint64_t left_ = 0;      // bytes of the body, or the chunk, still to come
  std::string body_;
};

}  // namespace tributary::net
