#include "remote/send/receiver_window.h"

#include <algorithm>
#include <initializer_list>

#include "base/duration.h"
#include "base/strings.h"
#include "config/yaml_document.h"
#include "remote/write_offer.h"

namespace tributary::remote {
namespace {

constexpr std::string_view kWritePath = "/api/v1/write";
constexpr std::string_view kVictoriaMetricsHeader = "X-Server-Hostname";
constexpr int64_t kLeastRetentionMs = int64_t{24} * 3600 * 1000;
constexpr int64_t kAskEveryNs = int64_t{600} * 1'000'000'000;
constexpr uint64_t kMostSeconds = uint64_t{366} * 24 * 3600;

const config::YamlNode* Find(const config::YamlNode& node,
                             std::initializer_list<std::string_view> path) {
  const config::YamlNode* found = &node;
  for (const std::string_view key : path) {
    found = found == nullptr ? nullptr : found->Find(key);
  }
  return found;
}

// Of status/config: JSON, which reads as YAML, with the configuration's YAML in a string.
int64_t ConfiguredWindowMs(std::string_view status_config) {
  const auto answer = config::ParseYaml(status_config, "status/config");
  const config::YamlNode* const text = answer ? Find(*answer, {"data", "yaml"}) : nullptr;
  if (text == nullptr) {
    return 0;
  }
  const auto config = config::ParseYaml(text->scalar, "config");
  const config::YamlNode* const window =
      config ? Find(*config, {"storage", "tsdb", "out_of_order_time_window"}) : nullptr;
  return window == nullptr ? 0 : base::ParseDurationMs(window->scalar).value_or(0);
}

}  // namespace

ReceiverWindow::ReceiverWindow(std::string_view write_url) {
  if (write_url.ends_with(kWritePath)) {
    api_ = write_url.substr(0, write_url.rfind('/') + 1);
  }
}

void ReceiverWindow::Learn(const net::ClientResponse& answer) {
  victoria_metrics_ = answer.headers.Has(kVictoriaMetricsHeader);
  if (const auto seconds = base::ParseUint(answer.headers.Get(kOutOfOrderWindowHeader))) {
    said_ms_ = static_cast<int64_t>(std::min(*seconds, kMostSeconds)) * 1000;
  } else if (answer.status / 100 == 2) {
    said_ms_.reset();  // an error may come from what stands before the receiver
  }
}

std::optional<std::string> ReceiverWindow::Question(int64_t monotonic_ns) {
  if (said_ms_ || api_.empty() || monotonic_ns < next_question_ns_) {
    return std::nullopt;
  }
  next_question_ns_ = monotonic_ns + kAskEveryNs;
  asked_ms_ = 0;
  return api_ + (victoria_metrics_ ? "status/buildinfo" : "status/config");
}

void ReceiverWindow::OnAnswer(const net::ClientResponse& answer) {
  if (answer.status != 200) {
    return;
  }
  asked_ms_ = victoria_metrics_ ? kLeastRetentionMs : ConfiguredWindowMs(answer.body);
}

}  // namespace tributary::remote
