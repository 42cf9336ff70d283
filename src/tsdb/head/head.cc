#include "tsdb/head/head.h"

#include <algorithm>
#include <chrono>
#include <malloc.h>
#include <utility>

#include "base/log.h"
#include "tsdb/head/by_shard.h"
#include "tsdb/head/head_appender.h"
#include "tsdb/head/head_querier.h"
#include "tsdb/head/snapshot_writer.h"

namespace tributary::tsdb {
namespace {

// The `limit` largest, largest first; equal ones by name.
std::vector<NameCount> Top(std::vector<NameCount> all, size_t limit) {
  const auto larger = [](const NameCount& a, const NameCount& b) {
    return a.count != b.count ? a.count > b.count : a.name < b.name;
  };
  limit = std::min(limit, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(limit), all.end(),
                    larger);
  all.resize(limit);
  return all;
}

}  // namespace

Head::Head(HeadOptions options, base::MetricsRegistry& registry, const WalMetrics* wal_metrics)
    : state_(options, registry) {
  state_.wal_metrics = wal_metrics;
  const auto gauge = [&](std::string_view name, std::string_view help,
                         std::function<double()> read) {
    callbacks_.push_back(registry.AddGaugeCallback(name, help, {}, std::move(read)));
  };
  gauge("prometheus_tsdb_head_series", "Total number of series in the head block.",
        [this] { return static_cast<double>(num_series()); });
  gauge("prometheus_tsdb_head_chunks", "Total number of chunks in the head block.",
        [this] { return static_cast<double>(NumChunks()); });
  gauge("prometheus_tsdb_head_min_time", "Minimum time bound of the head block.",
        [this] { return static_cast<double>(min_time()); });
  gauge("prometheus_tsdb_head_max_time", "Maximum timestamp of the head block.",
        [this] { return static_cast<double>(max_time()); });
  gauge("prometheus_tsdb_head_min_time_seconds", "Minimum time bound of the head block.",
        [this] { return static_cast<double>(min_time() / 1000); });
  gauge("prometheus_tsdb_head_max_time_seconds", "Maximum timestamp of the head block.",
        [this] { return static_cast<double>(max_time() / 1000); });
  gauge("prometheus_tsdb_head_active_appenders", "Number of currently active appender transactions",
        [this] { return static_cast<double>(state_.active_appenders.load()); });
  gauge("prometheus_tsdb_symbol_table_size_bytes",
        "Size of symbol table in memory for loaded blocks",
        [this] { return static_cast<double>(state_.labels.memory_bytes()); });
}

Head::~Head() = default;

base::Status Head::Replay(base::FileSystem& fs, ReplayOptions options) {
  snapshots_dir_ = options.snapshots_dir;
  base::Status status;
  {
    HeadReplay replay(state_, fs, std::move(options));
    status = replay.Run();
    snapshot_bytes_ = replay.snapshot_bytes();
    logged_at_snapshot_ = -static_cast<int64_t>(replay.log_bytes());
  }
  // What the threads of the replay have freed would stay with the process.
  malloc_trim(0);
  return status;
}

base::Status Head::WriteSnapshot(base::FileSystem& fs, bool always) {
  if (snapshots_dir_.empty() || state_.wal == nullptr) return {};
  const auto logged = static_cast<int64_t>(state_.wal->logged_bytes());
  const auto since = static_cast<uint64_t>(logged - logged_at_snapshot_);
  if (since < state_.options.min_snapshot_log_bytes) return {};
  // A byte of either takes about as long to read, so that a start takes at most twice as long as
  // with a snapshot taken just before, and no more is written for snapshots than for the log.
  if (!always && since < snapshot_bytes_) return {};
  return TakeSnapshot(fs);
}

base::Status Head::TakeSnapshot(base::FileSystem& fs) {
  const auto begin = std::chrono::steady_clock::now();
  // Also after a failure: not again at once.
  logged_at_snapshot_ = static_cast<int64_t>(state_.wal->logged_bytes());
  const auto written = WriteHeadSnapshot(state_, fs, snapshots_dir_);
  if (!written) {
    state_.metrics.snapshots_failed.Add();
    return written.error().Context("writing a head snapshot");
  }
  state_.metrics.snapshots.Add();
  snapshot_bytes_ = *written;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  LOG_INFO("head snapshot written", kv("series", num_series()), kv("bytes", *written),
           kv("seconds", took.count()));
  return {};
}

std::unique_ptr<storage::Appender> Head::NewAppender() { return MakeHeadAppender(state_); }

base::Result<std::unique_ptr<storage::Querier>> Head::NewQuerier(model::Timestamp min_time,
                                                                 model::Timestamp max_time) {
  return MakeHeadQuerier(state_, min_time, max_time);
}

std::unique_ptr<storage::SeriesSelection> Head::SelectForBlock(model::Timestamp min_time,
                                                               model::Timestamp max_time) {
  return MakeSortedSelection(state_, min_time, max_time);
}

uint64_t Head::NumChunks() const {
  uint64_t count = 0;
  for (uint32_t s = 0; s < kSeriesShards; ++s) {
    base::MutexLock lock(state_.series.shard(s).mutex);
    count += state_.chunks[s].num_chunks;
  }
  return count + out_of_order_.NumChunks();
}

HeadStats Head::Stats(size_t limit) const {
  const Gate::Pin pin(state_.readers);
  HeadStats stats;
  stats.num_series = num_series();
  stats.chunk_count = NumChunks();
  stats.min_time = min_time();
  stats.max_time = max_time();
  absl::flat_hash_map<uint32_t, std::pair<uint64_t, uint64_t>> by_name;  // values, bytes
  std::vector<NameCount> metrics;
  std::vector<NameCount> pairs;
  std::vector<std::pair<LabelId, uint32_t>> all;
  state_.index.EachLabel([&](LabelId id, uint32_t count) { all.emplace_back(id, count); });
  const auto metric_name = state_.labels.FindName(model::kMetricName);
  stats.num_label_pairs = all.size();
  // Only the largest pairs are turned into text.
  std::ranges::sort(all, [](const auto& a, const auto& b) { return a.second > b.second; });
  for (size_t i = 0; i < all.size(); ++i) {
    const auto [id, count] = all[i];
    const LabelNameId name = state_.labels.NameOf(id);
    const std::string_view value = state_.labels.Value(id);
    auto& [values, bytes] = by_name[name.value()];
    ++values;
    bytes += value.size();
    if (metric_name && name == *metric_name && metrics.size() < limit) {
      metrics.push_back({std::string(value), count});
    }
    if (i < limit) {
      pairs.push_back({std::string(state_.labels.Name(name)) + "=" + std::string(value), count});
    }
  }
  std::vector<NameCount> values;
  std::vector<NameCount> bytes;
  for (const auto& [name, sums] : by_name) {
    const std::string text(state_.labels.Name(LabelNameId(name)));
    values.push_back({text, sums.first});
    bytes.push_back({text, sums.second});
  }
  stats.series_by_metric_name = Top(std::move(metrics), limit);
  stats.series_by_label_pair = Top(std::move(pairs), limit);
  stats.values_by_label_name = Top(std::move(values), limit);
  stats.memory_by_label_name = Top(std::move(bytes), limit);
  return stats;
}

void Head::FindRuns(std::span<const model::SeriesRef> refs, std::span<LabelRun> runs) const {
  std::vector<model::SeriesRef> resolved(refs.begin(), refs.end());
  for (model::SeriesRef& ref : resolved) ref = state_.Resolve(ref);
  ByShard().ForEach(state_.series, std::span<const model::SeriesRef>(resolved),
                    [&](HeadState::Shard& shard, size_t i) TB_NO_THREAD_SAFETY_ANALYSIS {
                      const MemSeries* series = SeriesTable<MemSeries>::Find(shard, resolved[i]);
                      // The run of a removed series may be given to another one at any moment.
                      if (series == nullptr || series->Has(MemSeries::kDead)) return;
                      runs[i] = LabelRun(series->labels);
                    });
}

bool Head::MetadataOf(model::SeriesRef ref, model::Metadata* out) const {
  ref = state_.Resolve(ref);
  base::MutexLock lock(state_.metadata_mutex);
  const auto it = state_.metadata.find(ref.value());
  if (it == state_.metadata.end()) return false;
  *out = it->second;
  return true;
}

}  // namespace tributary::tsdb
