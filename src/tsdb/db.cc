// Db: the server's store. Owns the directory, its lock, the log, the head and the blocks.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <optional>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "tsdb/compact/block_set.h"
#include "tsdb/compact/compactor.h"
#include "tsdb/db_querier.h"
#include "tsdb/head/head.h"
#include "tsdb/head/table_wal_source.h"
#include "tsdb/intake.h"
#include "tsdb/tsdb.h"
#include "tsdb/wal/checkpoint.h"
#include "tsdb/wal/segment.h"
#include "tsdb/wal/wal_cursor.h"
#include "tsdb/wal/wal_metrics.h"
#include "tsdb/wal/wal_writer.h"

namespace tributary::tsdb {
namespace {

constexpr std::string_view kWalDir = "wal";
constexpr std::string_view kWblDir = "wbl";  // of what came out of order
constexpr std::string_view kChunksDir = "chunks_head";
constexpr std::string_view kSnapshotsDir = "snapshots";
constexpr std::string_view kHeadSnapshotsDir = "head_snapshots";
constexpr std::string_view kIntakeDir = "intake";  // of what comes while the head is loaded
constexpr std::string_view kLockFile = "lock";
// Of queriers that wait for the head: each may hold a thread of those who serve writes, too.
constexpr int kMostWaiting = 16;
constexpr std::chrono::seconds kLongestWait{10};

// What remote write follows.
class HeadWalSource final : public TableWalSource {
 public:
  HeadWalSource(base::FileSystem& fs, WalCursorOptions options, const Head& head)
      : TableWalSource(fs, std::move(options), head.labels(), head.readers()), head_(head) {}

  bool MetadataOf(model::SeriesRef ref, model::Metadata* out) const override {
    return head_.MetadataOf(ref, out);
  }

 private:
  void FindRuns(std::span<const model::SeriesRef> refs, std::span<LabelRun> runs) const override {
    head_.FindRuns(refs, runs);
  }

  const Head& head_;
};

// 20060102T150405Z-0123456789abcdef, in UTC; the second part tells snapshots of a second apart.
std::string SnapshotName(int64_t now_ms) {
  const std::time_t seconds = now_ms / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::random_device random;
  const uint64_t tail = (uint64_t{random()} << 32 | random()) >> 1;
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z-{:016x}", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     tail);
}

class DbImpl final : public Db {
 public:
  DbImpl(DbOptions options, base::FileSystem& fs, const base::Clock& clock, base::ThreadPool& pool,
         base::MetricsRegistry& metrics)
      : options_(std::move(options)),
        fs_(fs),
        clock_(clock),
        pool_(pool),
        metrics_(metrics),
        wal_dir_(base::JoinPath(options_.path, kWalDir)),
        wbl_dir_(base::JoinPath(options_.path, kWblDir)),
        wal_metrics_(metrics),
        clean_start_(metrics.GetGauge(
            "prometheus_tsdb_clean_start",
            "-1: lockfile is disabled. 0: a lockfile from a previous execution was replaced. 1: "
            "lockfile creation was clean")),
        replay_seconds_(metrics.GetGauge("prometheus_tsdb_data_replay_duration_seconds",
                                         "Time taken to replay the data on disk.")),
        head_(MakeHeadOptions(options_.start_zeros), metrics, &wal_metrics_),
        intake_(
            {.dir = base::JoinPath(options_.path, kIntakeDir),
             .head = MakeHeadOptions(/*start_zeros=*/false),  // what is newest is not known there
             .log = LogOptions({}),
             .threads = pool.size()},
            fs),
        compact_metrics_(metrics),
        blocks_(fs_, options_.path, compact_metrics_),
        compactor_(
            options_, fs_, clock, head_, blocks_, compact_metrics_,
            [this] { return FollowersNeed(); },
            [this] { return LogBytes(wal_dir_) + LogBytes(wbl_dir_) + head_.chunk_file_bytes(); }) {
    wal_bytes_ = metrics.AddGaugeCallback(
        "prometheus_tsdb_wal_storage_size_bytes", "Size of the write log directory.", {},
        [this] { return static_cast<double>(LogBytes(wal_dir_)); });
    wbl_bytes_ = metrics.AddGaugeCallback(
        "prometheus_tsdb_out_of_order_wbl_storage_size_bytes", "Size of the write log directory.",
        {}, [this] { return static_cast<double>(LogBytes(wbl_dir_)); });
  }

  ~DbImpl() override {
    if (const base::Status status = Close(); !status) {
      LOG_ERROR("tsdb: could not close the store", kv("path", options_.path),
                kv("err", status.error()));
    }
  }

  base::Status Prepare() {
    RETURN_IF_ERROR(fs_.CreateDirs(wal_dir_));
    clean_start_.Set(-1);
    if (options_.use_lock_file) {
      ASSIGN_OR_RETURN(lock_, fs_.Lock(base::JoinPath(options_.path, kLockFile)));
      clean_start_.Set(lock_->replaced_stale_lock() ? 0 : 1);
    }
    ASSIGN_OR_RETURN(const std::vector<SegmentInfo> segments, ListSegments(fs_, wal_dir_));
    if (!segments.empty()) {
      first_segment_.store(segments.front().index);
      last_segment_.store(segments.back().index);
      current_segment_.store(segments.front().index);
    }
    RETURN_IF_ERROR(blocks_.RemoveTemporary());
    RETURN_IF_ERROR(blocks_.Load());
    head_begin_ = blocks_.max_time();
    ASSIGN_OR_RETURN(const bool late, fs_.Exists(wbl_dir_));
    ASSIGN_OR_RETURN(const bool left, fs_.Exists(base::JoinPath(options_.path, kIntakeDir)));
    blocks_have_all_before_ = !late && !left;
    return {};
  }

  base::Status Replay() override {
    const auto begin = std::chrono::steady_clock::now();
    RETURN_IF_ERROR(intake_.Recover());
    RETURN_IF_ERROR(compactor_.pending_deletions().Load());
    RETURN_IF_ERROR(RemoveTemporaryCheckpoints(fs_, wal_dir_));
    RETURN_IF_ERROR(head_.Replay(
        fs_, {.wal_dir = wal_dir_,
              .chunks_dir = base::JoinPath(options_.path, kChunksDir),
              .snapshots_dir = base::JoinPath(options_.path, kHeadSnapshotsDir),
              .threads = pool_.size(),
              .min_time = head_begin_,
              .on_segment = [this](uint32_t segment) { current_segment_.store(segment); }}));
    RETURN_IF_ERROR(head_.out_of_order().Replay(fs_, wbl_dir_));
    if (head_begin_ != model::kMinTime) head_.Truncate(head_begin_);
    current_segment_.store(last_segment_.load());
    ASSIGN_OR_RETURN(wal_, WalWriter::Open(fs_, LogOptions(wal_dir_), &wal_metrics_));
    head_.LogTo(wal_.get());
    if (options_.out_of_order_window_ms > 0 || !head_.out_of_order().empty()) {
      RETURN_IF_ERROR(OpenWbl());
    }
    head_.SetOutOfOrderWindow(options_.out_of_order_window_ms, wbl_.get());
    wal_source_ = std::make_unique<HeadWalSource>(
        fs_,
        WalCursorOptions{
            .dir = wal_dir_,
            .tail = wal_->tail(),
            .on_damage = [this](const base::Error&) { wal_metrics_.corruptions.Add(); }},
        head_);
    RETURN_IF_ERROR(intake_.MoveTo(head_, [this] { return AdmitAnyAge(); }));
    // As it was, should something have come late.
    head_.SetOutOfOrderWindow(options_.out_of_order_window_ms, wbl_.get());
    {
      base::MutexLock lock(loading_mutex_);
      loaded_.store(true, std::memory_order_release);
    }
    loading_changed_.NotifyAll();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    replay_seconds_.Set(took.count());
    LOG_INFO("tsdb: ready", kv("path", options_.path), kv("series", head_.num_series()),
             kv("blocks", blocks_.blocks().size()), kv("replay_seconds", took.count()));
    compactor_.Start();
    return {};
  }

  ReplayProgress progress() const override {
    return {first_segment_.load(), last_segment_.load(), current_segment_.load()};
  }

  std::unique_ptr<storage::Appender> NewAppender() override {
    if (!loaded_.load(std::memory_order_acquire)) {
      if (auto early = intake_.NewAppender()) return early;
    }
    return head_.NewAppender();
  }
  base::Result<std::unique_ptr<storage::Querier>> NewQuerier(model::Timestamp mint,
                                                             model::Timestamp maxt) override {
    if (!loaded_.load(std::memory_order_acquire) && maxt < head_begin_ && blocks_have_all_before_ &&
        !intake_.MayHoldBefore(head_begin_)) {
      ASSIGN_OR_RETURN(auto parts, QueriersOfBlocks(mint, maxt));
      if (!parts.empty()) return MergeQueriers(std::move(parts));
    }
    RETURN_IF_ERROR(WaitUntilLoaded());
    // The head first: what a truncation takes from it then is in a block that is seen here.
    ASSIGN_OR_RETURN(std::unique_ptr<storage::Querier> head, head_.NewQuerier(mint, maxt));
    ASSIGN_OR_RETURN(auto parts, QueriersOfBlocks(mint, maxt));
    parts.push_back(std::move(head));
    return MergeQueriers(std::move(parts));
  }
  std::vector<BlockMeta> Blocks() const override {
    std::vector<BlockMeta> metas;
    for (const std::shared_ptr<Block>& block : blocks_.blocks()) metas.push_back(block->meta());
    return metas;
  }
  HeadStats Stats(size_t limit) const override { return head_.Stats(limit); }
  base::Status Delete(model::Timestamp min_time, model::Timestamp max_time,
                      storage::Matchers matchers) override {
    return compactor_.Delete({min_time, max_time}, matchers);
  }
  base::Status CleanTombstones() override { return compactor_.CleanTombstones(); }
  base::Result<std::string> Snapshot(bool with_head) override {
    const std::string name = SnapshotName(clock_.NowMs());
    const std::string dir = base::JoinPath(base::JoinPath(options_.path, kSnapshotsDir), name);
    RETURN_IF_ERROR(fs_.CreateDirs(dir));
    RETURN_IF_ERROR(compactor_.Snapshot(dir, with_head));
    return name;
  }
  storage::WalSource& wal_source() override { return *wal_source_; }
  void SetOutOfOrderWindow(int64_t window_ms) override {
    if (window_ms > 0 && wbl_ == nullptr) {
      if (const base::Status status = OpenWbl(); !status) {
        LOG_ERROR("the log for samples out of order cannot be opened: the window stays as it was",
                  kv("dir", wbl_dir_), kv("err", status.error()));
        return;
      }
    }
    head_.SetOutOfOrderWindow(window_ms, wbl_.get());
  }
  void SetRetention(int64_t time_ms, uint64_t bytes) override {
    compactor_.SetRetention(time_ms, bytes);
  }
  void SetXor2(bool xor2) override { compactor_.SetXor2(xor2); }
  void SetSelectorRetention(std::vector<SelectorRetention> rules) override {
    compactor_.SetSelectorRetention(std::move(rules));
  }
  base::Status DeleteInBackground(std::string label, std::string value) override {
    return compactor_.pending_deletions().Add(std::move(label), std::move(value));
  }
  std::vector<PendingDeletion> PendingDeletions() const override {
    return compactor_.pending_deletions().All();
  }
  void SetMaxExemplars(uint64_t max_exemplars) override { head_.exemplars().Resize(max_exemplars); }
  base::Result<std::vector<storage::SeriesExemplars>> SelectExemplars(
      model::Timestamp start, model::Timestamp end,
      std::span<const std::vector<model::Matcher>> matcher_sets) const override {
    return head_.exemplars().Select(start, end, matcher_sets);
  }

  base::Status Close() override {
    compactor_.Stop();
    base::Status status;
    if (wal_ != nullptr) {
      // The next start does without it, if it must.
      if (const base::Status taken = head_.WriteSnapshot(fs_, true); !taken) {
        LOG_WARN("the next start reads all of the log", kv("err", taken.error()));
      }
      status = wal_->Close();
    }
    if (wbl_ != nullptr) {
      const base::Status closed = wbl_->Close();
      if (status) status = closed;
    }
    lock_.reset();
    return status;
  }

 private:
  HeadOptions MakeHeadOptions(bool start_zeros) const {
    return {.chunks = {.samples_per_chunk = options_.samples_per_chunk,
                       .chunk_range_ms = options_.min_block_duration_ms},
            .max_exemplars = options_.max_exemplars,
            .min_chunk_file_bytes = options_.min_chunk_file_bytes,
            .min_snapshot_log_bytes = options_.min_snapshot_log_bytes,
            .start_zeros = start_zeros};
  }
  base::Result<std::vector<std::unique_ptr<storage::Querier>>> QueriersOfBlocks(
      model::Timestamp mint, model::Timestamp maxt) {
    std::vector<std::unique_ptr<storage::Querier>> parts;
    for (const std::shared_ptr<Block>& block : blocks_.blocks()) {
      if (!block->Overlaps(mint, maxt)) continue;
      ASSIGN_OR_RETURN(std::unique_ptr<storage::Querier> part, block->NewQuerier(mint, maxt));
      parts.push_back(std::move(part));
    }
    return parts;
  }
  base::Status WaitUntilLoaded() {
    if (loaded_.load(std::memory_order_acquire)) return {};
    base::MutexLock lock(loading_mutex_);
    if (waiting_ < kMostWaiting) {
      ++waiting_;
      const auto until = std::chrono::steady_clock::now() + kLongestWait;
      while (!loaded_.load() &&
             loading_changed_.WaitFor(loading_mutex_, until - std::chrono::steady_clock::now())) {
      }
      --waiting_;
    }
    if (loaded_.load()) return {};
    return base::Unavailable("the newest samples are still being loaded: ask again in a moment");
  }
  uint32_t FollowersNeed() const {
    const auto position = wal_source_->LeastDelivered();
    return position ? position->segment : UINT32_MAX;
  }
  WalWriterOptions LogOptions(const std::string& dir) const {
    return {.dir = dir,
            .segment_bytes = options_.wal_segment_bytes,
            .compression = options_.wal_compression,
            .sync_on_commit = options_.wal_fsync_on_ack};
  }
  base::Status OpenWbl() {
    wbl_metrics_.emplace(metrics_, "prometheus_tsdb_out_of_order_wbl_");
    ASSIGN_OR_RETURN(wbl_, WalWriter::Open(fs_, LogOptions(wbl_dir_), &*wbl_metrics_));
    return {};
  }
  base::Status AdmitAnyAge() {
    if (wbl_ == nullptr) RETURN_IF_ERROR(OpenWbl());
    head_.SetOutOfOrderWindow(kAnyAge, wbl_.get());
    return {};
  }
  uint64_t LogBytes(const std::string& dir) const {
    const auto segments = ListSegments(fs_, dir);
    uint64_t bytes = 0;
    if (segments) {
      for (const SegmentInfo& segment : *segments) bytes += segment.size;
    }
    return bytes;
  }

  const DbOptions options_;
  base::FileSystem& fs_;
  const base::Clock& clock_;
  base::ThreadPool& pool_;
  base::MetricsRegistry& metrics_;
  const std::string wal_dir_;
  const std::string wbl_dir_;
  const WalMetrics wal_metrics_;
  std::optional<WalMetrics> wbl_metrics_;
  base::Gauge& clean_start_;
  base::Gauge& replay_seconds_;
  std::unique_ptr<base::FileLock> lock_;
  std::atomic<uint32_t> first_segment_{0};
  std::atomic<uint32_t> last_segment_{0};
  std::atomic<uint32_t> current_segment_{0};
  // As it was opened: samples of the log that are older are in blocks already, but for those that
  // came late.
  model::Timestamp head_begin_ = model::kMinTime;
  bool blocks_have_all_before_ = false;
  base::Mutex loading_mutex_;
  base::CondVar loading_changed_;
  int waiting_ TB_GUARDED_BY(loading_mutex_) = 0;
  std::atomic<bool> loaded_{false};
  Head head_;
  Intake intake_;
  CompactMetrics compact_metrics_;
  BlockSet blocks_;
  std::unique_ptr<WalWriter> wal_;
  std::unique_ptr<WalWriter> wbl_;  // opened when first needed, then kept
  std::unique_ptr<HeadWalSource> wal_source_;
  std::unique_ptr<base::MetricsRegistry::CallbackHandle> wal_bytes_, wbl_bytes_;
  Compactor compactor_;  // goes first
};

}  // namespace

base::Result<std::unique_ptr<Db>> Db::Open(DbOptions options, base::FileSystem& fs,
                                           const base::Clock& clock, base::ThreadPool& pool,
                                           base::MetricsRegistry& metrics) {
  auto db = std::make_unique<DbImpl>(std::move(options), fs, clock, pool, metrics);
  RETURN_IF_ERROR(db->Prepare());
  return std::unique_ptr<Db>(std::move(db));
}

}  // namespace tributary::tsdb
