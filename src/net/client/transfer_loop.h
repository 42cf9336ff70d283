// TransferLoop: the process's one event loop for outbound HTTP. All clients share its connection
// cache, its thread and its completion threads, so that a client is only a set of options.
// Thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <curl/curl.h>

#include "base/result.h"
#include "net/client/prepared_request.h"
#include "net/http_client.h"

namespace tributary::net {

struct SlistFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using SlistPtr = std::unique_ptr<curl_slist, SlistFree>;

// One request under way: what libcurl borrows and what it fills.
struct Transfer {
  CURL* easy = nullptr;  // from TransferLoop::TakeEasy()
  uint64_t owner = 0;
  std::shared_ptr<const PreparedRequest> prepared;
  SlistPtr header_list, proxy_header_list, connect_to;
  std::vector<std::shared_ptr<const std::string>> kept;  // PEM texts that `easy` points to
  std::array<char, CURL_ERROR_SIZE> error_text{};
  Headers headers;
  std::string body;
  size_t streamed_bytes = 0;  // what on_data has taken
  int64_t arrived_ns = 0;     // when the answer was complete
  bool too_large = false;
  bool ended_by_reader = false;
  HttpClient::Completion done;  // called on a completion thread
  // PlainLoop's: takes over when the answer is a redirect; null: such an answer is the result.
  std::function<void(std::shared_ptr<Transfer>)> redirected;

  const ClientRequest& request() const { return prepared->request; }
};

class TransferLoop {
 public:
  // Made on first use and kept until the process ends: clients may be destroyed in any order, also
  // by their own completions.
  static TransferLoop& Shared();

  virtual CURL* TakeEasy() = 0;
  virtual void Submit(std::unique_ptr<Transfer> transfer) = 0;
  // Ends the owner's transfers with kCancelled.
  virtual void CancelOwner(uint64_t owner) = 0;
  virtual void RunOnCompletionThread(std::function<void()> work) = 0;
  // Whether the caller is a completion.
  static bool OnCompletionThread();
  // The calling thread runs completions, and from now on nothing that waits for them.
  static void MakeCompletionThread();

 protected:
  ~TransferLoop() = default;
};

// The answer out of a transfer whose headers and body have come, unpacked.
base::Result<ClientResponse> UnpackResponse(Transfer& transfer, int status);

// "http://user:secret@host/" -> "http://user:xxxxx@host/", for messages.
std::string RedactUrl(const std::string& url);
// The start of messages about a request: `Get "http://host/"`.
std::string RequestName(const ClientRequest& request);

}  // namespace tributary::net
