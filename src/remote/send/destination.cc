#include "remote/send/destination.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/threads.h"

namespace tributary::remote {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kPollMs = 1000;  // the gauges move at least this often
constexpr int kCalmWindows = 30;
constexpr uint64_t kWindowsBehind = 4;
// A window whose newest sample is older than this comes from a backlog.
constexpr int64_t kBacklogAgeMs = 30'000;
constexpr int64_t kQuestionMs = 5000;
// A window that could go waits so long for more.
constexpr int64_t kGatherMs = 500;
constexpr int64_t kLeastAsideRestNs = 50 * kNsPerMs;

size_t Items(const storage::WalBatch& batch) {
  return batch.samples.size() + batch.histograms.size() + batch.exemplars.size();
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
  Destination* raw = self.get();
  self->trimmer_ = std::make_unique<BacklogTrimmer>(
      options, config.name, config.queue.max_samples_per_send, source, *self->log_, clock,
      self->probe_, [raw] { return raw->Ending(); });
  self->UpdateGauges();
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
      sender_(config_, options_.user_agent, clock, encoder_, probe_),
      request_size_(RequestSizeOf(config_.queue)),
      width_(config.queue.min_shards) {
  probe_.shards_max.Set(static_cast<double>(config.queue.max_shards));
  probe_.shards_min.Set(static_cast<double>(config.queue.min_shards));
  probe_.shard_capacity.Set(static_cast<double>(config.queue.capacity));
  probe_.max_samples_per_send.Set(static_cast<double>(request_size_.most));
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
  sender_.Wake();
  source_.Wake();
  thread_.join();
  trimmer_.reset();
  client_.reset();
}

// Ending is in order once the log was delivered up to where it stood, or as soon as the receiver
// makes trouble or the time is over.
bool Destination::Ending() {
  base::MutexLock lock(mutex_);
  return stopping_ && (sender_.in_trouble() || log_->delivered() >= stop_at_ ||
                       clock_.MonotonicNs() >= stop_deadline_ns_);
}

bool Destination::Stopping() {
  base::MutexLock lock(mutex_);
  return stopping_;
}

void Destination::Run() {
  base::SetThreadName("rw-" + config_.name);
  while (ReadWindow()) {
    LetFreshGoFirst();
    const int64_t began = clock_.MonotonicNs();
    if (!DeliverWindow()) {
      return;
    }
    log_->Settle(window_begin_, window_end_);
    if (lane_ == Lane::kAside) {
      RestAside(clock_.MonotonicNs() - began);
    }
    if (!sender_.has_given_up()) {
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

void Destination::LetFreshGoFirst() {
  if (in_turns_ || (lane_ == Lane::kFresh && !RunsAhead())) {
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
  if (lane_ == Lane::kFresh) {
    if (auto status = log_->SetAside(); !status) {
      LOG_ERROR("the backlog cannot be set aside: fresh samples wait for it",
                kv("remote_name", config_.name), kv("err", status.error()));
      return;
    }
    lane_ = Lane::kAside;
  }
  in_turns_ = true;
  LOG_INFO("fresh samples are sent first, the backlog beside them", kv("remote_name", config_.name),
           kv("age_seconds", age_ms / 1000), kv("backlog_bytes", log_->BytesAhead(Lane::kAside)));
}

// Twice, because a backlog ages while it is sent beside fresh samples. An older one goes in order:
// its samples are the newest of their series then, and taken whatever their age.
bool Destination::ReceiverTakesAge(int64_t age_ms) {
  if (const auto question = sender_.receiver_window().Question(clock_.MonotonicNs())) {
    net::ClientRequest request;
    request.url = *question;
    request.timeout_ms = kQuestionMs;
    request.max_response_bytes = 8 << 20;
    request.headers = {{"User-Agent", options_.user_agent}};
    if (const auto answer = client_->SendAndWait(std::move(request))) {
      sender_.receiver_window().OnAnswer(*answer);
    }
  }
  return 2 * age_ms <= sender_.receiver_window().ms();
}

// A window of the backlog took so long: fresh samples have as long for themselves, unless the
// backlog is about to become too old for the receiver.
void Destination::RestAside(int64_t window_ns) {
  const bool urgent = clock_.NowMs() - aside_time_ms_ > sender_.receiver_window().ms() / 4 * 3;
  aside_due_ns_ = clock_.MonotonicNs() + (urgent ? 0 : std::max(window_ns, kLeastAsideRestNs));
}

bool Destination::ReadWindow() {
  const size_t wanted = width_ * request_size_.read;
  trimmer_->Trim(std::nullopt, in_turns_);
  batch_.Clear();
  lane_ = Lane::kFresh;
  window_begin_ = log_->position(lane_);
  int64_t first_ns = 0;
  while (!Ending()) {
    const int64_t now = clock_.MonotonicNs();
    in_turns_ = in_turns_ && log_->has_aside();
    aside_time_ms_ = log_->has_aside() ? aside_time_ms_ : 0;
    const bool aside_is_due =
        log_->has_aside() && (!in_turns_ || now >= aside_due_ns_ || Stopping());
    if (aside_is_due && Items(batch_) == 0) {
      lane_ = Lane::kAside;
      window_begin_ = log_->position(lane_);
    }
    if (auto status = log_->Read(lane_, wanted, &batch_); !status) {
      LOG_ERROR("the log cannot be read, delivery ends", kv("remote_name", config_.name),
                kv("err", status.error()));
      return false;
    }
    window_end_ = batch_.end;
    const size_t items = Items(batch_);
    window_full_ = items >= wanted;
    UpdateGauges();
    if (items == 0) {
      log_->Settle(window_begin_, window_end_);  // records without samples count as delivered
      SendMetadataIfDue();
      if (lane_ == Lane::kFresh) {
        log_->Wait(in_turns_ ? MsUntil(aside_due_ns_, now) : kPollMs, 1);
      }
      lane_ = Lane::kFresh;
      window_begin_ = log_->position(lane_);
      continue;
    }
    first_ns = first_ns == 0 ? now : first_ns;
    const bool is_enough = items >= width_ * request_size_.enough;
    const int64_t gather_ms = is_enough ? std::min(kGatherMs, config_.queue.batch_send_deadline_ms)
                                        : config_.queue.batch_send_deadline_ms;
    const int64_t due_ns = in_turns_ ? aside_due_ns_ : first_ns + gather_ms * kNsPerMs;
    if (window_full_ || lane_ == Lane::kAside || now >= due_ns || Stopping()) {
      return true;
    }
    log_->Wait(MsUntil(due_ns, now), BytesOf(wanted - items));
  }
  return false;
}

// What so many more items probably take in the log: as many as those of the window do.
uint64_t Destination::BytesOf(size_t items) const {
  const uint64_t read = source_.BytesBetween(window_begin_, log_->position(lane_));
  return std::max<uint64_t>(1, read * items / Items(batch_));
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
  sender_.Begin(&batch_);
  batch_.Clear();
  while (!sender_.done()) {
    if (sender_.in_trouble()) {
      if (const char* reason = trimmer_->Trim(window_begin_, /*fresh_flows=*/false)) {
        sender_.GiveUp(reason);
      }
    }
    sender_.Step(*client_, width_);
    UpdateGauges();
    if (!sender_.done() && Ending()) {
      return false;  // nothing is noted: the window is sent again after the next start
    }
  }
  oldest_unsent_ms_ = 0;
  newest_sent_ms_ = std::max(newest_sent_ms_, newest_read_ms_);
  UpdateGauges();
  return true;
}

void Destination::AdaptWidth(bool log_runs_ahead) {
  const size_t least = config_.queue.min_shards;
  // As many samples on their way as the configured shards would have.
  const size_t most =
      std::max(least, config_.queue.max_shards * request_size_.enough / request_size_.most);
  if (log_runs_ahead) {
    calm_windows_ = 0;
    width_ = std::min(most, width_ * 2);
  } else if (++calm_windows_ >= kCalmWindows && width_ > least) {
    calm_windows_ = 0;
    width_ = std::max(least, width_ / 2);
  }
}

void Destination::SendMetadataIfDue() {
  if (!config_.metadata.send || !options_.families) {
    return;
  }
  // It travels inside the messages of the second version, where that was asked for.
  const bool inside = config_.protobuf_message == config::WriteMessage::kV2;
  const int64_t now = clock_.MonotonicNs();
  const int64_t interval_ns = config_.metadata.send_interval_ms * kNsPerMs;
  if (next_metadata_ns_ == 0 && !inside) {
    next_metadata_ns_ = now + interval_ns;
  }
  if (now < next_metadata_ns_) {
    return;
  }
  std::vector<FamilyMetadata> families = options_.families();
  if (inside) {
    encoder_.families().Set(std::move(families));
    // Nobody has told anything yet: soon again.
    next_metadata_ns_ = now + (encoder_.families().empty() ? kPollMs * kNsPerMs : interval_ns);
    return;
  }
  next_metadata_ns_ = now + interval_ns;
  const size_t most = config_.metadata.max_samples_per_send;
  for (size_t from = 0; from < families.size(); from += most) {
    const size_t to = std::min(families.size(), from + most);
    const auto count = static_cast<double>(to - from);
    // Metadata is sent again in a minute: one that fails is counted and forgotten.
    client_->Send(MakeWriteRequest(config_, options_.user_agent,
                                   MessageEncoder::EncodeMetadata(families, from, to), WireForm{}),
                  [this, count](base::Result<net::ClientResponse> response) {
                    const bool ok = response && response->status / 100 == 2;
                    (ok ? probe_.metadata : probe_.metadata_failed).Add(count);
                  });
  }
}

void Destination::UpdateGauges() {
  probe_.pending.Set(static_cast<double>(Items(batch_) + sender_.pending()));
  probe_.shards.Set(static_cast<double>(width_));
  probe_.shards_desired.Set(static_cast<double>(width_));
  probe_.highest_timestamp.Set(static_cast<double>(newest_read_ms_ / 1000));
  probe_.highest_sent_timestamp.Set(static_cast<double>(newest_sent_ms_ / 1000));
  int64_t oldest_ms = oldest_unsent_ms_;
  if (aside_time_ms_ > 0) {
    oldest_ms = oldest_ms > 0 ? std::min(oldest_ms, aside_time_ms_) : aside_time_ms_;
  }
  const int64_t lag_ms = oldest_ms > 0 ? clock_.NowMs() - oldest_ms : 0;
  probe_.lag_seconds.Set(static_cast<double>(std::max<int64_t>(lag_ms, 0)) / 1000);
  const uint64_t aside_bytes = log_->BytesAhead(Lane::kAside);
  probe_.aside_bytes.Set(static_cast<double>(aside_bytes));
  probe_.backlog_bytes.Set(static_cast<double>(aside_bytes + log_->BytesAhead(Lane::kFresh)));
}

}  // namespace tributary::remote
