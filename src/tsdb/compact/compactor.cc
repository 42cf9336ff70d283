#include "tsdb/compact/compactor.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "base/threads.h"
#include "tsdb/block/ulid.h"
#include "tsdb/compact/compact_plan.h"
#include "tsdb/compact/delete_series.h"
#include "tsdb/compact/retention.h"
#include "tsdb/compact/selector_retention.h"
#include "tsdb/compact/snapshot.h"
#include "tsdb/compact/write_block.h"

namespace tributary::tsdb {
namespace {

// Blocks are looked over this often even if the head has nothing.
constexpr std::chrono::seconds kReloadEvery{60};
constexpr std::chrono::seconds kLongestBackoff{60};
// What nobody has read in the meantime gives its memory back this often.
constexpr std::chrono::seconds kReleaseEvery{60};
constexpr int64_t kLongestBlockMs = 31ll * 24 * 3600 * 1000;

int64_t MaxBlockMs(const DbOptions& options) {
  int64_t max = options.max_block_duration_ms;
  if (max == 0) {
    max = kLongestBlockMs;
    if (options.retention_time_ms > 0) max = std::min(max, options.retention_time_ms / 10);
  }
  return std::max(max, options.min_block_duration_ms);
}

class Stopwatch {
 public:
  double Seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace

Compactor::Compactor(const DbOptions& options, base::FileSystem& fs, const base::Clock& clock,
                     Head& head, BlockSet& blocks, CompactMetrics& metrics,
                     std::function<uint32_t()> needed_from, std::function<uint64_t()> log_bytes)
    : options_(options),
      fs_(fs),
      clock_(clock),
      head_(head),
      blocks_(blocks),
      metrics_(metrics),
      needed_from_(std::move(needed_from)),
      log_bytes_(std::move(log_bytes)),
      ranges_(CompactionRanges(options.min_block_duration_ms, MaxBlockMs(options))),
      rules_(std::make_shared<std::vector<SelectorRetention>>()),
      pending_(fs, clock, options.path) {
  SetRetention(options.retention_time_ms, options.retention_size_bytes);
  SetXor2(options.xor2);
}

Compactor::~Compactor() { Stop(); }

void Compactor::Start() {
  thread_ = std::thread([this] {
    base::SetThreadName("compactor");
    Loop();
  });
}

void Compactor::SetRetention(int64_t time_ms, uint64_t bytes) {
  retention_time_ms_.store(time_ms);
  retention_bytes_.store(bytes);
  metrics_.retention_limit_seconds.Set(static_cast<double>(time_ms) / 1000);
  metrics_.retention_limit_bytes.Set(static_cast<double>(bytes));
}

void Compactor::SetSelectorRetention(std::vector<SelectorRetention> rules) {
  auto shared = std::make_shared<const std::vector<SelectorRetention>>(std::move(rules));
  base::MutexLock lock(mutex_);
  rules_ = std::move(shared);
}

std::shared_ptr<const std::vector<SelectorRetention>> Compactor::Rules() const {
  base::MutexLock lock(mutex_);
  return rules_;
}

void Compactor::Stop() {
  stopping_.store(true);
  {
    base::MutexLock lock(mutex_);
    stop_ = true;
  }
  wake_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void Compactor::Loop() {
  using SteadyClock = std::chrono::steady_clock;
  auto next_reload = SteadyClock::now();
  auto not_before = SteadyClock::now();
  auto next_chunks = SteadyClock::now();
  auto next_snapshot = SteadyClock::now();
  auto next_release = SteadyClock::now();
  std::chrono::seconds backoff{1};
  while (true) {
    {
      base::MutexLock lock(mutex_);
      if (!stop_) wake_.WaitFor(mutex_, std::chrono::milliseconds(options_.compaction_poll_ms));
      if (stop_) return;
    }
    const auto now = SteadyClock::now();
    if (now >= next_chunks) {
      base::MutexLock working(working_);
      if (const base::Status status = head_.WriteChunks(); !status) {
        LOG_ERROR("full chunks stay in memory", kv("err", status.error()));
        next_chunks = now + kLongestBackoff;
      }
    }
    if (now >= next_snapshot) {
      base::MutexLock working(working_);
      if (const base::Status status = head_.WriteSnapshot(fs_, false); !status) {
        LOG_ERROR("a start would read more of the log", kv("err", status.error()));
        next_snapshot = now + kLongestBackoff;
      }
    }
    if (now >= next_release) {
      base::MutexLock working(working_);
      next_release = now + kReleaseEvery;
      head_.ReleaseChunkFilePages();
      for (const std::shared_ptr<Block>& block : blocks_.blocks()) block->ReleaseIdlePages();
    }
    if (now < not_before || (now < next_reload && !HeadIsFull() && pending_.empty())) continue;
    next_reload = now + kReloadEvery;
    if (const base::Status status = RunOnce(); !status) {
      if (status.error().code() == base::ErrorCode::kCancelled) continue;
      metrics_.compactions_failed.Add();
      LOG_ERROR("compaction failed", kv("err", status.error()),
                kv("retry_after_seconds", backoff.count()));
      not_before = SteadyClock::now() + backoff;
      backoff = std::min(backoff * 2, kLongestBackoff);
      next_reload = not_before;
    } else {
      backoff = std::chrono::seconds{1};
    }
  }
}

base::Status Compactor::RunOnce() {
  base::MutexLock working(working_);
  return RunOnceLocked();
}

base::Status Compactor::RunOnceLocked() {
  RETURN_IF_ERROR(blocks_.Load());
  RETURN_IF_ERROR(CompleteDeletions());
  RETURN_IF_ERROR(ApplyRetention());
  if (HeadIsFull()) {
    metrics_.compactions_triggered.Add();
    RETURN_IF_ERROR(CompactHead());
  }
  RETURN_IF_ERROR(CompactBlocks());
  RETURN_IF_ERROR(ApplyRetention());
  return ApplySelectorRetention();
}

bool Compactor::HeadIsFull() const {
  const int64_t min = head_.min_time();
  const int64_t max = head_.max_time();
  if (min > max) return false;
  return static_cast<uint64_t>(max) - static_cast<uint64_t>(min) >
         static_cast<uint64_t>(options_.min_block_duration_ms) / 2 * 3;
}

base::Status Compactor::CompactHead() {
  bool cut_any = false;
  model::Timestamp cut = model::kMinTime;
  while (HeadIsFull() && !stopping_.load()) {
    const model::Timestamp begin = head_.min_time();
    cut = AlignedEnd(begin, options_.min_block_duration_ms);
    // What they may still bring into the range would be missing in the block. Appenders made from
    // now on find it out of bounds: the newest sample is half a range ahead.
    head_.WaitForAppenders();
    const auto written =
        WriteFromHead({.ulid = MakeUlid(clock_.NowMs()), .min_time = begin, .max_time = cut},
                      [&] { return head_.SelectForBlock(begin, cut - 1); });
    if (!written) return written.error().Context("writing a block of the head");
    if (!*written) {
      cut = std::max(cut, NextTime(cut));
    }
    head_.Truncate(cut);
    cut_any = true;
  }
  if (!cut_any) return {};
  auto status = head_.TruncateLog(fs_, cut, needed_from_(), options_.wal_compression);
  if (!status) return status.error().Context("truncating the log");
  return CompactOutOfOrder();
}

base::Status Compactor::CompactOutOfOrder() {
  OutOfOrderHead& head = head_.out_of_order();
  if (head.empty() || stopping_.load()) return {};
  ASSIGN_OR_RETURN(const std::vector<model::Timestamp> begins,
                   head.Seal(options_.min_block_duration_ms));
  for (const model::Timestamp begin : begins) {
    const model::Timestamp end = begin + options_.min_block_duration_ms;
    const auto written = WriteFromHead({.ulid = MakeUlid(clock_.NowMs()),
                                        .min_time = begin,
                                        .max_time = end,
                                        .hints = {std::string(kHintOutOfOrder)}},
                                       [&] { return head.SelectMarked(begin, end - 1); });
    if (!written) return written.error().Context("writing a block of what came out of order");
  }
  auto status = head.Truncate(fs_);
  if (!status) return status.error().Context("truncating the log of what came out of order");
  return {};
}

base::Result<bool> Compactor::WriteFromHead(
    BlockMeta meta, const std::function<std::unique_ptr<storage::SeriesSelection>()>& select) {
  const Stopwatch watch;
  meta.sources = {meta.ulid};
  WriteBlockOptions write{
      .parent = options_.path,
      .meta = std::move(meta),
      .xor2 = xor2_.load(),
      .on_chunk = [this](const chunk::ChunkView& chunk) { ObserveChunk(chunk); },
      .stop = &stopping_};
  metrics_.populating_block.Set(1);
  const auto written = [&] {
    // The selection holds up the truncation, so it goes first.
    const auto series = select();
    return WriteBlock(fs_, std::move(write), {series.get()});
  }();
  metrics_.populating_block.Set(0);
  if (!written) return written.error();
  if (!written->has_value()) return false;
  const BlockMeta& done = **written;
  metrics_.compactions.Add();
  metrics_.duration_seconds.Observe(watch.Seconds());
  LOG_INFO("block written", kv("ulid", done.ulid), kv("min_time", done.min_time),
           kv("max_time", done.max_time), kv("series", done.stats.num_series),
           kv("samples", done.stats.num_samples), kv("out_of_order", done.HasHint(kHintOutOfOrder)),
           kv("seconds", watch.Seconds()));
  RETURN_IF_ERROR(blocks_.Load());
  const BlockList blocks = blocks_.blocks();
  // Set aside: then the head is the only one who can still show these samples.
  if (std::ranges::none_of(blocks, [&](const auto& b) { return b->meta().ulid == done.ulid; })) {
    return base::Internal("block " + done.ulid + " was written but cannot be read");
  }
  return true;
}

model::Timestamp Compactor::NextTime(model::Timestamp time) {
  model::Timestamp next = head_.max_time();
  const auto series = head_.SelectForBlock(time, model::kMaxTime);
  storage::ChunkBuffer buffer;
  std::vector<chunk::ChunkView> chunks;
  for (size_t i = 0; i < series->size(); ++i) {
    chunks.clear();
    buffer.Clear();
    if (!series->Chunks(i, &buffer, &chunks)) continue;
    for (const chunk::ChunkView& chunk : chunks) next = std::min(next, chunk.min_time);
  }
  return AlignedEnd(next, options_.min_block_duration_ms) - options_.min_block_duration_ms;
}

void Compactor::ObserveChunk(const chunk::ChunkView& chunk) {
  metrics_.chunk_size_bytes.Observe(static_cast<double>(chunk.data.size()));
  metrics_.chunk_samples.Observe(static_cast<double>(NumSamples(chunk)));
  metrics_.chunk_range_seconds.Observe(static_cast<double>(chunk.max_time - chunk.min_time) / 1000);
}

base::Status Compactor::CompactBlocks() {
  // The head goes first: it is what memory is spent on.
  while (!stopping_.load() && !HeadIsFull()) {
    BlockList blocks = blocks_.blocks();
    // The head is taken to begin where blocks in order end. One with samples out of order that
    // reaches beyond would, merged with others, move that.
    if (const model::Timestamp end = blocks_.max_time(); end != model::kMinTime) {
      std::erase_if(blocks, [&](const auto& b) { return b->meta().max_time > end; });
    }
    std::vector<BlockMeta> metas;
    for (const auto& block : blocks) {
      metas.push_back(block->meta());
      metas.back().failed |= failed_.contains(block->meta().ulid);
    }
    BlockList parents;
    for (const size_t i : PlanCompaction(metas, ranges_)) parents.push_back(blocks[i]);
    if (parents.empty()) return {};
    if (const base::Status status = MergeBlocks(parents); !status) {
      // Damage stays damage; anything else may pass.
      if (status.error().code() == base::ErrorCode::kCorruption) {
        for (const auto& parent : parents) failed_.insert(parent->meta().ulid);
      }
      return status.error().Context("merging blocks");
    }
  }
  return {};
}

base::Status Compactor::MergeBlocks(const BlockList& parents) {
  const Stopwatch watch;
  std::vector<BlockMeta> metas;
  std::vector<std::unique_ptr<storage::SeriesSelection>> selections;
  std::vector<const storage::SeriesSelection*> inputs;
  bool overlap = false;
  int64_t max_time = model::kMinTime;
  for (const auto& parent : parents) {
    metas.push_back(parent->meta());
    overlap |= parent->meta().min_time < max_time;
    max_time = std::max(max_time, parent->meta().max_time);
    ASSIGN_OR_RETURN(auto selection, parent->SelectAll());
    inputs.push_back(selection.get());
    selections.push_back(std::move(selection));
  }
  metrics_.populating_block.Set(1);
  auto written = WriteBlock(fs_,
                            {.parent = options_.path,
                             .meta = MergedMeta(MakeUlid(clock_.NowMs()), metas),
                             .xor2 = xor2_.load(),
                             .on_chunk = {},
                             .stop = &stopping_},
                            inputs);
  metrics_.populating_block.Set(0);
  if (!written) return written.error();
  metrics_.compactions.Add();
  if (overlap) metrics_.vertical_compactions.Add();
  metrics_.duration_seconds.Observe(watch.Seconds());
  if (!written->has_value()) return blocks_.Remove(parents);  // all was deleted
  const BlockMeta& meta = **written;
  LOG_INFO("blocks merged", kv("ulid", meta.ulid), kv("parents", parents.size()),
           kv("level", meta.level), kv("min_time", meta.min_time), kv("max_time", meta.max_time),
           kv("series", meta.stats.num_series), kv("samples", meta.stats.num_samples),
           kv("seconds", watch.Seconds()));
  return blocks_.Load();  // which removes the parents
}

base::Status Compactor::Delete(TimeInterval time, storage::Matchers matchers) {
  base::MutexLock working(working_);
  return DeleteLocked(time, matchers);
}

base::Status Compactor::DeleteLocked(TimeInterval time, storage::Matchers matchers) {
  for (const std::shared_ptr<Block>& block : blocks_.blocks()) {
    if (!block->Overlaps(time.min, time.max)) continue;
    ASSIGN_OR_RETURN(const bool changed, DeleteFromBlock(fs_, *block, time, matchers));
    if (changed) RETURN_IF_ERROR(blocks_.Reopen(block));
  }
  return head_.Delete(time, matchers);
}

// Each is done whole or again from the start: deleting twice deletes nothing more.
base::Status Compactor::CompleteDeletions() {
  const std::vector<PendingDeletion> deletions = pending_.All();
  metrics_.pending_deletions.Set(static_cast<double>(deletions.size()));
  for (const PendingDeletion& deletion : deletions) {
    const Stopwatch watch;
    const model::Matcher matchers[] = {model::Matcher::Equal(deletion.label, deletion.value)};
    RETURN_IF_ERROR(DeleteLocked({model::kMinTime, deletion.until}, matchers));
    RETURN_IF_ERROR(CleanAllTombstones());
    RETURN_IF_ERROR(pending_.Complete(deletion));
    LOG_INFO("deletion completed", kv("label", deletion.label), kv("value", deletion.value),
             kv("until", deletion.until), kv("seconds", watch.Seconds()));
  }
  if (!deletions.empty()) {
    metrics_.pending_deletions.Set(static_cast<double>(pending_.All().size()));
  }
  return {};
}

base::Status Compactor::CleanTombstones() {
  base::MutexLock working(working_);
  return CleanAllTombstones();
}

base::Status Compactor::CleanAllTombstones() {
  for (const std::shared_ptr<Block>& block : blocks_.blocks()) {
    if (block->tombstones().empty()) continue;
    auto status = CleanTombstonesOf(block);
    if (!status) return status.error().Context("clean tombstones of block " + block->meta().ulid);
  }
  return {};
}

base::Status Compactor::CleanTombstonesOf(const std::shared_ptr<Block>& block) {
  const BlockMeta& old = block->meta();
  BlockMeta meta{
      .ulid = MakeUlid(clock_.NowMs()), .min_time = old.min_time, .max_time = old.max_time};
  meta.sources = {meta.ulid};
  meta.parents = {{old.ulid, old.min_time, old.max_time}};
  meta.hints = old.hints;
  const auto written = [&]() -> base::Result<std::optional<BlockMeta>> {
    ASSIGN_OR_RETURN(const auto selection, block->SelectAll());
    return WriteBlock(fs_,
                      {.parent = options_.path,
                       .meta = std::move(meta),
                       .xor2 = xor2_.load(),
                       .on_chunk = {},
                       .stop = &stopping_},
                      {selection.get()});
  }();
  if (!written) return written.error();
  if (!written->has_value()) return blocks_.Remove({block});  // all was deleted
  return blocks_.Load();                                      // which removes the old one
}

base::Status Compactor::Snapshot(const std::string& dir, bool with_head) {
  base::MutexLock working(working_);
  for (const std::shared_ptr<Block>& block : blocks_.blocks()) {
    auto status = LinkBlock(fs_, *block, dir);
    if (!status) return status.error().Context("snapshot of block " + block->meta().ulid);
  }
  if (!with_head || head_.min_time() > head_.max_time()) return fs_.SyncDir(dir);
  head_.WaitForAppenders();
  const int64_t begin = head_.min_time();
  const int64_t last = head_.max_time();
  BlockMeta meta{.ulid = MakeUlid(clock_.NowMs()), .min_time = begin, .max_time = last + 1};
  meta.sources = {meta.ulid};
  const auto series = head_.SelectForBlock(begin, last);
  const auto written = WriteBlock(fs_,
                                  {.parent = dir,
                                   .meta = std::move(meta),
                                   .xor2 = xor2_.load(),
                                   .on_chunk = {},
                                   .stop = &stopping_},
                                  {series.get()});
  if (!written) return written.error().Context("snapshot of the head");
  return fs_.SyncDir(dir);
}

base::Status Compactor::ApplyRetention() {
  const uint64_t bytes = retention_bytes_.load();
  RetentionVerdict verdict =
      BeyondRetention(blocks_.blocks(), LongestRetention(*Rules(), retention_time_ms_.load()),
                      bytes, bytes == 0 ? 0 : log_bytes_());
  if (verdict.by_time) metrics_.time_retentions.Add();
  if (verdict.by_size) metrics_.size_retentions.Add();
  if (verdict.remove.empty()) return {};
  return blocks_.Remove(verdict.remove);
}

base::Status Compactor::ApplySelectorRetention() {
  const auto rules = Rules();
  const int64_t default_ms = retention_time_ms_.load();
  if (rules != applied_rules_ || default_ms != applied_default_ms_) applied_.clear();
  applied_rules_ = rules;
  applied_default_ms_ = default_ms;
  if (rules->empty()) return {};
  const BlockList blocks = blocks_.blocks();
  int64_t newest = model::kMinTime;
  for (const auto& block : blocks) newest = std::max(newest, block->meta().max_time);
  for (const auto& block : blocks) {
    if (stopping_.load()) return {};
    const int64_t age = newest - block->meta().max_time;
    const int64_t passed = PassedRetention(*rules, default_ms, age);
    int64_t& applied = applied_[block->meta().ulid];
    if (passed == applied) continue;
    ASSIGN_OR_RETURN(const std::vector<uint32_t> refs,
                     ExpiredSeries(*block, *rules, default_ms, age));
    applied = passed;
    if (refs.empty()) continue;
    LOG_INFO("series have outlived their retention", kv("block", block->meta().ulid),
             kv("series", refs.size()), kv("of", block->meta().stats.num_series));
    const base::Status dropped = DropSeries(block, refs);
    if (!dropped) {
      applied_.erase(block->meta().ulid);
      return dropped.error().Context("retention of block " + block->meta().ulid);
    }
    metrics_.selector_retention_series.Add(static_cast<double>(refs.size()));
  }
  return {};
}

base::Status Compactor::DropSeries(const std::shared_ptr<Block>& block,
                                   std::span<const uint32_t> refs) {
  const BlockMeta& meta = block->meta();
  if (refs.size() == meta.stats.num_series) return blocks_.Remove({block});
  ASSIGN_OR_RETURN(const bool changed,
                   DeleteFromBlock(fs_, *block, {model::kMinTime, model::kMaxTime}, refs));
  if (!changed) return {};
  RETURN_IF_ERROR(blocks_.Reopen(block));
  const BlockList blocks = blocks_.blocks();
  const auto reopened =
      std::ranges::find_if(blocks, [&](const auto& b) { return b->meta().ulid == meta.ulid; });
  return reopened == blocks.end() ? base::Status() : CleanTombstonesOf(*reopened);
}

}  // namespace tributary::tsdb
