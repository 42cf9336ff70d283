#include "remote/send/verdict.h"

#include <algorithm>
#include <ctime>
#include <string>

#include "base/strings.h"

namespace tributary::remote {
namespace {

constexpr std::string_view kSamplesWritten = "X-Prometheus-Remote-Write-Samples-Written";
constexpr std::string_view kHistogramsWritten = "X-Prometheus-Remote-Write-Histograms-Written";
constexpr std::string_view kExemplarsWritten = "X-Prometheus-Remote-Write-Exemplars-Written";

std::optional<int64_t> ParseHttpDateMs(std::string_view text) {
  std::tm tm = {};
  const std::string copy(text);
  if (::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &tm) == nullptr) {
    return std::nullopt;
  }
  return static_cast<int64_t>(::timegm(&tm)) * 1000;
}

}  // namespace

Verdict Judge(const base::Result<net::ClientResponse>& answer) {
  if (!answer) {
    return Verdict::kRetry;
  }
  const int status = answer->status;
  if (status / 100 == 2) {
    return Verdict::kDelivered;
  }
  if (status / 100 == 5 || status == 429 || status == 408) {
    return Verdict::kRetry;
  }
  if (status == 413) {
    return Verdict::kTooLarge;
  }
  if (status == 415) {
    return Verdict::kForm;
  }
  return status == 400 ? Verdict::kRejected : Verdict::kHold;
}

int64_t RetryAfterMs(const net::ClientResponse& response, int64_t now_ms) {
  const std::string_view text = base::TrimSpace(response.headers.Get("Retry-After"));
  if (const auto seconds = base::ParseUint(text)) {
    return static_cast<int64_t>(std::min<uint64_t>(*seconds, 3600)) * 1000;
  }
  if (const auto date = ParseHttpDateMs(text)) {
    return std::clamp<int64_t>(*date - now_ms, 0, 3'600'000);
  }
  return 0;
}

std::optional<uint64_t> ItemsWritten(const net::ClientResponse& response) {
  if (!response.headers.Has(kSamplesWritten)) {
    return std::nullopt;
  }
  uint64_t written = 0;
  for (const std::string_view name : {kSamplesWritten, kHistogramsWritten, kExemplarsWritten}) {
    written += base::ParseUint(response.headers.Get(name)).value_or(0);
  }
  return written;
}

std::optional<int64_t> ReceiverTimeMs(const net::ClientResponse& response) {
  return ParseHttpDateMs(response.headers.Get("Date"));
}

}  // namespace tributary::remote
