#include "remote/send/wire_form.h"

#include <string_view>

#include "base/strings.h"
#include "remote/write_offer.h"

namespace tributary::remote {
namespace {

bool OffersZstd(const net::ClientResponse& response) {
  for (std::string_view part : base::Split(response.headers.Get(kOfferedCodingsHeader), ',')) {
    if (base::EqualsIgnoreCase(base::TrimSpace(part), "zstd")) {
      return true;
    }
  }
  return false;
}

bool OffersV2(const net::ClientResponse& response) {
  for (std::string_view part : base::Split(response.headers.Get(kOfferedMessagesHeader), ',')) {
    if (base::TrimSpace(part) == kMessageV2) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool FormNegotiator::Learn(const net::ClientResponse& response) {
  const bool tells = response.status / 100 == 2 || response.status == 415;
  if (settled_ || !tells) {
    return false;
  }
  const WireForm before = current_;
  if (OffersZstd(response)) {
    current_.zstd = true;
  }
  if (may_change_message_ && OffersV2(response)) {
    current_.message = config::WriteMessage::kV2;
  }
  return current_ != before;
}

bool FormNegotiator::IsToBlame(const WireForm& form, const net::ClientResponse& response) const {
  if (response.status == 415) {
    return true;
  }
  const bool offered = (!form.zstd || OffersZstd(response)) &&
                       (form.message == plain_.message || OffersV2(response));
  return response.status == 400 && form != plain_ && !offered;
}

bool FormNegotiator::StepBack(const WireForm& form) {
  if (form != current_) {
    return true;  // another request has found out already
  }
  if (current_ != plain_) {
    settled_ = true;
    current_ = plain_;
    return true;
  }
  if (plain_.message == config::WriteMessage::kV1) {
    return false;
  }
  settled_ = true;
  plain_.message = config::WriteMessage::kV1;
  current_ = plain_;
  return true;
}

}  // namespace tributary::remote
