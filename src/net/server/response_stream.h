// ResponseStream: turns a handler's writes into HTTP/1.x bytes. What fits the buffer goes out in
// one piece with Content-Length; more is streamed, chunked (HTTP/1.0: until the connection ends).
// Memory is bounded by the buffer, whatever the size of the answer. One handler thread at a time.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/http.h"
#include "net/http_server.h"
#include "net/server/compressor.h"

namespace tributary::net {

// Where the bytes go. Blocks until they are taken; false: the client is gone.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual bool Send(std::span<const std::string_view> parts) = 0;
};

class ResponseStream final : public ResponseWriter {
 public:
  explicit ResponseStream(ByteSink& sink) : sink_(sink) {}

  struct Request {
    bool head = false;  // HEAD: everything but the body
    bool http_1_0 = false;
    bool keep_alive = false;
    std::string_view accept_encoding;
  };
  // Forgets the response before.
  void Begin(const Request& request);
  // Sends what is left. False: the client is gone.
  bool Finish();
  // Whether the connection can serve another request; after Finish().
  bool keep_alive() const { return keep_alive_; }
  void ForceClose() { keep_alive_ = false; }  // before anything was sent

  void SetStatus(int status) override;
  void SetHeader(std::string_view name, std::string value) override;
  bool Write(std::string_view data) override;
  bool Flush() override;
  void DisableCompression() override { compression_allowed_ = false; }

 private:
  bool BodyAllowed() const;
  // Decides framing and coding and renders status line and fields into head_.
  void RenderHead(bool whole, size_t body_size);
  bool WorthCompressing() const;
  bool SendPart(std::string_view data, bool flush, bool last);

  ByteSink& sink_;
  Request request_;
  int status_ = 200;
  Headers headers_;
  std::string head_;
  std::string buffer_;
  std::string packed_;
  std::unique_ptr<StreamCompressor> compressor_;
  Coding coding_ = Coding::kIdentity;
  bool compression_allowed_ = true;
  bool head_sent_ = false;
  bool chunked_ = false;
  bool keep_alive_ = false;
  bool gone_ = false;
};

}  // namespace tributary::net
