// ReceiverWindow: how much older than its newest sample a receiver still takes one, in
// milliseconds. Found out, not configured:
//  - our centre says it in each answer (write_offer.h);
//  - Prometheus is asked for the configuration it runs with, where its API stands beside the
//    address that is written to (storage.tsdb.out_of_order_time_window);
//  - VictoriaMetrics takes samples of any age within its retention, which is a day at least. It and
//    vmagent, which only passes on, both name themselves in a header; only the first knows
//    buildinfo.
// Thread-compatible.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_client.h"

namespace tributary::remote {

class ReceiverWindow {
 public:
  explicit ReceiverWindow(std::string_view write_url);

  // Takes up what an answer to a write says.
  void Learn(const net::ClientResponse& answer);

  // The address to GET to learn more: nothing when the receiver has said it, was asked within the
  // last ten minutes, or has no such address.
  std::optional<std::string> Question(int64_t monotonic_ns);
  void OnAnswer(const net::ClientResponse& answer);

  // 0: in order only, as far as is known.
  int64_t ms() const { return said_ms_.value_or(asked_ms_); }

 private:
  std::string api_;  // "…/api/v1/"; empty when not known
  bool victoria_metrics_ = false;
  std::optional<int64_t> said_ms_;
  int64_t asked_ms_ = 0;
  int64_t next_question_ns_ = INT64_MIN;
};

}  // namespace tributary::remote
