#include "remote/send/window_sender.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "base/log.h"
#include "remote/send/request_text.h"
#include "remote/send/verdict.h"

namespace tributary::remote {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
// Requests spent on isolating what a receiver rejects, for one original request.
constexpr int kMaxSplits = 40;
constexpr int64_t kComplainEveryNs = 30'000 * kNsPerMs;
constexpr int64_t kLongestWaitNs = 1000 * kNsPerMs;
constexpr size_t kErrorBytes = 1024;
constexpr size_t kLoggedRequestBytes = 100'000;

// Retries of many agents must not come in step: 75 % to 125 %.
int64_t WithJitter(int64_t ms) {
  thread_local std::minstd_rand random(std::random_device{}());
  return ms * static_cast<int64_t>(75 + random() % 51) / 100;
}

std::string ReasonOf(const base::Result<net::ClientResponse>& response) {
  if (!response) {
    return response.error().message();
  }
  return "HTTP status " + std::to_string(response->status) + " " +
         response->body.substr(0, kErrorBytes);
}

}  // namespace

net::ClientRequest MakeWriteRequest(const config::RemoteWriteConfig& config,
                                    std::string_view user_agent, std::string body,
                                    const WireForm& form) {
  const bool v2 = form.message == config::WriteMessage::kV2;
  net::ClientRequest request;
  request.method = "POST";
  request.url = config.url;
  request.timeout_ms = config.remote_timeout_ms;
  request.max_response_bytes = 1 << 20;
  request.body = std::move(body);
  request.headers = {
      {"Content-Encoding", form.zstd ? "zstd" : "snappy"},
      {"Content-Type", v2 ? "application/x-protobuf;proto=io.prometheus.write.v2.Request"
                          : "application/x-protobuf"},
      {"X-Prometheus-Remote-Write-Version", v2 ? "2.0.0" : "0.1.0"},
      {"User-Agent", std::string(user_agent)}};
  for (const auto& [name, value] : config.headers) {
    request.headers.emplace_back(name, value);
  }
  return request;
}

void WindowSender::Begin(storage::WalBatch* batch) {
  shipments_ = MakeShipments(batch, RequestSizeOf(config_.queue).most);
  unfinished_ = shipments_.size();
  trouble_ = false;
  given_up_ = false;
}

void WindowSender::Step(net::HttpClient& client, size_t width) {
  int64_t next_ns = INT64_MAX;
  SendReady(client, width, &next_ns);
  if (done()) {
    return;
  }
  std::vector<Answer> answers;
  {
    base::MutexLock lock(mutex_);
    if (answers_.empty()) {
      const int64_t wait_ns =
          std::clamp<int64_t>(next_ns - clock_.MonotonicNs(), 0, kLongestWaitNs);
      wake_.WaitFor(mutex_, std::chrono::nanoseconds(wait_ns));
    }
    answers.swap(answers_);
  }
  for (Answer& answer : answers) {
    OnAnswer(std::move(answer));
  }
}

size_t WindowSender::pending() const {
  size_t items = 0;
  for (const Shipment& shipment : shipments_) {
    items += shipment.size();
  }
  return items;
}

void WindowSender::GiveUp(const char* reason) {
  using Kind = SendProbe::Kind;
  for (Shipment& shipment : shipments_) {
    if (shipment.state != Shipment::State::kWaiting) {
      continue;
    }
    probe_.Dropped(Kind::kSamples, reason).Add(static_cast<double>(shipment.samples.size()));
    probe_.Dropped(Kind::kHistograms, reason).Add(static_cast<double>(shipment.histograms.size()));
    probe_.Dropped(Kind::kExemplars, reason).Add(static_cast<double>(shipment.exemplars.size()));
    Finish(&shipment);
    given_up_ = true;
  }
}

// Sends what may go now; `next_ns` is when the next retry is due.
void WindowSender::SendReady(net::HttpClient& client, size_t width, int64_t* next_ns) {
  const int64_t now_ns = clock_.MonotonicNs();
  // By index: finishing one may let a chained one go, and splitting appends.
  for (size_t i = 0; i < shipments_.size() && in_flight_ < width; ++i) {
    Shipment& shipment = shipments_[i];
    if (shipment.state != Shipment::State::kWaiting) {
      continue;
    }
    if (shipment.after >= 0 &&
        shipments_[static_cast<size_t>(shipment.after)].state != Shipment::State::kDone) {
      continue;
    }
    if (shipment.not_before_ns > now_ns) {
      *next_ns = std::min(*next_ns, shipment.not_before_ns);
      continue;
    }
    Send(client, i);
  }
}

void WindowSender::Send(net::HttpClient& client, size_t index) {
  Shipment& shipment = shipments_[index];
  if (shipment.body.empty()) {
    const int64_t age_limit = config_.queue.sample_age_limit_ms;
    encoder_.Encode(forms_.form(), age_limit > 0 ? clock_.NowMs() - age_limit : model::kMinTime,
                    &shipment);
    if (shipment.body.empty()) {
      Finish(&shipment);
      return;
    }
  }
  shipment.state = Shipment::State::kInFlight;
  shipment.sent_ns = clock_.MonotonicNs();
  ++in_flight_;
  probe_.samples.Add(static_cast<double>(shipment.body_samples));
  probe_.histograms.Add(static_cast<double>(shipment.body_histograms));
  probe_.exemplars.Add(static_cast<double>(shipment.body_exemplars));
  probe_.bytes.Add(static_cast<double>(shipment.body.size()));
  net::ClientRequest request = MakeWriteRequest(config_, user_agent_, shipment.body, shipment.form);
  if (shipment.attempts > 0) {
    request.headers.emplace_back("Retry-Attempt", std::to_string(shipment.attempts));
  }
  client.Send(std::move(request), [this, index](base::Result<net::ClientResponse> response) {
    {
      base::MutexLock lock(mutex_);
      answers_.push_back({index, std::move(response)});
    }
    wake_.NotifyAll();
  });
}

void WindowSender::OnAnswer(Answer answer) {
  --in_flight_;
  Shipment& shipment = shipments_[answer.shipment];
  shipment.state = Shipment::State::kWaiting;
  probe_.batch_seconds.Observe(static_cast<double>(clock_.MonotonicNs() - shipment.sent_ns) / 1e9);
  if (answer.response) {
    receiver_window_.Learn(*answer.response);
    if (const auto receiver_ms = ReceiverTimeMs(*answer.response)) {
      // Date has whole seconds: half a second is added for what it cuts off.
      probe_.clock_difference.Set(static_cast<double>(*receiver_ms + 500 - clock_.NowMs()) / 1000);
    }
    if (forms_.Learn(*answer.response)) {
      LOG_INFO("the receiver takes smaller requests", kv("remote_name", config_.name),
               kv("message", forms_.form().message == config::WriteMessage::kV2 ? "2.0" : "1.0"),
               kv("coding", forms_.form().zstd ? "zstd" : "snappy"));
    }
  }
  Verdict verdict = Judge(answer.response);
  if (verdict == Verdict::kRejected && forms_.IsToBlame(shipment.form, *answer.response)) {
    verdict = Verdict::kForm;
  }
  if (verdict != Verdict::kHold && verdict != Verdict::kRetry && verdict != Verdict::kForm) {
    probe_.holding.Set(0);
    trouble_ = false;
  }
  if (config_.failed_request_logging && verdict != Verdict::kDelivered &&
      shipment.form.message == config::WriteMessage::kV2) {
    LOG_DEBUG("remote write 2.0 request failed", kv("remote_name", config_.name),
              kv("err", ReasonOf(answer.response)),
              kv("req", TextOfRequest(shipment, kLoggedRequestBytes)));
  }
  switch (verdict) {
    case Verdict::kDelivered:
      Finish(&shipment);
      break;
    case Verdict::kRetry:
      OnRetry(answer, /*hold=*/false, &shipment);
      break;
    case Verdict::kHold:
      OnRetry(answer, /*hold=*/true, &shipment);
      break;
    case Verdict::kForm:
      OnForm(answer, &shipment);
      break;
    case Verdict::kTooLarge:
    case Verdict::kRejected:
      OnRejected(*answer.response, answer.shipment);
      break;
  }
}

void WindowSender::OnRetry(const Answer& answer, bool hold, Shipment* shipment) {
  trouble_ = true;
  ++shipment->attempts;
  probe_.samples_retried.Add(static_cast<double>(shipment->body_samples));
  probe_.holding.Set(hold ? 1 : 0);
  const config::QueueConfig& queue = config_.queue;
  const int64_t least = hold ? std::max<int64_t>(queue.min_backoff_ms, 1000) : queue.min_backoff_ms;
  shipment->backoff_ms =
      std::clamp(shipment->backoff_ms * 2, least, std::max(least, queue.max_backoff_ms));
  int64_t wait_ms = WithJitter(shipment->backoff_ms);
  if (answer.response) {
    if (const int64_t asked = RetryAfterMs(*answer.response, clock_.NowMs()); asked > 0) {
      wait_ms = asked;
    }
  }
  const int64_t now = clock_.MonotonicNs();
  shipment->not_before_ns = now + wait_ms * kNsPerMs;
  if (now < next_complaint_ns_) {
    return;
  }
  next_complaint_ns_ = now + kComplainEveryNs;
  const std::string why = ReasonOf(answer.response);
  if (hold) {
    LOG_ERROR("the receiver refuses us: data is held until it is put right",
              kv("remote_name", config_.name), kv("url", config_.url), kv("err", why));
  } else {
    LOG_WARN("sending failed, will retry", kv("remote_name", config_.name), kv("url", config_.url),
             kv("err", why));
  }
}

void WindowSender::OnForm(const Answer& answer, Shipment* shipment) {
  const WireForm before = forms_.form();
  if (!forms_.StepBack(shipment->form)) {
    OnRetry(answer, /*hold=*/true, shipment);
    return;
  }
  if (forms_.form() != before) {
    LOG_INFO("the receiver does not take such requests: going on in a plainer form",
             kv("remote_name", config_.name),
             kv("message", forms_.form().message == config::WriteMessage::kV2 ? "2.0" : "1.0"),
             kv("status", answer.response->status));
  }
  shipment->body.clear();
}

void WindowSender::OnRejected(const net::ClientResponse& response, size_t index) {
  Shipment& shipment = shipments_[index];
  const uint64_t items = shipment.body_samples + shipment.body_histograms + shipment.body_exemplars;
  const bool rejected = response.status == 400;
  const auto written = rejected ? ItemsWritten(response) : std::nullopt;
  if (!written && shipment.size() > 1 && shipment.splits < kMaxSplits) {
    Split(index);
    return;
  }
  const uint64_t lost = written ? items - std::min(items, *written) : items;
  if (lost > 0) {
    probe_.samples_failed.Add(static_cast<double>(std::min(lost, shipment.body_samples)));
    if (lost > shipment.body_samples) {
      probe_.histograms_failed.Add(static_cast<double>(lost - shipment.body_samples));
    }
    LOG_ERROR("the receiver rejected samples for good: they are dropped",
              kv("remote_name", config_.name), kv("dropped", lost), kv("of", items),
              kv("status", response.status), kv("err", response.body.substr(0, kErrorBytes)));
  }
  Finish(&shipment);
}

// Halves, so that what is good in the rejected request still gets through.
void WindowSender::Split(size_t index) {
  auto [first, second] = Halve(std::move(shipments_[index]));
  second.after = static_cast<int>(index);
  const int tail = static_cast<int>(shipments_.size());
  for (Shipment& other : shipments_) {
    if (other.after == static_cast<int>(index)) {
      other.after = tail;
    }
  }
  shipments_[index] = std::move(first);
  shipments_.push_back(std::move(second));
  ++unfinished_;
}

void WindowSender::Finish(Shipment* shipment) {
  shipment->state = Shipment::State::kDone;
  shipment->samples = {};
  shipment->starts = {};
  shipment->histograms = {};
  shipment->exemplars = {};
  shipment->body = {};
  --unfinished_;
}

}  // namespace tributary::remote
