#include "tsdb/block/normalize_chunks.h"

#include <algorithm>
#include <cstring>

#include "tsdb/block/stored_sample.h"

namespace tributary::tsdb {
namespace {

using chunk::ChunkView;

class Rewriter {
 public:
  Rewriter(TimeInterval range, std::span<const TimeInterval> deleted, bool xor2,
           storage::ChunkBuffer* buffer, std::vector<ChunkView>* out)
      : range_(range), deleted_(deleted), xor2_(xor2), buffer_(buffer), out_(out) {}

  // Whether a chunk that overlaps no other may stay.
  bool IsClean(const ChunkView& chunk) const {
    if (chunk.min_time < range_.min || chunk.max_time > range_.max) return false;
    if (xor2_ && chunk.encoding == chunk::Encoding::kXor) return false;
    return std::ranges::none_of(deleted_, [&](const TimeInterval& d) {
      return d.min <= chunk.max_time && chunk.min_time <= d.max;
    });
  }

  base::Status Rewrite(std::span<const ChunkView> chunks) {
    samples_.clear();
    bool has_starts = xor2_;
    for (const ChunkView& chunk : chunks) {
      RETURN_IF_ERROR(DecodeSamples(chunk, range_, &samples_));
      has_starts |= chunk.encoding == chunk::Encoding::kXor2;
    }
    std::erase_if(samples_, [&](const StoredSample& s) {
      return std::ranges::any_of(
          deleted_, [&](const TimeInterval& d) { return d.min <= s.t && s.t <= d.max; });
    });
    // Stable, so that of equal times the last stands last.
    std::ranges::stable_sort(samples_, {}, &StoredSample::t);
    size_t kept = 0;
    for (size_t i = 0; i < samples_.size(); ++i) {
      if (i + 1 < samples_.size() && samples_[i + 1].t == samples_[i].t) continue;
      if (kept != i) samples_[kept] = std::move(samples_[i]);
      ++kept;
    }
    samples_.resize(kept);
    EncodeSamples(samples_, has_starts, [&](const ChunkView& chunk) {
      const std::span<uint8_t> copy = buffer_->Allocate(chunk.data.size());
      std::memcpy(copy.data(), chunk.data.data(), chunk.data.size());
      out_->push_back({chunk.encoding, chunk.min_time, chunk.max_time, copy});
    });
    return {};
  }

 private:
  const TimeInterval range_;
  const std::span<const TimeInterval> deleted_;
  const bool xor2_;
  storage::ChunkBuffer* const buffer_;
  std::vector<ChunkView>* const out_;
  std::vector<StoredSample> samples_;
};

}  // namespace

base::Status NormalizeChunks(TimeInterval range, std::span<const TimeInterval> deleted,
                             storage::ChunkBuffer* buffer, std::vector<ChunkView>* chunks,
                             bool xor2) {
  std::erase_if(*chunks, [&](const ChunkView& chunk) {
    return chunk.max_time < range.min || chunk.min_time > range.max;
  });
  std::ranges::stable_sort(*chunks, {}, &ChunkView::min_time);
  std::vector<ChunkView> out;
  Rewriter rewriter(range, deleted, xor2, buffer, &out);
  for (size_t i = 0; i < chunks->size();) {
    int64_t max = (*chunks)[i].max_time;
    size_t end = i + 1;
    for (; end < chunks->size() && (*chunks)[end].min_time <= max; ++end) {
      max = std::max(max, (*chunks)[end].max_time);
    }
    if (end == i + 1 && rewriter.IsClean((*chunks)[i])) {
      out.push_back((*chunks)[i]);
    } else {
      RETURN_IF_ERROR(rewriter.Rewrite(std::span(*chunks).subspan(i, end - i)));
    }
    i = end;
  }
  *chunks = std::move(out);
  return {};
}

base::Status EraseDeleted(std::span<const TimeInterval> deleted, storage::ChunkBuffer* buffer,
                          size_t first, std::vector<ChunkView>* chunks) {
  const auto begin = chunks->begin() + static_cast<std::ptrdiff_t>(first);
  std::vector<ChunkView> left(begin, chunks->end());
  chunks->erase(begin, chunks->end());
  RETURN_IF_ERROR(NormalizeChunks({model::kMinTime, model::kMaxTime}, deleted, buffer, &left));
  chunks->insert(chunks->end(), left.begin(), left.end());
  return {};
}

}  // namespace tributary::tsdb
