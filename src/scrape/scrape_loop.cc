#include "scrape/scrape_loop.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/strings.h"
#include "base/version.h"
#include "scrape/exposition.h"
#include "scrape/schedule.h"

namespace tributary::scrape {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

net::ClientRequest MakeRequest(const config::ScrapeConfig& config, const Target& target) {
  net::ClientRequest request;
  request.url = target.url;
  request.unix_socket = target.unix_socket;
  request.timeout_ms = target.timeout_ms;
  request.max_response_bytes = config.limits.body_size_limit;
  request.accept_gzip = config.enable_compression;
  request.headers = {{"Accept", AcceptHeader(config.scrape_protocols, config.name_escaping)},
                     {"User-Agent", std::string(base::kUserAgent)},
                     {"X-Prometheus-Scrape-Timeout-Seconds",
                      base::FormatFloat(static_cast<double>(target.timeout_ms) / 1000)}};
  return request;
}

PageOptions MakePageOptions(const config::ScrapeConfig& config, const Target& target,
                            const ManagerOptions& options) {
  return {.fallback = config.fallback_scrape_protocol,
          .native_histograms = target.native_histograms,
          .classic_histograms = target.classic_histograms,
          .custom_buckets = target.custom_buckets,
          .keep_starts = options.keep_starts};
}

}  // namespace

ScrapeLoop::ScrapeLoop(LoopContext& context, std::shared_ptr<const config::ScrapeConfig> config,
                       std::shared_ptr<net::HttpClient> client, Target target,
                       DiscoveredTarget from)
    : context_(context),
      config_(std::move(config)),
      client_(std::move(client)),
      target_(std::move(target)),
      request_(client_->Prepare(MakeRequest(*config_, target_))),
      interval_length_(context_.probe.IntervalLength(target_.interval_ms)),
      writer_(*config_, MakePageOptions(*config_, target_, context_.options), target_.labels,
              context_.storage, context_.probe, context_.families, context_.shedding),
      from_(std::move(from)) {}

double ScrapeLoop::PerSecond() const { return 1000.0 / static_cast<double>(target_.interval_ms); }

void ScrapeLoop::Start() {
  const double all = context_.scrapes_per_second.fetch_add(PerSecond()) + PerSecond();
  const int64_t offset = ScrapeOffsetMs(target_.id, context_.offset_seed, target_.interval_ms,
                                        BeatMs(target_.interval_ms, all));
  const int64_t now = context_.clock.NowMs();
  const int64_t into =
      ((now - offset) % target_.interval_ms + target_.interval_ms) % target_.interval_ms;
  const int64_t wait_ms = into == 0 ? 0 : target_.interval_ms - into;
  aligned_ms_ = now + wait_ms;
  next_due_ns_ = context_.clock.MonotonicNs() + wait_ms * kNsPerMs;
  base::MutexLock lock(mutex_);
  timer_ = context_.timers.RunAfter(wait_ms, [self = shared_from_this()] { self->Fire(); });
}

// On the timer thread.
void ScrapeLoop::ScheduleNext() {
  const int64_t now_ns = context_.clock.MonotonicNs();
  const int64_t interval_ns = target_.interval_ms * kNsPerMs;
  // Beats that were missed (a suspended machine) are skipped, the rhythm is kept.
  next_due_ns_ += std::max<int64_t>(1, (now_ns - next_due_ns_) / interval_ns + 1) * interval_ns;
  const int64_t wait_ms = std::max<int64_t>(0, (next_due_ns_ - now_ns) / kNsPerMs);
  base::MutexLock lock(mutex_);
  if (!stopping_) {
    timer_ = context_.timers.RunAfter(wait_ms, [self = shared_from_this()] { self->Fire(); });
  }
}

model::Timestamp ScrapeLoop::AlignedTime(int64_t now_ms) {
  if (now_ms < aligned_ms_ - target_.interval_ms) {
    aligned_ms_ = now_ms;  // the wall clock was set back
  }
  const int64_t behind = now_ms - aligned_ms_;
  if (behind >= target_.interval_ms) {
    aligned_ms_ += behind / target_.interval_ms * target_.interval_ms;
  }
  const int64_t tolerance =
      std::min(context_.options.timestamp_tolerance_ms, target_.interval_ms / 100);
  const bool close = now_ms - aligned_ms_ <= tolerance;
  return context_.options.adjust_timestamps && close ? aligned_ms_ : now_ms;
}

void ScrapeLoop::Fire() {
  bool skip = false;
  {
    base::MutexLock lock(mutex_);
    if (stopping_) {
      return;
    }
    skip = std::exchange(busy_, true);  // the last scrape is still under way
  }
  const int64_t began_ns = context_.clock.MonotonicNs();
  const model::Timestamp t = AlignedTime(context_.clock.NowMs());
  ScheduleNext();
  if (skip) {
    return;
  }
  if (last_began_ns_ != 0) {
    interval_length_.Observe(static_cast<double>(began_ns - last_began_ns_) / 1e9);
  }
  last_began_ns_ = began_ns;
  // The page is written on the thread that unpacked it: waking another costs more than a small
  // page.
  client_->Send(request_, [self = shared_from_this(), began_ns,
                           t](base::Result<net::ClientResponse> response) {
    self->OnFetched(std::move(response), began_ns, t);
  });
}

base::Status ScrapeLoop::CheckResponse(const net::ClientResponse& response) const {
  if (response.status != 200) {
    return base::Unavailable("server returned HTTP status " + std::to_string(response.status) +
                             " " + std::string(net::StatusText(response.status)));
  }
  const uint64_t limit = config_->limits.body_size_limit;
  if (limit > 0 && response.body.size() >= limit) {
    return base::ResourceExhausted("body size limit exceeded");
  }
  return {};
}

void ScrapeLoop::OnFetched(base::Result<net::ClientResponse> response, int64_t began_ns,
                           model::Timestamp t) {
  Page page;
  page.t = t;
  page.now_ms = context_.clock.NowMs();
  const int64_t took_ns =
      context_.clock.MonotonicNs() - began_ns - (response ? response->queued_ns : 0);
  page.duration_seconds = static_cast<double>(std::max<int64_t>(0, took_ns)) / 1e9;
  page.timeout_ms = target_.timeout_ms;
  page.fetched = response ? CheckResponse(*response) : base::Status(response.error());
  if (!page.fetched && page.fetched.error().code() == base::ErrorCode::kResourceExhausted) {
    context_.probe.exceeded_body_size.Add();
  }
  if (page.fetched) {
    page.content_type = response->headers.Get("Content-Type");
    page.body = response->body;
  }
  if (!page.fetched) {
    LogFailure(page.fetched.error());
  }
  const base::Status status = writer_.Write(page);
  if (!status) {
    LOG_DEBUG("scrape failed", kv("target", target_.url), kv("err", status.error()));
  }
  if (response) {
    net::RecycleBody(std::move(response->body));
  }
  base::MutexLock lock(mutex_);
  health_ = status ? Health::kUp : Health::kDown;
  last_error_ = status ? "" : status.error().message();
  last_scrape_ms_ = t;
  last_seconds_ = page.duration_seconds;
  families_ = writer_.families();
  busy_ = false;
  idle_.NotifyAll();
}

void ScrapeLoop::Stop(bool end_of_run) {
  {
    base::MutexLock lock(mutex_);
    if (stopping_) {
      return;
    }
    stopping_ = true;
    context_.scrapes_per_second.fetch_sub(PerSecond());
    context_.timers.Cancel(timer_);
    while (busy_) {
      idle_.Wait(mutex_);
    }
  }
  if (!end_of_run) {
    return;
  }
  const model::Timestamp t = context_.clock.NowMs();
  const int64_t wait_ms = target_.interval_ms * 21 / 10;
  context_.timers.RunAfter(wait_ms, [self = shared_from_this(), t] {
    if (!self->context_.end_of_runs.Enter()) {
      return;
    }
    self->context_.pool.Submit([self, t] {
      self->writer_.WriteEndOfRun(t);
      self->context_.end_of_runs.Leave();
    });
  });
}

TargetStatus ScrapeLoop::Status(TargetBuilder* builder) const {
  base::MutexLock lock(mutex_);
  TargetStatus status;
  status.pool = config_->job_name;
  status.discovered_labels =
      builder->Discovered(from_.group->targets[from_.index], from_.group->labels);
  status.labels = target_.labels;
  status.scrape_url = target_.url;
  status.last_error = last_error_;
  status.last_scrape_ms = last_scrape_ms_;
  status.last_duration_seconds = last_seconds_;
  status.health = health_;
  status.interval_ms = target_.interval_ms;
  status.timeout_ms = target_.timeout_ms;
  return status;
}

FamilyList ScrapeLoop::Families() const {
  base::MutexLock lock(mutex_);
  return families_;
}

void ScrapeLoop::SetFailureLog(std::shared_ptr<FailureLog> log) {
  base::MutexLock lock(mutex_);
  failure_log_.swap(log);
}

void ScrapeLoop::LogFailure(const base::Error& error) {
  std::shared_ptr<FailureLog> log;
  {
    base::MutexLock lock(mutex_);
    log = failure_log_;
  }
  if (log) {
    log->Write(config_->job_name, target_.url, error.message());
  }
}

void ScrapeLoop::SetDiscovered(DiscoveredTarget from) {
  base::MutexLock lock(mutex_);
  from_ = std::move(from);
}

}  // namespace tributary::scrape
