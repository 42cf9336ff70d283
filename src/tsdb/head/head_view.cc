#include "tsdb/head/head_view.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "chunk/histogram_reader.h"
#include "chunk/xor_chunk.h"
#include "tsdb/block/normalize_chunks.h"

namespace tributary::tsdb {
namespace {

// The head made the bytes itself, so that they decode.
model::Timestamp LastTime(const chunk::ChunkView& view) {
  if (view.encoding == chunk::Encoding::kXor) return chunk::XorResume(view.data)->t;
  chunk::HistogramReader reader(view.encoding, view.data);
  while (reader.Next()) {
  }
  return reader.t();
}

// Takes the newest `hidden` samples of a series away; `chunks` are all it has up to the newest.
void HideNewest(size_t hidden, storage::ChunkBuffer* buffer, size_t first,
                std::vector<chunk::ChunkView>* chunks) {
  while (hidden > 0 && chunks->size() > first) {
    chunk::ChunkView& newest = chunks->back();
    const size_t samples = chunk::ChunkNumSamples(newest.data);
    if (hidden >= samples) {
      hidden -= samples;
      chunks->pop_back();
      continue;
    }
    const std::span<uint8_t> copy = buffer->Allocate(newest.data.size());
    std::memcpy(copy.data(), newest.data.data(), newest.data.size());
    copy[0] = static_cast<uint8_t>((samples - hidden) >> 8);
    copy[1] = static_cast<uint8_t>(samples - hidden);
    newest.data = copy;
    newest.max_time = LastTime(newest);
    return;
  }
}

}  // namespace

HeadView::HeadView(HeadState& head, const Isolation::View& complete, Samples samples,
                   TimeInterval range)
    : head_(head),
      complete_(complete),
      samples_(samples),
      range_(range),
      in_order_{std::max(range.min, head.min_valid_time.load()), range.max},
      hidden_(head.out_of_order_hidden.load()) {}

bool HeadView::MayHaveData() const {
  if (samples_ != Samples::kMarkedOutOfOrder && in_order_.min <= head_.max_time.load() &&
      in_order_.max >= head_.min_time.load()) {
    return true;
  }
  if (samples_ == Samples::kInOrder || head_.out_of_order_series.load() == 0) return false;
  for (uint32_t s = 0; s < kSeriesShards; ++s) {
    base::MutexLock lock(head_.series.shard(s).mutex);
    const TimeInterval there = head_.out_of_order[s].Range();
    if (range_.min <= there.max && range_.max >= there.min) return true;
  }
  return false;
}

std::vector<TimeInterval> HeadView::Deleted(uint32_t shard, uint32_t slot,
                                            const MemSeries& series) const {
  if (head_.tombstones.empty()) return {};
  return head_.tombstones.Of(MakeSeriesRef(shard, slot, series.generation));
}

bool HeadView::HasChunks(uint32_t shard, uint32_t slot, const MemSeries& series) const {
  if (!Deleted(shard, slot, series).empty()) {
    storage::ChunkBuffer buffer;
    std::vector<chunk::ChunkView> left;
    return !Chunks(shard, slot, series, &buffer, &left) || !left.empty();
  }
  if (samples_ != Samples::kMarkedOutOfOrder &&
      tsdb::HasChunks(&head_.chunks[shard], series, in_order_.min, in_order_.max)) {
    return true;
  }
  return SeesOutOfOrder(series) && head_.out_of_order[shard].Overlaps(slot, range_, Part());
}

base::Status HeadView::Chunks(uint32_t shard, uint32_t slot, const MemSeries& series,
                              storage::ChunkBuffer* buffer,
                              std::vector<chunk::ChunkView>* out) const {
  const size_t begin = out->size();
  if (samples_ != Samples::kMarkedOutOfOrder) InOrder(shard, slot, series, buffer, out);
  if (SeesOutOfOrder(series)) {
    RETURN_IF_ERROR(head_.out_of_order[shard].Chunks(
        slot, range_, Part(), samples_ == Samples::kMarkedOutOfOrder ? nullptr : &complete_, buffer,
        out));
    std::ranges::stable_sort(out->begin() + static_cast<std::ptrdiff_t>(begin), out->end(), {},
                             &chunk::ChunkView::min_time);
  }
  const std::vector<TimeInterval> deleted = Deleted(shard, slot, series);
  if (deleted.empty()) return {};
  return EraseDeleted(deleted, buffer, begin, out);
}

// A reader made while a compaction drops what it marked must not borrow it: that is in blocks.
// To be asked under the shard's lock, as the next compaction marks under it.
OutOfOrderChunks::Part HeadView::Part() const {
  if (samples_ == Samples::kMarkedOutOfOrder) return OutOfOrderChunks::Part::kMarked;
  const bool hide = hidden_ != 0 && hidden_ == head_.out_of_order_compaction.load();
  return hide ? OutOfOrderChunks::Part::kUnmarked : OutOfOrderChunks::Part::kAll;
}

void HeadView::InOrder(uint32_t shard, uint32_t slot, const MemSeries& series,
                       storage::ChunkBuffer* buffer, std::vector<chunk::ChunkView>* out) const {
  HeadShard& chunks = head_.chunks[shard];
  const size_t hidden = chunks.superseded.Hidden(complete_, slot, series.commit);
  const size_t first = out->size();
  // What is hidden is counted from the newest sample on, even if that is after the range.
  ClosedChunksOf(&chunks, series, in_order_.min, hidden > 0 ? model::kMaxTime : in_order_.max, out);
  chunk::ChunkView open = OpenChunkOf(&chunks, series);
  if (!open.data.empty() && open.max_time >= in_order_.min &&
      (hidden > 0 || open.min_time <= in_order_.max)) {
    const std::span<uint8_t> copy = buffer->Allocate(open.data.size());
    std::memcpy(copy.data(), open.data.data(), open.data.size());
    open.data = copy;
    out->push_back(open);
  }
  if (hidden > 0) {
    HideNewest(hidden, buffer, first, out);
    while (out->size() > first && out->back().min_time > in_order_.max) out->pop_back();
  }
}

}  // namespace tributary::tsdb
