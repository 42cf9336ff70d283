#include "remote/send/destination.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "base/log.h"
#include "base/threads.h"
#include "remote/send/verdict.h"

namespace tributary::remote {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
// Requests spent on isolating what a receiver rejects, for one original request.
constexpr int kMaxSplits = 40;
constexpr int64_t kComplainEveryNs = 30'000 * kNsPerMs;
constexpr int64_t kPollMs = 1000;  // the gauges move at least this often
constexpr int kCalmWindows = 30;
constexpr uint64_t kWindowsBehind = 4;
constexpr size_t kErrorBytes = 1024;
// A window whose newest sample is older than this comes from a backlog.
constexpr int64_t kBacklogAgeMs = 30'000;
constexpr int64_t kQuestionMs = 5000;
constexpr int64_t kLeastAsideRestNs = 50 * kNsPerMs;

size_t Items(const storage::WalBatch& batch) {
  return batch.samples.size() + batch.histograms.size() + batch.exemplars.size();
}

// Retries of many agents must not come in step: 75 % to 125 %.
int64_t WithJitter(int64_t ms) {
  thread_local std::minstd_rand random(std::random_device{}());
  return ms * static_cast<int64_t>(75 + random() % 51) / 100;
}

// At most what the gauges may wait.
int64_t MsUntil(int64_t due_ns, int64_t now_ns) {
  return std::clamp<int64_t>((due_ns - now_ns) / kNsPerMs, 1, kPollMs);
}

}  // namespace

base::Result<std::unique_ptr<Destination>> Destination::Start(
    const SendOptions& options, const config::RemoteWriteConfig& config,
    const model::Labels& external_labels, storage::WalSource& source, base::FileSystem& fs,
    const base::Clock& clock, base::MetricsRegistry& metrics) {
  std::unique_ptr<Destination> self(
      new Destination(options, config, external_labels, source, clock, metrics));
  ASSIGN_OR_RETURN(self->client_, net::HttpClient::Create(config.http));
  ASSIGN_OR_RETURN(self->log_, LogFollower::Open(source, fs, config.name,
                                                 base::JoinPath(options.state_dir, config.name)));
  self->UpdateGauges();
  Destination* raw = self.get();
  self->thread_ = std::thread([raw] { raw->Run(); });
  return self;
}

Destination::Destination(const SendOptions& options, const config::RemoteWriteConfig& config,
                         const model::Labels& external_labels, storage::WalSource& source,
                         const base::Clock& clock, base::MetricsRegistry& metrics)
    : options_(options),
      config_(config),
      external_labels_(external_labels),
      source_(source),
      clock_(clock),
      probe_(metrics, config.name, config.url),
      labels_(source, external_labels, config.write_relabel_configs),
      encoder_(config_, source, labels_, probe_),
      forms_(config.protobuf_message, config.protobuf_message_is_default),
      receiver_window_(config.url),
      limit_(options.max_backlog_bytes, options.max_backlog_age_ms),
      width_(config.queue.min_shards) {
  probe_.shards_max.Set(static_cast<double>(config.queue.max_shards));
  probe_.shards_min.Set(static_cast<double>(config.queue.min_shards));
  probe_.shard_capacity.Set(static_cast<double>(config.queue.capacity));
  probe_.max_samples_per_send.Set(static_cast<double>(config.queue.max_samples_per_send));
}

Destination::~Destination() { Stop(0); }

void Destination::Stop(int64_t deadline_ms) {
  if (!thread_.joinable()) {
    return;
  }
  {
    base::MutexLock lock(mutex_);
    stopping_ = true;
    stop_deadline_ns_ = clock_.MonotonicNs() + deadline_ms * kNsPerMs;
    stop_at_ = source_.End();
  }
  wake_.NotifyAll();
  source_.Wake();
  thread_.join();
  client_.reset();
}

// Ending is in order once the log was delivered up to where it stood, or as soon as the receiver
// makes trouble or the time is over.
bool Destination::Ending() {
  base::MutexLock lock(mutex_);
  return stopping_ &&
         (trouble_ || log_->delivered() >= stop_at_ || clock_.MonotonicNs() >= stop_deadline_ns_);
}

bool Destination::Stopping() {
  base::MutexLock lock(mutex_);
  return stopping_;
}

void Destination::Run() {
  base::SetThreadName("rw-" + config_.name);
  while (ReadWindow()) {
    SetAsideIfOld();
    const int64_t began = clock_.MonotonicNs();
    if (!DeliverWindow()) {
      return;
    }
    log_->Settle(lane_);
    if (lane_ == Lane::kAside) {
      RestAside(clock_.MonotonicNs() - began);
    }
    if (!given_up_) {
      AdaptWidth(RunsAhead());
    }
    SendMetadataIfDue();
  }
}

// What was logged since the window was begun is more than a few windows: a burst of scrapes is not,
// it would widen windows and cost memory for nothing.
bool Destination::RunsAhead() const {
  return window_full_ &&
         log_->BytesAhead(lane_) >
             kWindowsBehind * source_.BytesBetween(window_begin_, log_->position(lane_));
}

void Destination::SetAsideIfOld() {
  if (lane_ == Lane::kAside || log_->has_aside() || !RunsAhead()) {
    return;
  }
  int64_t newest_ms = INT64_MIN;
  for (const storage::RefSample& sample : batch_.samples) {
    newest_ms = std::max(newest_ms, sample.t);
  }
  const int64_t age_ms = newest_ms == INT64_MIN ? 0 : clock_.NowMs() - newest_ms;
  if (age_ms < kBacklogAgeMs || !ReceiverTakesAge(age_ms)) {
    return;
  }
  if (auto status = log_->SetAside(); !status) {
    LOG_ERROR("the backlog cannot be set aside: fresh samples wait for it",
              kv("remote_name", config_.name), kv("err", status.error()));
    return;
  }
  lane_ = Lane::kAside;
  LOG_INFO("fresh samples are sent first, the backlog beside them", kv("remote_name", config_.name),
           kv("age_seconds", age_ms / 1000), kv("backlog_bytes", log_->BytesAhead(Lane::kAside)));
}

// Twice, because a backlog ages while it is sent beside fresh samples. An older one goes in order:
// its samples are the newest of their series then, and taken whatever their age.
bool Destination::ReceiverTakesAge(int64_t age_ms) {
  if (const auto question = receiver_window_.Question(clock_.MonotonicNs())) {
    net::ClientRequest request;
    request.url = *question;
    request.timeout_ms = kQuestionMs;
    request.max_response_bytes = 8 << 20;
    request.headers = {{"User-Agent", options_.user_agent}};
    if (const auto answer = client_->SendAndWait(std::move(request))) {
      receiver_window_.OnAnswer(*answer);
    }
  }
  return 2 * age_ms <= receiver_window_.ms();
}

// A window of the backlog took so long: fresh samples have as long for themselves, unless the
// backlog is about to become too old for the receiver.
void Destination::RestAside(int64_t window_ns) {
  const bool urgent = clock_.NowMs() - aside_time_ms_ > receiver_window_.ms() / 4 * 3;
  aside_due_ns_ = clock_.MonotonicNs() + (urgent ? 0 : std::max(window_ns, kLeastAsideRestNs));
}

const char* Destination::BeyondLimit() {
  const int64_t now = clock_.MonotonicNs();
  limit_.Observe(now, source_.End());
  return limit_.Exceeded(now, log_->position(log_->oldest()), log_->BytesKept());
}

// Reads on in the oldest lane until the rest of the log is within the limit, and counts what it
// passes.
void Destination::GiveUpUnread(Lane lane) {
  using Kind = SendProbe::Kind;
  const char* reason = BeyondLimit();
  if (reason == nullptr) {
    return;
  }
  const int64_t now = clock_.MonotonicNs();
  if (now >= next_complaint_ns_) {
    next_complaint_ns_ = now + kComplainEveryNs;
    LOG_ERROR("the undelivered log is beyond its limit: the oldest samples are dropped",
              kv("remote_name", config_.name), kv("reason", reason));
  }
  for (; reason != nullptr && !Ending(); reason = BeyondLimit()) {
    const storage::WalPosition before = log_->position(lane);
    batch_.Clear();
    if (!log_->Read(lane, config_.queue.max_samples_per_send, &batch_) || batch_.end == before) {
      break;  // ReadWindow() meets the same
    }
    probe_.Dropped(Kind::kSamples, reason).Add(static_cast<double>(batch_.samples.size()));
    probe_.Dropped(Kind::kHistograms, reason).Add(static_cast<double>(batch_.histograms.size()));
    probe_.Dropped(Kind::kExemplars, reason).Add(static_cast<double>(batch_.exemplars.size()));
  }
  batch_.Clear();
  log_->Settle(lane);
}

// What waits in the window is dropped; what is on its way gets its answer first.
void Destination::GiveUpWindow(const char* reason) {
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

bool Destination::ReadWindow() {
  const size_t wanted = width_ * config_.queue.max_samples_per_send;
  GiveUpUnread(log_->oldest());
  batch_.Clear();
  lane_ = Lane::kFresh;
  window_begin_ = log_->position(lane_);
  int64_t first_ns = 0;
  while (!Ending()) {
    const int64_t now = clock_.MonotonicNs();
    const bool in_turns = log_->has_aside();
    const bool aside_is_due = in_turns && (now >= aside_due_ns_ || Stopping());
    if (aside_is_due && Items(batch_) == 0) {
      lane_ = Lane::kAside;
      window_begin_ = log_->position(lane_);
    }
    if (auto status = log_->Read(lane_, wanted, &batch_); !status) {
      LOG_ERROR("the log cannot be read, delivery ends", kv("remote_name", config_.name),
                kv("err", status.error()));
      return false;
    }
    const size_t items = Items(batch_);
    window_full_ = items >= wanted;
    UpdateGauges();
    if (items == 0) {
      log_->Settle(lane_);  // records without samples count as delivered
      SendMetadataIfDue();
      if (lane_ == Lane::kFresh) {
        log_->Wait(in_turns ? MsUntil(aside_due_ns_, now) : kPollMs);
      }
      lane_ = Lane::kFresh;
      window_begin_ = log_->position(lane_);
      continue;
    }
    first_ns = first_ns == 0 ? now : first_ns;
    const int64_t due_ns =
        in_turns ? aside_due_ns_ : first_ns + config_.queue.batch_send_deadline_ms * kNsPerMs;
    if (window_full_ || lane_ == Lane::kAside || now >= due_ns || Stopping()) {
      return true;
    }
    log_->Wait(MsUntil(due_ns, now));
  }
  return false;
}

bool Destination::DeliverWindow() {
  int64_t oldest_ms = INT64_MAX;
  for (const storage::RefSample& sample : batch_.samples) {
    newest_read_ms_ = std::max(newest_read_ms_, sample.t);
    oldest_ms = std::min(oldest_ms, sample.t);
  }
  oldest_unsent_ms_ = oldest_ms == INT64_MAX ? 0 : oldest_ms;
  if (lane_ == Lane::kAside) {
    aside_time_ms_ = oldest_ms == INT64_MAX ? aside_time_ms_ : oldest_ms;
  }
  probe_.samples_in.Add(static_cast<double>(batch_.samples.size()));
  shipments_ = MakeShipments(&batch_, config_.queue.max_samples_per_send);
  batch_.Clear();
  unfinished_ = shipments_.size();
  trouble_ = false;
  given_up_ = false;
  while (unfinished_ > 0) {
    if (trouble_) {
      if (const char* reason = BeyondLimit(); reason != nullptr) {
        lane_ == log_->oldest() ? GiveUpWindow(reason) : GiveUpUnread(Lane::kAside);
      }
    }
    int64_t next_ns = INT64_MAX;
    SendReady(clock_.MonotonicNs(), &next_ns);
    if (unfinished_ == 0) {
      break;
    }
    std::vector<Answer> answers;
    {
      base::MutexLock lock(mutex_);
      if (answers_.empty()) {
        const int64_t wait_ns =
            std::clamp<int64_t>(next_ns - clock_.MonotonicNs(), 0, kPollMs * kNsPerMs);
        wake_.WaitFor(mutex_, std::chrono::nanoseconds(wait_ns));
      }
      answers.swap(answers_);
    }
    for (Answer& answer : answers) {
      OnAnswer(std::move(answer));
    }
    UpdateGauges();
    if (Ending()) {
      return false;  // nothing is noted: the window is sent again after the next start
    }
  }
  shipments_.clear();
  oldest_unsent_ms_ = 0;
  newest_sent_ms_ = std::max(newest_sent_ms_, newest_read_ms_);
  UpdateGauges();
  return true;
}

// Sends what may go now; `next_ns` is when the next retry is due.
void Destination::SendReady(int64_t now_ns, int64_t* next_ns) {
  // By index: finishing one may let a chained one go, and splitting appends.
  for (size_t i = 0; i < shipments_.size() && in_flight_ < width_; ++i) {
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
    Send(i);
  }
}

void Destination::Send(size_t index) {
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
  net::ClientRequest request = MakeRequest(shipment.body, shipment.form);
  if (shipment.attempts > 0) {
    request.headers.emplace_back("Retry-Attempt", std::to_string(shipment.attempts));
  }
  client_->Send(std::move(request), [this, index](base::Result<net::ClientResponse> response) {
    {
      base::MutexLock lock(mutex_);
      answers_.push_back({index, std::move(response)});
    }
    wake_.NotifyAll();
  });
}

void Destination::OnAnswer(Answer answer) {
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

void Destination::OnRetry(const Answer& answer, bool hold, Shipment* shipment) {
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
  const std::string why = answer.response
                              ? "HTTP status " + std::to_string(answer.response->status) + " " +
                                    answer.response->body.substr(0, kErrorBytes)
                              : answer.response.error().message();
  if (hold) {
    LOG_ERROR("the receiver refuses us: data is held until it is put right",
              kv("remote_name", config_.name), kv("url", config_.url), kv("err", why));
  } else {
    LOG_WARN("sending failed, will retry", kv("remote_name", config_.name), kv("url", config_.url),
             kv("err", why));
  }
}

void Destination::OnForm(const Answer& answer, Shipment* shipment) {
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

void Destination::OnRejected(const net::ClientResponse& response, size_t index) {
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
void Destination::Split(size_t index) {
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

void Destination::Finish(Shipment* shipment) {
  shipment->state = Shipment::State::kDone;
  shipment->samples = {};
  shipment->histograms = {};
  shipment->exemplars = {};
  shipment->body = {};
  --unfinished_;
}

void Destination::AdaptWidth(bool log_runs_ahead) {
  const size_t least = config_.queue.min_shards;
  const size_t most = std::max(least, static_cast<size_t>(config_.queue.max_shards));
  if (log_runs_ahead) {
    calm_windows_ = 0;
    width_ = std::min(most, width_ * 2);
  } else if (++calm_windows_ >= kCalmWindows && width_ > least) {
    calm_windows_ = 0;
    width_ = std::max(least, width_ / 2);
  }
}

void Destination::SendMetadataIfDue() {
  // It travels inside the messages of the second version.
  const bool inside = config_.protobuf_message == config::WriteMessage::kV2;
  if (inside || !config_.metadata.send || !options_.families) {
    return;
  }
  const int64_t now = clock_.MonotonicNs();
  if (next_metadata_ns_ == 0) {
    next_metadata_ns_ = now + config_.metadata.send_interval_ms * kNsPerMs;
  }
  if (now < next_metadata_ns_) {
    return;
  }
  next_metadata_ns_ = now + config_.metadata.send_interval_ms * kNsPerMs;
  const std::vector<FamilyMetadata> families = options_.families();
  const size_t most = config_.metadata.max_samples_per_send;
  for (size_t from = 0; from < families.size(); from += most) {
    const size_t to = std::min(families.size(), from + most);
    const auto count = static_cast<double>(to - from);
    // Metadata is sent again in a minute: one that fails is counted and forgotten.
    client_->Send(MakeRequest(MessageEncoder::EncodeMetadata(families, from, to), WireForm{}),
                  [this, count](base::Result<net::ClientResponse> response) {
                    const bool ok = response && response->status / 100 == 2;
                    (ok ? probe_.metadata : probe_.metadata_failed).Add(count);
                  });
  }
}

net::ClientRequest Destination::MakeRequest(std::string body, const WireForm& form) const {
  const bool v2 = form.message == config::WriteMessage::kV2;
  net::ClientRequest request;
  request.method = "POST";
  request.url = config_.url;
  request.timeout_ms = config_.remote_timeout_ms;
  request.max_response_bytes = 1 << 20;
  request.body = std::move(body);
  request.headers = {
      {"Content-Encoding", form.zstd ? "zstd" : "snappy"},
      {"Content-Type", v2 ? "application/x-protobuf;proto=io.prometheus.write.v2.Request"
                          : "application/x-protobuf"},
      {"X-Prometheus-Remote-Write-Version", v2 ? "2.0.0" : "0.1.0"},
      {"User-Agent", options_.user_agent}};
  for (const auto& [name, value] : config_.headers) {
    request.headers.emplace_back(name, value);
  }
  return request;
}

void Destination::UpdateGauges() {
  size_t pending = Items(batch_);
  for (const Shipment& shipment : shipments_) {
    pending += shipment.size();
  }
  probe_.pending.Set(static_cast<double>(pending));
  probe_.shards.Set(static_cast<double>(width_));
  probe_.shards_desired.Set(static_cast<double>(width_));
  probe_.highest_timestamp.Set(static_cast<double>(newest_read_ms_ / 1000));
  probe_.highest_sent_timestamp.Set(static_cast<double>(newest_sent_ms_ / 1000));
  int64_t oldest_ms = oldest_unsent_ms_;
  if (log_->has_aside()) {
    oldest_ms = oldest_ms > 0 ? std::min(oldest_ms, aside_time_ms_) : aside_time_ms_;
  }
  const int64_t lag_ms = oldest_ms > 0 ? clock_.NowMs() - oldest_ms : 0;
  probe_.lag_seconds.Set(static_cast<double>(std::max<int64_t>(lag_ms, 0)) / 1000);
  const uint64_t aside_bytes = log_->has_aside() ? log_->BytesAhead(Lane::kAside) : 0;
  probe_.aside_bytes.Set(static_cast<double>(aside_bytes));
  probe_.backlog_bytes.Set(static_cast<double>(aside_bytes + log_->BytesAhead(Lane::kFresh)));
}

}  // namespace tributary::remote
