#include "app/collector.h"

#include <map>

#include "app/features.h"
#include "base/log.h"
#include "base/version.h"

namespace tributary::app {
namespace {

constexpr std::string_view kSenderDir = "remote_write";

std::map<std::string, std::vector<config::SdConfig>> DiscoveryByJob(const config::Config& config) {
  std::map<std::string, std::vector<config::SdConfig>> by_job;
  for (const config::ScrapeConfig& job : config.scrape_configs) {
    by_job[job.job_name] = job.sd_configs;
  }
  return by_job;
}

}  // namespace

Collector::Collector(const Options& options, storage::Appendable& store, base::FileSystem& fs,
                     const base::Clock& clock, base::ThreadPool& pool,
                     base::MetricsRegistry& metrics)
    : options_(options), fs_(fs), clock_(clock), metrics_(metrics) {
  scrape::ManagerOptions scrape_options;
  scrape_options.adjust_timestamps = options.adjust_timestamps;
  scrape_options.timestamp_tolerance_ms = options.timestamp_tolerance_ms;
  scrape_options.memory_limit_bytes = options.memory_limit_bytes;
  const Features features = ParseFeatures(options.features);
  scrape_options.keep_starts = features.HandsStartsOver(options.agent);
  scrape_ = scrape::Manager::Create(scrape_options, store, clock, pool, metrics);
  discovery_ = discovery::Manager::Create(
      "scrape", fs, metrics, options.discovery_reload_interval_ms,
      [this](const discovery::TargetSets& sets) { scrape_->SetTargets(sets); });
}

Collector::~Collector() { Stop(); }

void Collector::OpenSender(storage::WalSource& source, const std::string& data_dir,
                           remote::SendOptions send_options) {
  send_options.state_dir = base::JoinPath(data_dir, kSenderDir);
  send_options.flush_deadline_ms = options_.remote_flush_deadline_ms;
  send_options.user_agent = base::kUserAgent;
  send_options.families = [this] { return scrape_->Families(); };
  sender_ = remote::SendManager::Create(send_options, source, fs_, clock_, metrics_);
}

Applier Collector::SenderApplier() {
  return {"remote_storage", [this](std::shared_ptr<const config::Config> config) {
            return sender_->Apply(std::move(config));
          }};
}

std::vector<Applier> Collector::ScrapeAppliers() {
  return {{"scrape",
           [this](std::shared_ptr<const config::Config> config) {
             return scrape_->Apply(std::move(config));
           }},
          {"scrape_sd", [this](const std::shared_ptr<const config::Config>& config) {
             return discovery_->Apply(DiscoveryByJob(*config));
           }}};
}

void Collector::Stop() {
  if (discovery_ != nullptr) {
    LOG_INFO("Stopping scrape discovery manager...");
    discovery_.reset();
    LOG_INFO("Stopping scrape manager...");
    scrape_->Stop();
  }
  if (sender_ != nullptr) {
    LOG_INFO("Stopping remote storage...");
    sender_->Stop();
    sender_.reset();
  }
}

}  // namespace tributary::app
