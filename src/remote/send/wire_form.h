// WireForm: how a request is written. FormNegotiator: which form a destination is sent, found out
// from its answers.
//
// Delivery begins in the configured message with snappy, which every receiver takes. An answer that
// offers zstd, or remote write 2.0 where the message was not configured, is taken up from the next
// request on. What a receiver then refuses is written again in the form before, so that a receiver
// exchanged for another costs one request and no sample.
#pragma once

#include "config/config.h"
#include "net/http_client.h"

namespace tributary::remote {

struct WireForm {
  config::WriteMessage message = config::WriteMessage::kV1;
  bool zstd = false;  // else snappy
  friend bool operator==(const WireForm&, const WireForm&) = default;
};

// Thread-compatible.
class FormNegotiator {
 public:
  // `may_change_message`: 2.0 may be used where it is offered.
  FormNegotiator(config::WriteMessage configured, bool may_change_message)
      : plain_{configured, false}, current_(plain_), may_change_message_(may_change_message) {}

  const WireForm& form() const { return current_; }

  // Takes up what an answer of success, or of 415, offers. True: the form is another now.
  bool Learn(const net::ClientResponse& response);

  // A request in `form` was answered with 415 or 400: is the form to blame? A 400 is about what is
  // in the request if the form is the plain one or the answer still offers it.
  bool IsToBlame(const WireForm& form, const net::ClientResponse& response) const;

  // `form` was to blame. False: there is no plainer one.
  bool StepBack(const WireForm& form);

 private:
  WireForm plain_;
  WireForm current_;
  bool may_change_message_;
  bool settled_ = false;  // an offer turned out to be wrong: no more of them
};

}  // namespace tributary::remote
