#include "remote/send/manager.h"

#include <map>
#include <utility>

#include "base/log.h"
#include "base/mutex.h"
#include "remote/send/destination.h"

namespace tributary::remote {
namespace {

class SendManagerImpl final : public SendManager {
 public:
  SendManagerImpl(SendOptions options, storage::WalSource& source, base::FileSystem& fs,
                  const base::Clock& clock, base::MetricsRegistry& metrics)
      : options_(std::move(options)), source_(source), fs_(fs), clock_(clock), metrics_(metrics) {
    source_.ExpectFollowers(true);
  }

  ~SendManagerImpl() override { StopAll(0); }

  base::Status Apply(std::shared_ptr<const config::Config> config) override {
    base::MutexLock lock(mutex_);
    base::Status first_error;
    std::map<std::string, std::unique_ptr<Destination>> next;
    for (const config::RemoteWriteConfig& write : config->remote_write) {
      auto running = destinations_.find(write.name);
      if (running != destinations_.end() && running->second->config() == write &&
          running->second->external_labels() == config->global.external_labels) {
        next[write.name] = std::move(running->second);
        destinations_.erase(running);
        continue;
      }
      if (running != destinations_.end()) {
        // Its successor goes on at the noted position.
        running->second->Stop(options_.flush_deadline_ms);
        destinations_.erase(running);
      }
      auto started = Destination::Start(options_, write, config->global.external_labels, source_,
                                        fs_, clock_, metrics_);
      if (!started) {
        LOG_ERROR("remote write not started", kv("remote_name", write.name),
                  kv("err", started.error()));
        if (first_error) {
          first_error = started.error().Context("remote_write " + write.name);
        }
        continue;
      }
      next[write.name] = std::move(*started);
    }
    for (auto& [name, destination] : destinations_) {
      destination->Stop(options_.flush_deadline_ms);
      destination.reset();
      source_.Forget(name);
      ForgetPosition(name);
    }
    destinations_ = std::move(next);
    source_.ExpectFollowers(false);
    return first_error;
  }

  void Stop() override { StopAll(options_.flush_deadline_ms); }

 private:
  // A destination that comes back later begins at the end of the log, like a new one.
  void ForgetPosition(const std::string& name) {
    if (auto removed = fs_.Remove(base::JoinPath(options_.state_dir, name)); !removed) {
      LOG_WARN("position of a removed destination not deleted", kv("remote_name", name),
               kv("err", removed.error()));
    }
  }

  void StopAll(int64_t deadline_ms) {
    base::MutexLock lock(mutex_);
    for (auto& [name, destination] : destinations_) {
      destination->Stop(deadline_ms);
    }
    destinations_.clear();
  }

  const SendOptions options_;
  storage::WalSource& source_;
  base::FileSystem& fs_;
  const base::Clock& clock_;
  base::MetricsRegistry& metrics_;
  base::Mutex mutex_;
  std::map<std::string, std::unique_ptr<Destination>> destinations_ TB_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<SendManager> SendManager::Create(SendOptions options, storage::WalSource& source,
                                                 base::FileSystem& fs, const base::Clock& clock,
                                                 base::MetricsRegistry& metrics) {
  return std::make_unique<SendManagerImpl>(std::move(options), source, fs, clock, metrics);
}

}  // namespace tributary::remote
