// PlainLoop: GET over http:// to an address, which is what nearly every scrape is, without what
// libcurl spends on it: the caller's thread writes the request on a kept connection, one thread
// reads the answers, and hands a small one over itself when no other has come with it. All that is more than that goes through TransferLoop: names, TLS, proxies,
// bodies, streams, redirects.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include "net/client/transfer_loop.h"

namespace tributary::net {

struct PlainTarget {
  sockaddr_storage address{};
  socklen_t address_size = 0;
  std::string authority;  // as in the URL: names the connection, and the Host
  std::string path;       // with the query; never empty
};

// What `url` asks for; nullopt when it is not http:// to a literal address, or has anything that
// needs a closer look.
std::optional<PlainTarget> ParsePlainUrl(std::string_view url);

// Thread-safe.
class PlainLoop {
 public:
  // Made on first use and kept until the process ends, as TransferLoop.
  static PlainLoop& Shared();

  // `head` is the request, to the empty line. Ends in transfer->done on a completion thread, or,
  // for a redirect that is to be followed, in transfer->redirected.
  virtual void Submit(std::unique_ptr<Transfer> transfer, const PlainTarget& target,
                      std::string head) = 0;
  // Ends the owner's transfers with kCancelled.
  virtual void CancelOwner(uint64_t owner) = 0;

 protected:
  ~PlainLoop() = default;
};

}  // namespace tributary::net
