#include "net/server/connection.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/clock.h"

namespace tributary::net {
namespace {

constexpr size_t kReadStep = 8 * 1024;
constexpr size_t kBodyStep = 256 * 1024;
// An unread body up to this size is read and thrown away so that the connection can go on.
constexpr uint64_t kMaxDiscardBytes = 256 * 1024;
constexpr uint64_t kMaxLingerBytes = 4 * 1024 * 1024;
constexpr int64_t kLingerMs = 2'000;
// A client that takes nothing for this long while we write to it is cut off.
constexpr int64_t kMaxWriteStallMs = 60'000;
constexpr int64_t kPeerCheckMs = 20;
constexpr size_t kKeepBytes = 16 * 1024;  // of a buffer, between requests

int64_t NowMs() { return base::SystemClock().MonotonicNs() / 1'000'000; }

}  // namespace

Connection::Connection(const ConnectionHost& host, std::unique_ptr<SocketWatch> watch, int fd,
                       std::string remote_address, std::shared_ptr<const TlsContext> tls,
                       std::shared_ptr<SSL_CTX> tls_context)
    : host_(host),
      remote_address_(std::move(remote_address)),
      tls_(std::move(tls)),
      watch_(std::move(watch)),
      transport_(fd, std::move(tls_context)),
      parser_(host.options->max_header_bytes),
      response_(static_cast<ByteSink&>(*this)) {}

void Connection::Start() {
  SetDeadline(host_.options->header_timeout_ms);
  Step();
}

void Connection::SetDeadline(int64_t after_ms) {
  deadline_ms_.store(after_ms == 0 ? 0 : NowMs() + after_ms, std::memory_order_relaxed);
}

void Connection::CheckDeadline(int64_t now_ms) {
  const int64_t deadline = deadline_ms_.load(std::memory_order_relaxed);
  if (deadline != 0 && now_ms > deadline) transport_.Shutdown();
}

bool Connection::cancelled() const {
  if (host_.stopping->load(std::memory_order_relaxed) || peer_gone_.load()) return true;
  const int64_t now = NowMs();
  if (now - peer_checked_ms_.load(std::memory_order_relaxed) < kPeerCheckMs) return false;
  peer_checked_ms_.store(now, std::memory_order_relaxed);
  if (!transport_.PeerGone()) return false;
  peer_gone_.store(true);
  return true;
}

bool Connection::Send(std::span<const std::string_view> parts) {
  const int64_t stall_ms = std::min(host_.options->read_timeout_ms, kMaxWriteStallMs);
  const bool sent =
      transport_.WriteAll(parts, [&](bool waiting) { SetDeadline(waiting ? stall_ms : 0); });
  if (!sent) peer_gone_.store(true);
  return sent;
}

void Connection::AwaitSocket(bool for_write) {
  watch_->Wait(for_write, [self = shared_from_this()] { self->Step(); });
}

void Connection::Submit(void (Connection::*step)()) {
  host_.pool->Submit([self = shared_from_this(), step] { ((*self).*step)(); });
}

void Connection::Step() {
  switch (state_) {
    case State::kHandshake: {
      const IoState io = transport_.Handshake();
      if (io == IoState::kClosed) return Close();
      if (io != IoState::kDone) return AwaitSocket(io == IoState::kWantWrite);
      if (tls_ && !tls_->PeerAllowed(transport_.ssl())) return Close();
      state_ = State::kHead;
      SetDeadline(host_.options->read_timeout_ms);
      return StepHead();
    }
    case State::kHead:
      return StepHead();
    case State::kBody:
      return StepBody();
    case State::kDiscard:
    case State::kLinger:
      return StepDiscard();
  }
}

void Connection::StepHead() {
  switch (ReadHead()) {
    case Progress::kDone:
      idle_ = false;
      SetDeadline(0);
      return Submit(&Connection::RunHeadCheck);
    case Progress::kWait:
      return AwaitSocket(false);
    case Progress::kClosed:
      return Close();
    case Progress::kBad:
      return Submit(&Connection::Refuse);
  }
}

void Connection::StepBody() {
  switch (ReadBody()) {
    case Progress::kDone:
      return Submit(&Connection::RunHandler);
    case Progress::kWait:
      return AwaitSocket(false);
    case Progress::kClosed:
      return Close();
    case Progress::kBad:
      return Submit(&Connection::Refuse);
  }
}

void Connection::StepDiscard() {
  std::array<char, kReadStep> waste;
  while (discard_left_ > 0) {
    size_t n = 0;
    const size_t size = std::min<uint64_t>(waste.size(), discard_left_);
    switch (transport_.Read(waste.data(), size, &n)) {
      case IoState::kDone:
        discard_left_ -= n;
        break;
      case IoState::kWantRead:
        return AwaitSocket(false);
      case IoState::kWantWrite:
        return AwaitSocket(true);
      case IoState::kClosed:
        return Close();
    }
  }
  if (state_ == State::kLinger) return Close();
  NextRequest();
}

Connection::Progress Connection::Fill() {
  if (pending_begin_ > 0) {
    pending_.erase(0, pending_begin_);
    pending_begin_ = 0;
  }
  const size_t before = pending_.size();
  pending_.resize(before + kReadStep);
  size_t n = 0;
  const IoState io = transport_.Read(pending_.data() + before, kReadStep, &n);
  pending_.resize(before + n);
  switch (io) {
    case IoState::kDone:
      return Progress::kDone;
    case IoState::kWantRead:
    case IoState::kWantWrite:  // only in a renegotiation, which is switched off
      return Progress::kWait;
    case IoState::kClosed:
      break;
  }
  return Progress::kClosed;
}

Connection::Progress Connection::ReadHead() {
  for (;;) {
    if (!head_started_) {
      // An empty line before a request is to be ignored (RFC 9112, 2.2).
      pending_begin_ =
          std::min(pending_.find_first_not_of("\r\n", pending_begin_), pending_.size());
    }
    if (pending_begin_ < pending_.size()) {
      if (!head_started_) {
        head_started_ = true;
        SetDeadline(host_.options->header_timeout_ms);
      }
      size_t consumed = 0;
      const auto outcome =
          parser_.ParseHead(std::string_view(pending_).substr(pending_begin_), &consumed);
      pending_begin_ += consumed;
      if (outcome == RequestParser::Outcome::kError) return Progress::kBad;
      if (outcome == RequestParser::Outcome::kDone) {
        ParseTarget();
        return Progress::kDone;
      }
    }
    if (const Progress progress = Fill(); progress != Progress::kDone) return progress;
  }
}

void Connection::ParseTarget() {
  std::string_view target = parser_.head().target;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
  }
  target = target.substr(0, target.find('#'));
  const size_t question = std::min(target.find('?'), target.size());
  query_ = target.substr(std::min(question + 1, target.size()));
  path_ = UrlDecode(target.substr(0, question), /*plus_is_space=*/false);
  if (path_.empty()) path_ = "/";
}

Connection::Progress Connection::ReadBody() {
  if (!parser_.head().chunked) return ReadSizedBody();
  for (;;) {
    if (pending_begin_ < pending_.size()) {
      size_t consumed = 0;
      const auto outcome = parser_.ParseChunked(std::string_view(pending_).substr(pending_begin_),
                                                host_.options->max_body_bytes, &body_, &consumed);
      pending_begin_ += consumed;
      if (outcome == RequestParser::Outcome::kError) return Progress::kBad;
      if (outcome == RequestParser::Outcome::kDone) return Progress::kDone;
    }
    if (const Progress progress = Fill(); progress != Progress::kDone) return progress;
  }
}

Connection::Progress Connection::ReadSizedBody() {
  const uint64_t want = parser_.head().content_length;
  while (body_received_ < want) {
    if (body_.size() == body_received_) {
      // Grows with what has really come, so that a mere claim of a large body costs nothing.
      body_.resize(std::min<uint64_t>(want, std::max(kBodyStep, 2 * body_received_)));
    }
    const size_t room = body_.size() - body_received_;
    if (pending_begin_ < pending_.size()) {
      const size_t n = std::min(room, pending_.size() - pending_begin_);
      pending_.copy(body_.data() + body_received_, n, pending_begin_);
      pending_begin_ += n;
      body_received_ += n;
      continue;
    }
    size_t n = 0;
    const IoState io = transport_.Read(body_.data() + body_received_, room, &n);
    if (io == IoState::kClosed) return Progress::kClosed;
    if (io != IoState::kDone) return Progress::kWait;
    body_received_ += n;
  }
  return Progress::kDone;
}

void Connection::BeginResponse() {
  const RequestHead& head = parser_.head();
  ResponseStream::Request request;
  request.head = head.method == "HEAD";
  request.http_1_0 = head.http_1_0;
  request.keep_alive = head.keep_alive && !host_.stopping->load();
  request.accept_encoding = head.headers.Get("Accept-Encoding");
  response_.Begin(request);
}

void Connection::RunHeadCheck() {
  const RequestHead& head = parser_.head();
  BeginResponse();
  if (*host_.head_check && !(*host_.head_check)(*this, response_)) return FinishUnreadBody();
  if (head.content_length > host_.options->max_body_bytes) {
    return SendRefusal(413, "request body too large");
  }
  switch (ReadBody()) {
    case Progress::kDone:
      return RunHandler();
    case Progress::kWait:
      if (head.expects_continue && body_received_ == 0 && (!head.chunked || body_.empty())) {
        static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
        if (!Send({&kContinue, 1})) return Close();
      }
      state_ = State::kBody;
      SetDeadline(host_.options->read_timeout_ms);
      return AwaitSocket(false);
    case Progress::kClosed:
      return Close();
    case Progress::kBad:
      return Refuse();
  }
}

// The head check has answered; what follows on the wire is the body that nobody will read.
void Connection::FinishUnreadBody() {
  const RequestHead& head = parser_.head();
  const bool has_body = head.chunked || head.content_length > 0;
  // A client told to expect 100 may send the body or not: what comes next cannot be known.
  if (has_body &&
      (head.chunked || head.expects_continue || head.content_length > kMaxDiscardBytes)) {
    response_.ForceClose();
  }
  if (!response_.Finish()) return Close();
  if (!response_.keep_alive()) return has_body ? CloseLingering() : Close();
  const uint64_t here = std::min<uint64_t>(pending_.size() - pending_begin_, head.content_length);
  pending_begin_ += here;
  discard_left_ = head.content_length - here;
  state_ = State::kDiscard;
  SetDeadline(host_.options->header_timeout_ms);
  StepDiscard();
}

void Connection::RunHandler() {
  SetDeadline(0);
  (*host_.handler)(*this, response_);
  if (!response_.Finish() || !response_.keep_alive()) return Close();
  NextRequest();
}

void Connection::NextRequest() {
  parser_.Reset();
  body_received_ = 0;
  if (body_.capacity() > kKeepBytes) {
    body_ = std::string();
  } else {
    body_.clear();
  }
  if (pending_begin_ == pending_.size()) {
    pending_begin_ = 0;
    if (pending_.capacity() > kKeepBytes) {
      pending_ = std::string();
    } else {
      pending_.clear();
    }
  }
  head_started_ = false;
  state_ = State::kHead;
  idle_ = true;
  if (host_.stopping->load()) return Close();
  SetDeadline(host_.options->read_timeout_ms);
  if (!pending_.empty() || transport_.HasBuffered()) return StepHead();
  AwaitSocket(false);
}

void Connection::Refuse() { SendRefusal(parser_.failure().status, parser_.failure().reason); }

void Connection::SendRefusal(int status, std::string_view reason) {
  BeginResponse();
  response_.ForceClose();
  response_.SetStatus(status);
  response_.SetHeader("Content-Type", "text/plain; charset=utf-8");
  response_.Write(fmt::format("{} {}: {}\n", status, StatusText(status), reason));
  if (!response_.Finish()) return Close();
  CloseLingering();
}

void Connection::CloseLingering() {
  transport_.CloseNotify();
  transport_.ShutdownWrite();
  state_ = State::kLinger;
  idle_ = true;
  discard_left_ = kMaxLingerBytes;
  SetDeadline(kLingerMs);
  if (host_.stopping->load()) return Close();
  StepDiscard();
}

void Connection::Close() {
  host_.forget(this);
  transport_.CloseNotify();
  watch_.reset();
}

}  // namespace tributary::net
