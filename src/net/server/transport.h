// Transport: one accepted socket, plain or TLS. Reads and the handshake never block; writes block
// until the socket has taken everything, with deadlines left to whoever may call Shutdown().
// One thread at a time, except Shutdown() and PeerGone(), which any thread may call while the
// object lives. Does not own the file descriptor.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <openssl/types.h>

namespace tributary::net {

enum class IoState : unsigned char { kDone, kWantRead, kWantWrite, kClosed };

class Transport {
 public:
  // `context` null: plain.
  Transport(int fd, std::shared_ptr<SSL_CTX> context);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  bool is_tls() const { return ssl_ != nullptr; }
  SSL* ssl() const { return ssl_; }
  IoState Handshake();
  // kDone: `*n` > 0 bytes were read.
  IoState Read(char* out, size_t size, size_t* n);
  // Bytes are waiting that no poll of the socket would announce.
  bool HasBuffered() const;
  // `progress` is called before each wait for the socket and after it (false: waiting is over).
  template <class Progress>
  bool WriteAll(std::span<const std::string_view> parts, const Progress& progress) {
    if (is_tls()) {
      for (const std::string_view part : parts) {
        size_t done = 0;
        while (done < part.size()) {
          size_t n = 0;
          const IoState state = WriteTls(part.substr(done), &n);
          done += n;
          if (!Await(state, progress)) return false;
        }
      }
      return true;
    }
    size_t done = 0;
    size_t total = 0;
    for (const std::string_view part : parts) total += part.size();
    while (done < total) {
      size_t n = 0;
      const IoState state = WritePlain(parts, done, &n);
      done += n;
      if (!Await(state, progress)) return false;
    }
    return true;
  }
  // The other side has closed its half, or the connection is broken.
  bool PeerGone() const;
  // Says goodbye in TLS, if that can be done without waiting.
  void CloseNotify();
  void ShutdownWrite();
  // Ends everything that waits on the socket.
  void Shutdown();

 private:
  template <class Progress>
  bool Await(IoState state, const Progress& progress) {
    if (state == IoState::kClosed) return false;
    if (state == IoState::kDone) return true;
    progress(true);
    const bool ok = Poll(state == IoState::kWantWrite);
    progress(false);
    return ok;
  }
  bool Poll(bool for_write) const;
  IoState WriteTls(std::string_view data, size_t* n);
  IoState WritePlain(std::span<const std::string_view> parts, size_t skip, size_t* n);
  IoState SslState(int result);

  const int fd_;
  SSL* ssl_ = nullptr;
  std::atomic<bool> shut_{false};
};

}  // namespace tributary::net
