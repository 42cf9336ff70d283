// What a receiver's answer means for a shipment.
//
// Only a definite rejection of the data (400) ever loses samples. Whatever says "not now" or "not
// you" (429, 5xx, 401, 403, 404, …) leaves the data waiting.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "net/http_client.h"

namespace tributary::remote {

enum class Verdict : unsigned char {
  kDelivered,
  kRetry,     // network errors, 5xx, 429: again after a backoff
  kHold,      // 401, 403, 404 and the like: the same, and said aloud
  kTooLarge,  // 413: again in halves
  kForm,      // 415: it does not take the message or its coding: again in a plainer form
  kRejected,  // 400: something in it is not acceptable
};

Verdict Judge(const base::Result<net::ClientResponse>& answer);

// Retry-After in milliseconds (seconds or HTTP date); 0 when absent or nonsense.
int64_t RetryAfterMs(const net::ClientResponse& response, int64_t now_ms);

// Items of the request that a partial-write answer says were written; nullopt without its headers.
std::optional<uint64_t> ItemsWritten(const net::ClientResponse& response);

// The receiver's clock from its Date header, milliseconds; nullopt when absent.
std::optional<int64_t> ReceiverTimeMs(const net::ClientResponse& response);

}  // namespace tributary::remote
