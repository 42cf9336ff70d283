#include "net/server/transport.h"

#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace tributary::net {

Transport::Transport(int fd, std::shared_ptr<SSL_CTX> context) : fd_(fd) {
  if (!context) return;
  ssl_ = SSL_new(context.get());
  if (ssl_ == nullptr || SSL_set_fd(ssl_, fd) != 1) {
    shut_ = true;
    return;
  }
  SSL_set_accept_state(ssl_);
  SSL_set_mode(ssl_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                         SSL_MODE_RELEASE_BUFFERS);
}

Transport::~Transport() {
  if (ssl_ != nullptr) SSL_free(ssl_);
}

IoState Transport::SslState(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_NONE:
      return IoState::kDone;
    case SSL_ERROR_WANT_READ:
      return IoState::kWantRead;
    case SSL_ERROR_WANT_WRITE:
      return IoState::kWantWrite;
    default:
      shut_ = true;  // after a fatal error the session must not be touched again
      return IoState::kClosed;
  }
}

IoState Transport::Handshake() {
  if (shut_) return IoState::kClosed;
  if (ssl_ == nullptr) return IoState::kDone;
  ERR_clear_error();
  return SslState(SSL_do_handshake(ssl_));
}

IoState Transport::Read(char* out, size_t size, size_t* n) {
  *n = 0;
  if (shut_) return IoState::kClosed;
  if (ssl_ != nullptr) {
    ERR_clear_error();
    return SslState(SSL_read_ex(ssl_, out, size, n));
  }
  for (;;) {
    const ssize_t got = ::recv(fd_, out, size, MSG_DONTWAIT);
    if (got > 0) {
      *n = static_cast<size_t>(got);
      return IoState::kDone;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return IoState::kWantRead;
    return IoState::kClosed;
  }
}

bool Transport::HasBuffered() const { return ssl_ != nullptr && SSL_has_pending(ssl_) == 1; }

IoState Transport::WriteTls(std::string_view data, size_t* n) {
  if (shut_) return IoState::kClosed;
  ERR_clear_error();
  return SslState(SSL_write_ex(ssl_, data.data(), data.size(), n));
}

IoState Transport::WritePlain(std::span<const std::string_view> parts, size_t skip, size_t* n) {
  std::array<iovec, 8> vectors;
  size_t count = 0;
  for (const std::string_view part : parts) {
    if (skip >= part.size()) {
      skip -= part.size();
      continue;
    }
    if (count == vectors.size()) break;
    vectors[count++] = {const_cast<char*>(part.data()) + skip, part.size() - skip};
    skip = 0;
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  for (;;) {
    if (shut_) return IoState::kClosed;
    const ssize_t sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      *n = static_cast<size_t>(sent);
      return IoState::kDone;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return IoState::kWantWrite;
    return IoState::kClosed;
  }
}

bool Transport::Poll(bool for_write) const {
  pollfd p{fd_, static_cast<short>(for_write ? POLLOUT : POLLIN), 0};
  for (;;) {
    const int ready = ::poll(&p, 1, -1);
    if (ready > 0) return !shut_;
    if (ready < 0 && errno != EINTR) return false;
  }
}

bool Transport::PeerGone() const {
  pollfd p{fd_, POLLRDHUP, 0};
  return shut_ || (::poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0);
}

void Transport::CloseNotify() {
  if (ssl_ != nullptr && !shut_ && SSL_is_init_finished(ssl_)) {
    ERR_clear_error();
    SSL_shutdown(ssl_);
  }
}

void Transport::ShutdownWrite() { ::shutdown(fd_, SHUT_WR); }

void Transport::Shutdown() {
  shut_ = true;
  ::shutdown(fd_, SHUT_RDWR);
}

}  // namespace tributary::net
