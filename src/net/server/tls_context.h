// TlsContext: the server's TLS settings as OpenSSL wants them, made anew when a file changes.
// A new pair that does not fit together is refused: the old one stays, and the log says why.
// Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <openssl/types.h>

#include "base/mutex.h"
#include "base/result.h"
#include "net/file_watch.h"
#include "net/tls.h"

namespace tributary::net {

class TlsContext {
 public:
  static base::Result<std::unique_ptr<TlsContext>> Create(TlsServerOptions options);

  // The context for a new connection. Looks at the files at most once a second.
  std::shared_ptr<SSL_CTX> Current();
  // After a handshake: does the certificate that the client showed, if any, bear an allowed name?
  bool PeerAllowed(SSL* ssl) const;

 private:
  explicit TlsContext(TlsServerOptions options) : options_(std::move(options)) {}
  std::vector<FileStamp> Stamps() const;

  const TlsServerOptions options_;
  base::Mutex mutex_;
  std::shared_ptr<SSL_CTX> context_ TB_GUARDED_BY(mutex_);
  std::vector<FileStamp> stamps_ TB_GUARDED_BY(mutex_);
  int64_t checked_ns_ TB_GUARDED_BY(mutex_) = 0;
};

}  // namespace tributary::net
