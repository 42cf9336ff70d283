// PlainLoop: GET over http:// to an address, which is what nearly every scrape is, without what
// libcurl spends on it: the caller's thread writes the request on a kept connection, one thread
// reads the answers, and hands small ones over itself. All that is more than that goes through
// TransferLoop: names, TLS, proxies, bodies, streams, redirects.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/client/prepared_request.h"
#include "net/client/transfer_loop.h"

namespace tributary::net {

// What `url` asks for; nullopt when it is not http:// to a literal address, or has anything that
// needs a closer look.
std::optional<PlainTarget> ParsePlainUrl(std::string_view url);

// Thread-safe.
class PlainLoop {
 public:
  // Made on first use and kept until the process ends, as TransferLoop.
  static PlainLoop& Shared();

  // `head` is the request, to the empty line, where the prepared one has none. Ends in
  // transfer->done on a completion thread, or, for a redirect that is to be followed, in
  // transfer->redirected. REQUIRES: transfer->prepared->plain.
  virtual void Submit(std::unique_ptr<Transfer> transfer, std::string head) = 0;
  // Ends the owner's transfers with kCancelled.
  virtual void CancelOwner(uint64_t owner) = 0;

 protected:
  ~PlainLoop() = default;
};

}  // namespace tributary::net
