#include "net/server/response_stream.h"

#include <array>
#include <ctime>

#include <fmt/format.h>

#include "base/strings.h"

namespace tributary::net {
namespace {

constexpr size_t kBufferBytes = 64 * 1024;
constexpr size_t kMinCompressBytes = 1024;

// The Date field, rendered once a second and thread.
std::string_view DateField() {
  thread_local std::time_t rendered = 0;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != rendered) {
    std::tm tm{};
    ::gmtime_r(&now, &tm);
    std::array<char, 64> out{};
    std::strftime(out.data(), out.size(), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
    text = out.data();
    rendered = now;
  }
  return text;
}

// A response split by a header value would let a handler's input speak for the server.
bool HasLineBreak(std::string_view value) {
  return value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

}  // namespace

void ResponseStream::Begin(const Request& request) {
  request_ = request;
  status_ = 200;
  headers_ = Headers();
  head_.clear();
  if (buffer_.capacity() > kBufferBytes / 4) {
    buffer_ = std::string();
  } else {
    buffer_.clear();
  }
  packed_ = std::string();
  compressor_.reset();
  coding_ = Coding::kIdentity;
  compression_allowed_ = true;
  head_sent_ = false;
  chunked_ = false;
  keep_alive_ = request.keep_alive;
  gone_ = false;
}

void ResponseStream::SetStatus(int status) { status_ = status; }

void ResponseStream::SetHeader(std::string_view name, std::string value) {
  if (HasLineBreak(name) || HasLineBreak(value)) return;
  headers_.Set(name, std::move(value));
}

bool ResponseStream::BodyAllowed() const {
  return !request_.head && status_ != 204 && status_ != 304;
}

bool ResponseStream::WorthCompressing() const {
  if (!compression_allowed_ || headers_.Has("Content-Encoding") || status_ == 206) return false;
  const std::string_view type = headers_.Get("Content-Type");
  return !(type.starts_with("image/") && !type.starts_with("image/svg")) &&
         !type.starts_with("font/") && !type.starts_with("application/gzip");
}

void ResponseStream::RenderHead(bool whole, size_t body_size) {
  head_.clear();
  head_.append("HTTP/1.1 ").append(std::to_string(status_)).append(" ");
  head_.append(StatusText(status_)).append("\r\n");
  head_ += DateField();
  for (const auto& [name, value] : headers_.fields()) {
    if (base::EqualsIgnoreCase(name, "Content-Length") ||
        base::EqualsIgnoreCase(name, "Transfer-Encoding") ||
        base::EqualsIgnoreCase(name, "Connection")) {
      if (base::EqualsIgnoreCase(name, "Connection") && base::EqualsIgnoreCase(value, "close")) {
        keep_alive_ = false;
      }
      continue;
    }
    head_.append(name).append(": ").append(value).append("\r\n");
  }
  if (coding_ != Coding::kIdentity) {
    head_.append("Content-Encoding: ").append(CodingName(coding_)).append("\r\n");
  }
  // Said of the uncompressed answer too: a cache must not give it to everyone.
  if (BodyAllowed() && WorthCompressing()) head_ += "Vary: Accept-Encoding\r\n";
  if (whole) {
    if (status_ != 204 && status_ != 304) {
      head_.append("Content-Length: ").append(std::to_string(body_size)).append("\r\n");
    }
  } else if (request_.http_1_0) {
    keep_alive_ = false;
  } else {
    chunked_ = true;
    head_ += "Transfer-Encoding: chunked\r\n";
  }
  if (!keep_alive_) {
    head_ += "Connection: close\r\n";
  } else if (request_.http_1_0) {
    head_ += "Connection: keep-alive\r\n";
  }
  head_ += "\r\n";
}

bool ResponseStream::SendPart(std::string_view data, bool flush, bool last) {
  if (gone_) return false;
  if (!head_sent_) {
    if (WorthCompressing() && BodyAllowed()) coding_ = ChooseCoding(request_.accept_encoding);
    if (coding_ != Coding::kIdentity) compressor_ = StreamCompressor::Create(coding_);
    RenderHead(/*whole=*/false, 0);
  }
  const std::string_view head = head_sent_ ? std::string_view() : std::string_view(head_);
  head_sent_ = true;
  if (!BodyAllowed()) {
    gone_ = !head.empty() && !sink_.Send(std::array<std::string_view, 1>{head});
    return !gone_;
  }
  std::string_view body = data;
  if (compressor_) {
    packed_.clear();
    compressor_->Add(data, &packed_);
    if (last) {
      compressor_->Finish(&packed_);
    } else if (flush) {
      compressor_->Flush(&packed_);
    }
    body = packed_;
  }
  std::string before;
  std::string_view after;
  if (chunked_ && !body.empty()) {
    before = fmt::format("{:x}\r\n", body.size());  // short enough to need no memory
    after = "\r\n";
  }
  const std::string_view end = chunked_ && last ? "0\r\n\r\n" : "";
  gone_ = !sink_.Send(std::array<std::string_view, 5>{head, before, body, after, end});
  return !gone_;
}

bool ResponseStream::Write(std::string_view data) {
  if (gone_) return false;
  if (buffer_.size() + data.size() <= kBufferBytes) {
    buffer_ += data;
    return true;
  }
  if (!buffer_.empty()) {
    const bool ok = SendPart(buffer_, /*flush=*/false, /*last=*/false);
    buffer_.clear();
    if (!ok) return false;
  }
  while (data.size() > kBufferBytes) {
    if (!SendPart(data.substr(0, kBufferBytes), /*flush=*/false, /*last=*/false)) return false;
    data.remove_prefix(kBufferBytes);
  }
  buffer_ += data;
  return true;
}

bool ResponseStream::Flush() {
  if (gone_) return false;
  const bool ok = SendPart(buffer_, /*flush=*/true, /*last=*/false);
  buffer_.clear();
  return ok;
}

bool ResponseStream::Finish() {
  if (gone_) return false;
  if (head_sent_) return SendPart(buffer_, /*flush=*/false, /*last=*/true);
  std::string_view body = buffer_;
  if (BodyAllowed() && body.size() >= kMinCompressBytes && WorthCompressing()) {
    coding_ = ChooseCoding(request_.accept_encoding);
    if (coding_ != Coding::kIdentity) {
      CompressWhole(coding_, body, &packed_);
      body = packed_;
    }
  }
  RenderHead(/*whole=*/true, body.size());
  head_sent_ = true;
  if (!BodyAllowed()) body = {};
  gone_ = !sink_.Send(std::array<std::string_view, 2>{head_, body});
  return !gone_;
}

}  // namespace tributary::net
