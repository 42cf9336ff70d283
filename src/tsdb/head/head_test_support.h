// A head on files, and what is in it, for tests of what comes back after a restart.
#pragma once

#include <bit>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "base/fs.h"
#include "base/metrics.h"
#include "tsdb/block/stored_sample.h"
#include "tsdb/head/head.h"
#include "tsdb/wal/wal_metrics.h"
#include "tsdb/wal/wal_writer.h"

namespace tributary::tsdb {

inline constexpr int64_t kNow = 1'700'000'000'000 / 7'200'000 * 7'200'000;
inline constexpr int64_t kInterval = 15'000;

// A head with its log, its chunk files and its snapshots.
struct StoredHead {
  base::MetricsRegistry registry;
  WalMetrics wal_metrics{registry};
  Head head{
      {.chunks = {}, .max_exemplars = 100, .min_chunk_file_bytes = 1, .min_snapshot_log_bytes = 1},
      registry,
      &wal_metrics};
  std::unique_ptr<WalWriter> wal;
};

inline std::unique_ptr<StoredHead> Open(base::FileSystem& fs) {
  auto store = std::make_unique<StoredHead>();
  if (!store->head.Replay(fs, {.wal_dir = "wal",
                               .chunks_dir = "chunks_head",
                               .snapshots_dir = "head_snapshots",
                               .threads = 2}))
    return nullptr;
  auto wal = WalWriter::Open(fs, {.dir = "wal", .sync_on_commit = true}, nullptr);
  if (!wal) return nullptr;
  store->wal = std::move(*wal);
  store->head.LogTo(store->wal.get());
  return store;
}

inline model::SeriesRef Ref(storage::Appender& appender, int series) {
  std::vector<model::Label> span;
  const model::Labels labels =
      model::Labels::Of({{"__name__", "m"}, {"i", std::to_string(series)}});
  labels.ToSpan(&span);
  return *appender.GetOrCreate(span, labels.Hash());
}

inline model::Histogram HistogramAt(int64_t tick) {
  model::Histogram h;
  h.schema = 1;
  h.count = static_cast<uint64_t>(tick) + 3;
  h.zero_count = 1;
  h.zero_threshold = 0.001;
  h.sum = static_cast<double>(tick) * 1.5;
  h.positive_spans = {{0, 2}};
  h.positive_buckets = {1, tick};
  return h;
}

inline constexpr int kFloatSeries = 3;

// One commit with a sample of each series; the last is of histograms.
inline bool Tick(StoredHead& store, int64_t tick) {
  const auto appender = store.head.NewAppender();
  for (int i = 0; i < kFloatSeries; ++i) {
    const storage::RefSample sample{Ref(*appender, i), kNow + tick * kInterval,
                                    static_cast<double>(tick * 10 + i) * 0.3};
    storage::AppendOutcome outcome;
    appender->Append({&sample, 1}, {&outcome, 1});
    EXPECT_EQ(outcome, storage::AppendOutcome::kAppended);
  }
  EXPECT_EQ(appender->AppendHistogram(Ref(*appender, kFloatSeries), kNow + tick * kInterval,
                                      HistogramAt(tick)),
            storage::AppendOutcome::kAppended);
  return appender->Commit().has_value();
}

// Calls check(what) with the file at `path` damaged in many ways: a bit flipped, or cut short, at
// every `step`-th byte.
template <class F>
void WithEachDamage(base::FileSystem& fs, const std::string& path, size_t step, F&& check) {
  const std::string whole = *fs.ReadFile(path);
  for (size_t at = 0; at < whole.size(); at += step) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    for (const std::string& damaged : {flipped, whole.substr(0, at)}) {
      ASSERT_TRUE(base::WriteFileAtomically(fs, path, damaged));
      check("at " + std::to_string(at));
    }
  }
}

using Values = std::map<std::string, std::map<int64_t, std::string>>;

inline std::string TextOf(const StoredSample& sample) {
  if (const double* v = std::get_if<double>(&sample.value)) {
    return std::to_string(std::bit_cast<uint64_t>(*v));
  }
  const auto& h = std::get<std::unique_ptr<model::Histogram>>(sample.value);
  return "histogram " + std::to_string(h->count) + " " + std::to_string(h->sum);
}

// All that is in the head; chunks must neither overlap nor be out of order.
inline Values All(Head& head) {
  Values values;
  const auto querier = head.NewQuerier(model::kMinTime, model::kMaxTime);
  const auto selection = (*querier)->Select({}, {});
  for (size_t i = 0; i < (*selection)->size(); ++i) {
    storage::ChunkBuffer buffer;
    std::vector<chunk::ChunkView> chunks;
    EXPECT_TRUE((*selection)->Chunks(i, &buffer, &chunks));
    int64_t newest = model::kMinTime;
    for (const chunk::ChunkView& c : chunks) {
      std::vector<StoredSample> samples;
      EXPECT_TRUE(DecodeSamples(c, {model::kMinTime, model::kMaxTime}, &samples));
      for (const StoredSample& s : samples) {
        EXPECT_GT(s.t, newest);
        newest = s.t;
        values[(*selection)->LabelsOf(i).ToString()][s.t] = TextOf(s);
      }
    }
  }
  return values;
}

}  // namespace tributary::tsdb
