#include "tsdb/head/ooo_chunks.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

namespace tributary::tsdb {
namespace {

using chunk::ChunkView;

constexpr int kSealedLookedAt = 64;

void EncodeInto(std::span<const StoredSample> samples, storage::ChunkBuffer* buffer,
                std::vector<ChunkView>* out) {
  EncodeSamples(samples, false, [&](const ChunkView& chunk) {
    const std::span<uint8_t> copy = buffer->Allocate(chunk.data.size());
    std::memcpy(copy.data(), chunk.data.data(), chunk.data.size());
    out->push_back({chunk.encoding, chunk.min_time, chunk.max_time, copy});
  });
}

bool Overlap(int64_t min, int64_t max, TimeInterval range) {
  return max >= range.min && min <= range.max;
}

}  // namespace

OutOfOrderChunks::Series* OutOfOrderChunks::FindSeries(uint32_t slot) {
  const auto it = series_.find(slot);
  return it == series_.end() ? nullptr : &it->second;
}
const OutOfOrderChunks::Series* OutOfOrderChunks::FindSeries(uint32_t slot) const {
  const auto it = series_.find(slot);
  return it == series_.end() ? nullptr : &it->second;
}

ChunkView OutOfOrderChunks::ViewOf(uint32_t chunk) {
  const ClosedChunks::Header& header = sealed_.header(chunk);
  return {.encoding = header.encoding,
          .min_time = header.min_time,
          .max_time = header.max_time,
          .data = sealed_.Data(chunk)};
}

OutOfOrderChunks::Found OutOfOrderChunks::Find(uint32_t slot, const StoredSample& sample) {
  const Series* series = FindSeries(slot);
  if (series == nullptr) return Found::kNothing;
  const auto compare = [&](const StoredSample& other) {
    return SameValue(other, sample) ? Found::kSameValue : Found::kOtherValue;
  };
  const auto at = std::ranges::lower_bound(series->open, sample.t, {}, &StoredSample::t);
  if (at != series->open.end() && at->t == sample.t) return compare(*at);
  std::vector<StoredSample> decoded;
  uint32_t chunk = series->sealed;
  for (int i = 0; i < kSealedLookedAt && chunk != 0; ++i, chunk = sealed_.header(chunk).previous) {
    const ChunkView view = ViewOf(chunk);
    if (sample.t < view.min_time || sample.t > view.max_time) continue;
    decoded.clear();
    if (DecodeSamples(view, {sample.t, sample.t}, &decoded) && !decoded.empty()) {
      return compare(decoded.front());
    }
  }
  return Found::kNothing;
}

bool OutOfOrderChunks::Insert(uint32_t slot, StoredSample sample, uint32_t capacity,
                              const Isolation::Commit* commit) {
  Series& series = series_[slot];
  if (series.open.size() >= capacity) Seal(&series);
  if (series.open.empty()) ++num_chunks_;
  const auto at = std::ranges::lower_bound(series.open, sample.t, {}, &StoredSample::t);
  if (at != series.open.end() && at->t == sample.t) return false;
  range_.min = std::min(range_.min, sample.t);
  range_.max = std::max(range_.max, sample.t);
  if (commit != nullptr) NoteCommit(slot, sample.t, *commit);
  series.open.insert(at, std::move(sample));
  return true;
}

void OutOfOrderChunks::NoteCommit(uint32_t slot, int64_t t, const Isolation::Commit& commit) {
  if (num_recent_ >= sweep_at_) {
    for (auto it = recent_.begin(); it != recent_.end();) {
      num_recent_ -= std::erase_if(it->second, [&](const Recent& recent) {
        return CommitBefore(recent.commit, commit.seen_by_all());
      });
      if (it->second.empty()) {
        recent_.erase(it++);
      } else {
        ++it;
      }
    }
    sweep_at_ = std::max<size_t>(1024, 2 * num_recent_);
  }
  recent_[slot].push_back({t, commit.number()});
  ++num_recent_;
}

base::Status OutOfOrderChunks::HideRecent(const std::vector<Recent>& recent,
                                          const Isolation::View& view, storage::ChunkBuffer* buffer,
                                          size_t first, std::vector<ChunkView>* chunks) const {
  std::vector<int64_t> hidden;
  for (const Recent& r : recent) {
    if (!view.Sees(r.commit)) hidden.push_back(r.t);
  }
  if (hidden.empty()) return {};
  std::ranges::sort(hidden);
  const std::vector<ChunkView> whole(chunks->begin() + static_cast<std::ptrdiff_t>(first),
                                     chunks->end());
  chunks->resize(first);
  std::vector<StoredSample> samples;
  for (const ChunkView& chunk : whole) {
    samples.clear();
    RETURN_IF_ERROR(DecodeSamples(chunk, {chunk.min_time, chunk.max_time}, &samples));
    std::erase_if(samples,
                  [&](const StoredSample& s) { return std::ranges::binary_search(hidden, s.t); });
    EncodeInto(samples, buffer, chunks);
  }
  return {};
}

void OutOfOrderChunks::Seal(Series* series) {
  if (series->open.empty()) return;
  --num_chunks_;
  EncodeSamples(series->open, false, [&](const ChunkView& chunk) {
    series->sealed = sealed_.Add({.previous = series->sealed,
                                  .encoding = chunk.encoding,
                                  .min_time = chunk.min_time,
                                  .max_time = chunk.max_time},
                                 chunk.data);
    ++num_chunks_;
  });
  series->open.clear();
}

bool OutOfOrderChunks::Overlaps(uint32_t slot, TimeInterval range, Part part) const {
  const Series* series = FindSeries(slot);
  if (series == nullptr) return false;
  if (part != Part::kMarked && !series->open.empty() &&
      Overlap(series->open.front().t, series->open.back().t, range)) {
    return true;
  }
  for (uint32_t chunk = part == Part::kMarked ? series->marked : series->sealed; chunk != 0;
       chunk = sealed_.header(chunk).previous) {
    if (part == Part::kUnmarked && chunk == series->marked) return false;
    const ClosedChunks::Header& header = sealed_.header(chunk);
    if (Overlap(header.min_time, header.max_time, range)) return true;
  }
  return false;
}

base::Status OutOfOrderChunks::Chunks(uint32_t slot, TimeInterval range, Part part,
                                      const Isolation::View* view, storage::ChunkBuffer* buffer,
                                      std::vector<ChunkView>* out) {
  const Series* series = FindSeries(slot);
  if (series == nullptr) return {};
  const size_t first = out->size();
  for (uint32_t chunk = part == Part::kMarked ? series->marked : series->sealed; chunk != 0;
       chunk = sealed_.header(chunk).previous) {
    if (part == Part::kUnmarked && chunk == series->marked) break;
    const ChunkView sealed = ViewOf(chunk);
    if (Overlap(sealed.min_time, sealed.max_time, range)) out->push_back(sealed);
  }
  if (part != Part::kMarked && !series->open.empty() &&
      Overlap(series->open.front().t, series->open.back().t, range)) {
    EncodeInto(series->open, buffer, out);
  }
  if (view == nullptr || recent_.empty()) return {};
  const auto recent = recent_.find(slot);
  if (recent == recent_.end()) return {};
  return HideRecent(recent->second, *view, buffer, first, out);
}

bool OutOfOrderChunks::DropMarked(uint32_t slot) {
  const auto it = series_.find(slot);
  if (it == series_.end()) return true;
  Series& series = it->second;
  uint32_t* link = &series.sealed;
  while (*link != series.marked) link = &sealed_.header(*link).previous;
  uint32_t chunk = std::exchange(*link, 0);
  series.marked = 0;
  while (chunk != 0) {
    const uint32_t previous = sealed_.header(chunk).previous;
    sealed_.Drop(chunk);
    --num_chunks_;
    chunk = previous;
  }
  if (series.sealed != 0 || !series.open.empty()) return false;
  series_.erase(it);
  return true;
}

std::vector<uint32_t> OutOfOrderChunks::slots() const {
  std::vector<uint32_t> out;
  out.reserve(series_.size());
  for (const auto& [slot, series] : series_) out.push_back(slot);
  return out;
}

void OutOfOrderChunks::RecomputeRange() {
  range_ = kNoTime;
  const auto cover = [&](int64_t min, int64_t max) {
    range_.min = std::min(range_.min, min);
    range_.max = std::max(range_.max, max);
  };
  for (const auto& [slot, series] : series_) {
    if (!series.open.empty()) cover(series.open.front().t, series.open.back().t);
    for (uint32_t chunk = series.sealed; chunk != 0; chunk = sealed_.header(chunk).previous) {
      cover(sealed_.header(chunk).min_time, sealed_.header(chunk).max_time);
    }
  }
}

}  // namespace tributary::tsdb
