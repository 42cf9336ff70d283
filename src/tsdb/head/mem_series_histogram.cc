// Histogram samples into open chunks. A chunk is cut by size, by time, and whenever the histogram
// does not fit it (other schema, counter reset, …), by Prometheus's rules.
#include <algorithm>

#include "tsdb/head/mem_series.h"

namespace tributary::tsdb {
namespace {

constexpr size_t kTargetBytes = 1024;
constexpr size_t kMinSamples = 10;
constexpr size_t kLargestBytes = 64 << 10;
constexpr size_t kMaxParts = 1 << 16;

template <class AnyHistogram>
bool IsUsableAny(const AnyHistogram& h) {
  for (const size_t parts :
       {h.positive_buckets.size(), h.negative_buckets.size(), h.positive_spans.size(),
        h.negative_spans.size(), h.custom_values.size()}) {
    if (parts > kMaxParts) return false;
  }
  return model::IsStaleNaN(h.sum) || model::Validate(h).has_value();
}

OpenHistogram& MakeOpen(HeadShard* shard, MemSeries* series) {
  if (shard->free_histograms.empty()) {
    shard->histograms.push_back(nullptr);
    series->histogram = static_cast<uint32_t>(shard->histograms.size());
  } else {
    series->histogram = shard->free_histograms.back();
    shard->free_histograms.pop_back();
  }
  shard->histograms[series->histogram - 1] = std::make_unique<OpenHistogram>();
  ++shard->num_chunks;
  return *shard->histograms[series->histogram - 1];
}

bool IsFull(OpenHistogram& open, MemSeries* series, const ChunkOptions& options, int64_t t,
            size_t num_samples) {
  const size_t bytes = open.bytes().size();
  const int64_t range_end =
      open.end_predicted ? RangeEnd(open.min_time, options.chunk_range_ms) : series->next_at;
  if (!open.end_predicted && bytes >= kTargetBytes / 4) {
    series->next_at =
        ComputeChunkEnd(open.min_time, series->state.t, series->next_at,
                        static_cast<double>(kTargetBytes) / static_cast<double>(bytes));
    open.end_predicted = true;
  }
  return (t >= series->next_at || bytes >= 2 * kTargetBytes) &&
         (num_samples >= kMinSamples || t >= range_end);
}

template <class AnyHistogram>
bool AppendAny(HeadShard* shard, MemSeries* series, const ChunkOptions& options, int64_t t,
               const AnyHistogram& h) {
  using Appender = chunk::HistogramAppender<AnyHistogram>;
  if (series->Has(MemSeries::kHasSample) && t <= series->state.t) return false;
  auto header = Appender::HeaderFor(h);
  OpenHistogram* open =
      series->histogram != 0 ? shard->histograms[series->histogram - 1].get() : nullptr;
  Appender* appender = open != nullptr ? std::get_if<Appender>(&open->appender) : nullptr;
  bool appended = false;
  if (appender != nullptr) {
    header = appender->HeaderAfter(h);
    // Huge histograms are cut however few their samples are.
    const bool too_large = open->bytes().size() > kLargestBytes;
    if (!too_large && !IsFull(*open, series, options, t, appender->num_samples())) {
      appended = appender->Append(t, h);
    }
  }
  if (!appended) {
    CloseChunk(shard, series);
    open = &MakeOpen(shard, series);
    open->min_time = t;
    open->appender.template emplace<Appender>().Start(t, h, header);
    series->next_at = RangeEnd(t, options.chunk_range_ms);
  }
  open->last = h;
  series->state.t = t;
  series->flags = static_cast<uint8_t>(
      (series->flags | MemSeries::kHasSample | MemSeries::kHistogram) & ~MemSeries::kDying);
  return true;
}

}  // namespace

bool IsUsable(const model::Histogram& h) { return IsUsableAny(h); }
bool IsUsable(const model::FloatHistogram& h) { return IsUsableAny(h); }

bool AppendHistogram(HeadShard* shard, MemSeries* series, const ChunkOptions& options, int64_t t,
                     const model::Histogram& h) {
  return AppendAny(shard, series, options, t, h);
}
bool AppendHistogram(HeadShard* shard, MemSeries* series, const ChunkOptions& options, int64_t t,
                     const model::FloatHistogram& h) {
  return AppendAny(shard, series, options, t, h);
}

}  // namespace tributary::tsdb
