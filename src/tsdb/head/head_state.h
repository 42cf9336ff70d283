// HeadState: the parts of the head that its appenders, queriers, replay and truncation share.
// Not for others: they use Head.
//
// Lock order: a series shard, then (LabelTable or SeriesIndex). The other mutexes are leaves.
//
// Visibility. A commit writes its log record, then applies its samples shard by shard, under the
// shards' locks. Once Commit() has returned, every querier made later sees all of it. A querier
// sees of a commit all or nothing (isolation.h).
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "model/metadata.h"
#include "storage/appender.h"
#include "storage/wal_source.h"
#include "tsdb/head/chunk_files.h"
#include "tsdb/head/exemplar_store.h"
#include "tsdb/head/gate.h"
#include "tsdb/head/head_metrics.h"
#include "tsdb/head/head_tombstones.h"
#include "tsdb/head/isolation.h"
#include "tsdb/head/label_table.h"
#include "tsdb/head/mem_series.h"
#include "tsdb/head/ooo_chunks.h"
#include "tsdb/head/series_index.h"
#include "tsdb/head/series_table.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/wal_writer.h"

namespace tributary::tsdb {

struct HeadOptions {
  ChunkOptions chunks;
  uint64_t max_exemplars = 0;           // 0: they are dropped on arrival, as in Prometheus
  uint32_t out_of_order_capacity = 32;  // samples in an out-of-order chunk
  // Full chunks of fewer bytes are not worth a file: replay makes them in a few milliseconds.
  size_t min_chunk_file_bytes = 1 << 20;
  // Less than this in the log is read about as fast as a snapshot of it.
  size_t min_snapshot_log_bytes = 4 << 20;
  // Of the refs it gives away; above kMaxGeneration: of a head whose refs others must not know.
  uint16_t first_generation = 0;
  bool start_zeros = false;  // a start timestamp newer than all of its series becomes a zero
};

// Buffers of one appender, handed on to the next.
struct AppendScratch {
  std::vector<storage::RefSample> staged;
  std::vector<storage::RefSample> sorted;
  std::vector<uint32_t> order;
  std::vector<std::pair<model::SeriesRef, LabelRun>> unlogged;
  std::vector<storage::RefHistogram> histograms;
  std::vector<storage::RefSample> out_of_order;
  std::vector<storage::RefHistogram> out_of_order_histograms;
  // Staged as in order, but overtaken by another appender before the commit.
  std::vector<storage::RefSample> late;
  std::vector<storage::RefHistogram> late_histograms;
  std::vector<storage::RefExemplar> exemplars;
  std::vector<model::Labels> exemplar_series;  // of each exemplar
  std::vector<RefMetadata> metadata;
  std::vector<model::Label> labels;
  RecordBatch records;

  void Clear();
};

struct HeadState {
  HeadState(HeadOptions head_options, base::MetricsRegistry& registry)
      : options(head_options),
        metrics(registry),
        series(labels),
        index(labels),
        exemplars(head_options.max_exemplars, registry),
        chunk_files(registry),
        min_generation(head_options.first_generation) {}

  using Shard = SeriesTable<MemSeries>::Shard;

  // The series with these labels, made if new.
  base::Result<model::SeriesRef> GetOrCreate(model::LabelSpan label_span, uint64_t hash,
                                             bool* created);
  // 0: there is none.
  model::SeriesRef Find(model::LabelSpan label_span);
  // Whether there is a series with this ref of the head's own.
  bool Has(model::SeriesRef ref);
  // Widens [min_time, max_time] of what was ever appended.
  void CoverTime(int64_t min, int64_t max);
  // What this ref of the log means today: own refs are themselves, foreign ones are looked up.
  model::SeriesRef Resolve(model::SeriesRef ref) const;
  // The other way round: the refs of what goes into the log become those that it knows the series
  // by. A second series record with another ref would make Prometheus forget what was before it.
  model::SeriesRef LoggedRef(model::SeriesRef ref) const;
  // `list` itself, or a translated copy in `*copy`.
  template <class T>
  std::span<const T> UnderLoggedRefs(const std::vector<T>& list, std::vector<T>* copy) const {
    if (!has_foreign_refs.load(std::memory_order_acquire) || list.empty()) return list;
    *copy = list;
    for (T& entry : *copy) entry.ref = LoggedRef(entry.ref);
    return *copy;
  }

  std::unique_ptr<AppendScratch> TakeScratch();
  void GiveBack(std::unique_ptr<AppendScratch> scratch);

  const HeadOptions options;
  HeadMetrics metrics;
  LabelTable labels;
  SeriesTable<MemSeries> series;
  SeriesIndex index;
  ExemplarStore exemplars;
  ChunkFiles chunk_files;                       // what ClosedChunks has mapped is in them
  std::array<HeadShard, kSeriesShards> chunks;  // [i] guarded by series.shard(i).mutex
  std::array<OutOfOrderChunks, kSeriesShards> out_of_order;  // likewise
  HeadTombstones tombstones;
  Isolation isolation;
  Gate readers;              // queriers: borrow chunk bytes, label runs and ids
  Gate appenders;            // appenders: hold refs with staged samples
  WalWriter* wal = nullptr;  // set before the first appender; null: nothing is logged (tests)
  const WalMetrics* wal_metrics = nullptr;  // for what replay finds; may be null

  std::atomic<int64_t> min_time{INT64_MAX};
  std::atomic<int64_t> max_time{INT64_MIN};
  // Samples before this are out of bounds, readers begin here: the head was truncated up to it.
  std::atomic<int64_t> min_valid_time{INT64_MIN};

  // See OutOfOrderHead.
  std::atomic<int64_t> out_of_order_window_ms{0};
  std::atomic<WalWriter*> out_of_order_wal{nullptr};  // set before the window is; null as `wal`
  std::atomic<uint64_t> out_of_order_series{0};
  std::atomic<uint64_t> out_of_order_compaction{0};  // the number of the newest one
  // Readers made from now on do not look at what the compaction of this number has marked.
  std::atomic<uint64_t> out_of_order_hidden{0};

  std::atomic<uint64_t> num_series{0};
  std::atomic<int64_t> active_appenders{0};
  // New series get at least this generation, so that their refs differ from all that an older log
  // gave another meaning.
  std::atomic<uint16_t> min_generation;

  // Refs in the log that could not be kept, and who they are here; only filled by replay.
  mutable base::Mutex foreign_mutex;
  absl::flat_hash_map<uint64_t, uint64_t> foreign_refs TB_GUARDED_BY(foreign_mutex);
  absl::flat_hash_map<uint64_t, uint64_t> logged_refs TB_GUARDED_BY(foreign_mutex);  // reverse
  std::atomic<bool> has_foreign_refs{false};

  mutable base::Mutex metadata_mutex;
  absl::flat_hash_map<uint64_t, model::Metadata> metadata TB_GUARDED_BY(metadata_mutex);

  base::Mutex scratch_mutex;
  std::vector<std::unique_ptr<AppendScratch>> scratch TB_GUARDED_BY(scratch_mutex);
};

}  // namespace tributary::tsdb
