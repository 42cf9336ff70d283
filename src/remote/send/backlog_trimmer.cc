#include "remote/send/backlog_trimmer.h"

#include <utility>

#include "base/log.h"

namespace tributary::remote {
namespace {

constexpr int64_t kComplainEveryNs = int64_t{30} * 1'000'000'000;
constexpr const char* kLogFull = "log_full";

}  // namespace

BacklogTrimmer::BacklogTrimmer(const SendOptions& options, std::string name, size_t read_samples,
                               storage::WalSource& source, LogFollower& log,
                               const base::Clock& clock, SendProbe& probe,
                               std::function<bool()> is_ending)
    : name_(std::move(name)),
      keep_oldest_(options.keep_oldest),
      read_samples_(read_samples),
      source_(source),
      log_(log),
      clock_(clock),
      probe_(probe),
      is_ending_(std::move(is_ending)),
      limit_(options.max_backlog_bytes, options.max_backlog_age_ms) {}

const char* BacklogTrimmer::Trim(std::optional<storage::WalPosition> in_flight, bool fresh_flows) {
  const int64_t now = clock_.MonotonicNs();
  limit_.Observe(now, source_.End());
  if (keep_oldest_) {
    const uint64_t kept = log_.BytesKept();
    DeclineWhile(!fresh_flows && (declining_ ? !limit_.HasRoom(kept) : limit_.TooLarge(kept)));
    KeepOldest(in_flight);
  }
  while (true) {
    const char* const reason =
        limit_.Exceeded(now, log_.position(log_.oldest()), keep_oldest_ ? 0 : log_.BytesKept());
    if (reason == nullptr || in_flight == log_.delivered()) {
      return reason;
    }
    Complain("the undelivered log is beyond its limit: the oldest samples are dropped");
    if (!Drop(log_.oldest(), reason) || is_ending_()) {
      return nullptr;
    }
  }
}

void BacklogTrimmer::KeepOldest(std::optional<storage::WalPosition> in_flight) {
  cut_off_ = cut_off_ && declining_;
  if (!declining_) {
    return;
  }
  Complain("the undelivered log is as large as it may be: new samples are dropped");
  if (source_.AllDecline()) {
    return;  // nothing comes
  }
  // After a start what is aside may be too much already.
  cut_off_ = cut_off_ || limit_.TooLarge(log_.BytesAhead(Lane::kAside));
  if (!cut_off_ || (in_flight && log_.IsFresh(*in_flight))) {
    if (auto status = log_.SetAside(); !status) {
      LOG_ERROR("the undelivered log cannot be cut off: it grows beyond its limit",
                kv("remote_name", name_), kv("err", status.error()));
      return;
    }
    cut_off_ = true;
  }
  while (Drop(Lane::kFresh, kLogFull) && !is_ending_()) {
  }
}

void BacklogTrimmer::DeclineWhile(bool is_full) {
  if (is_full == declining_) {
    return;
  }
  declining_ = is_full;
  if (!is_full) {
    source_.Decline(name_, nullptr);
    return;
  }
  source_.Decline(name_, [this](const storage::LeftOut& left_out) { Count(left_out, kLogFull); });
}

// Reads on in the lane and counts what it passes. False: there is no more.
bool BacklogTrimmer::Drop(Lane lane, const char* reason) {
  const storage::WalPosition begin = log_.position(lane);
  batch_.Clear();
  if (!log_.Read(lane, read_samples_, &batch_) || batch_.end == begin) {
    return false;  // whoever reads the next window meets an error too
  }
  Count({batch_.samples.size(), batch_.histograms.size(), batch_.exemplars.size()}, reason);
  log_.Settle(begin, batch_.end);
  return true;
}

void BacklogTrimmer::Count(const storage::LeftOut& left_out, const char* reason) {
  using Kind = SendProbe::Kind;
  probe_.Dropped(Kind::kSamples, reason).Add(static_cast<double>(left_out.samples));
  probe_.Dropped(Kind::kHistograms, reason).Add(static_cast<double>(left_out.histograms));
  probe_.Dropped(Kind::kExemplars, reason).Add(static_cast<double>(left_out.exemplars));
}

void BacklogTrimmer::Complain(std::string_view what) {
  const int64_t now = clock_.MonotonicNs();
  if (now >= next_complaint_ns_) {
    next_complaint_ns_ = now + kComplainEveryNs;
    LOG_ERROR(what, kv("remote_name", name_));
  }
}

}  // namespace tributary::remote
