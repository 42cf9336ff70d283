#include "tsdb/agent/agent_db.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/mutex.h"
#include "base/threads.h"
#include "tsdb/agent/agent_store.h"
#include "tsdb/head/by_shard.h"
#include "tsdb/head/table_wal_source.h"
#include "tsdb/wal/segment.h"

namespace tributary::tsdb {
namespace {

// How often the log's size is looked at, where there is a limit and where there is none.
constexpr std::chrono::seconds kSizeCheck{1}, kLooseSizeCheck{10};

class AgentWalSource final : public TableWalSource {
 public:
  AgentWalSource(AgentStore& store, WalCursorOptions options)
      : TableWalSource(store.fs, std::move(options), store.labels, store.text_readers),
        store_(store) {}

  bool MetadataOf(model::SeriesRef /*ref*/, model::Metadata* /*out*/) const override {
    return false;  // the agent keeps none per series
  }

 private:
  void FindRuns(std::span<const model::SeriesRef> refs, std::span<LabelRun> runs) const override {
    std::vector<model::SeriesRef> resolved;
    if (!store_.aliases.empty()) {
      std::ranges::transform(refs, std::back_inserter(resolved),
                             [this](model::SeriesRef ref) { return store_.Resolve(ref); });
      refs = resolved;
    }
    ByShard().ForEach(store_.series, refs,
                      [&](AgentSeriesTable::Shard& shard, size_t i) TB_NO_THREAD_SAFETY_ANALYSIS {
                        const AgentSeries* series = AgentSeriesTable::Find(shard, refs[i]);
                        if (series != nullptr) {
                          runs[i] = LabelRun(series->labels);
                        }
                      });
  }

  AgentStore& store_;
};

class AgentDbImpl final : public AgentDb {
 public:
  AgentDbImpl(AgentDbOptions options, base::FileSystem& fs, const base::Clock& clock,
              base::MetricsRegistry& metrics, std::unique_ptr<base::FileLock> lock)
      : lock_(std::move(lock)),
        store_(std::move(options), fs, clock, metrics),
        label_bytes_(metrics.AddGaugeCallback(
            "tributary_agent_label_bytes", "Memory of the labels of active series.", {},
            [this] { return static_cast<double>(store_.labels.memory_bytes()); })) {
    store_.metrics.clean_start.Set(!lock_ ? -1 : lock_->replaced_stale_lock() ? 0 : 1);
  }

  ~AgentDbImpl() override {
    if (auto closed = Close(); !closed) {
      LOG_ERROR("log not closed in order", kv("err", closed.error()));
    }
  }

  base::Status Replay() override {
    const int64_t began = store_.clock.MonotonicNs();
    if (const auto segments = ListSegments(store_.fs, store_.WalDir());
        segments && !segments->empty()) {
      first_segment_.store(segments->front().index);
      last_segment_.store(segments->back().index);
    }
    RETURN_IF_ERROR(ReplayAgentWal(store_, &current_segment_));
    const double seconds = static_cast<double>(store_.clock.MonotonicNs() - began) / 1e9;
    store_.metrics.replay_seconds.Set(seconds);
    LOG_INFO("log replayed", kv("series", store_.active_series.load()), kv("seconds", seconds));
    source_ = std::make_unique<AgentWalSource>(
        store_, WalCursorOptions{.dir = store_.WalDir(),
                                 .tail = store_.writer->tail(),
                                 .on_damage = [this](const base::Error& error) {
                                   store_.metrics.corruptions.Add();
                                   LOG_WARN("damaged place in the log not delivered",
                                            kv("err", error));
                                 }});
    store_.followers = source_.get();
    truncator_ = std::thread([this] { TruncateLoop(); });
    return {};
  }

  std::unique_ptr<storage::Appender> NewAppender() override { return NewAgentAppender(store_); }

  ReplayProgress progress() const override {
    return {first_segment_.load(), last_segment_.load(), current_segment_.load()};
  }
  storage::WalSource& wal_source() override { return *source_; }
  uint64_t active_series() const override { return store_.active_series.load(); }

  base::Status Close() override {
    {
      base::MutexLock lock(mutex_);
      stopping_ = true;
    }
    wake_.NotifyAll();
    if (truncator_.joinable()) {
      truncator_.join();
    }
    base::Status status;
    if (store_.writer) {
      status = store_.writer->Close();
    }
    lock_.reset();
    return status;
  }

 private:
  bool IsTooLarge() {
    const auto too_large = AgentWalIsTooLarge(store_);
    return too_large && *too_large;
  }

  void TruncateLoop() {
    base::SetThreadName("wal-truncate");
    const auto interval = std::chrono::milliseconds(store_.options.truncate_frequency_ms);
    const auto size_check = store_.options.max_wal_bytes != 0 ? kSizeCheck : kLooseSizeCheck;
    auto due = std::chrono::steady_clock::now() + interval;
    while (true) {
      {
        base::MutexLock lock(mutex_);
        bool is_due = false;
        while (!stopping_ && !is_due) {
          wake_.WaitFor(mutex_, std::min<std::chrono::steady_clock::duration>(
                                    due - std::chrono::steady_clock::now(), size_check));
          is_due = std::chrono::steady_clock::now() >= due || IsTooLarge();
        }
        if (stopping_) {
          return;
        }
      }
      due = std::chrono::steady_clock::now() + interval;
      if (auto status = TruncateAgentWal(store_); !status) {
        store_.metrics.wal.truncate_failures.Add();
        LOG_ERROR("log not truncated, trying again later", kv("err", status.error()));
      }
    }
  }

  std::unique_ptr<base::FileLock> lock_;
  AgentStore store_;
  const std::unique_ptr<base::MetricsRegistry::CallbackHandle> label_bytes_;
  std::unique_ptr<AgentWalSource> source_;
  std::atomic<uint32_t> first_segment_{0}, last_segment_{0}, current_segment_{0};
  base::Mutex mutex_;
  base::CondVar wake_;
  bool stopping_ TB_GUARDED_BY(mutex_) = false;
  std::thread truncator_;
};

}  // namespace

base::Result<std::unique_ptr<AgentDb>> AgentDb::Open(AgentDbOptions options, base::FileSystem& fs,
                                                     const base::Clock& clock,
                                                     base::MetricsRegistry& metrics) {
  RETURN_IF_ERROR(fs.CreateDirs(options.path));
  std::unique_ptr<base::FileLock> lock;
  if (options.use_lock_file) {
    auto taken = fs.Lock(base::JoinPath(options.path, "lock"));
    if (!taken) {
      return taken.error().Context("another process uses the storage directory");
    }
    lock = std::move(*taken);
  }
  return std::unique_ptr<AgentDb>(
      std::make_unique<AgentDbImpl>(std::move(options), fs, clock, metrics, std::move(lock)));
}

}  // namespace tributary::tsdb
