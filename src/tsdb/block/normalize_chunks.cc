#include "tsdb/block/normalize_chunks.h"

#include <algorithm>
#include <cstring>
#include <variant>

#include "chunk/histogram_appender.h"
#include "chunk/histogram_reader.h"
#include "chunk/xor2_chunk.h"
#include "chunk/xor_chunk.h"

namespace tributary::tsdb {
namespace {

using chunk::ChunkView;
using chunk::Encoding;

constexpr size_t kSamplesPerChunk = 120;
// Histogram chunks are cut at this size once they hold enough samples.
constexpr size_t kHistogramChunkBytes = 2048;
constexpr size_t kMinHistograms = 10;

struct AnySample {
  int64_t t = 0;
  int64_t start = 0;  // 0: not known
  std::variant<double, model::Histogram, model::FloatHistogram> value;
};

class Rewriter {
 public:
  Rewriter(TimeInterval range, std::span<const TimeInterval> deleted, storage::ChunkBuffer* buffer,
           std::vector<ChunkView>* out)
      : range_(range), deleted_(deleted), buffer_(buffer), out_(out) {}

  // Whether a chunk that overlaps no other may stay.
  bool IsClean(const ChunkView& chunk) const {
    if (chunk.min_time < range_.min || chunk.max_time > range_.max) return false;
    return std::ranges::none_of(deleted_, [&](const TimeInterval& d) {
      return d.min <= chunk.max_time && chunk.min_time <= d.max;
    });
  }

  base::Status Rewrite(std::span<const ChunkView> chunks) {
    samples_.clear();
    bool has_starts = false;
    for (const ChunkView& chunk : chunks) {
      RETURN_IF_ERROR(Decode(chunk));
      has_starts |= chunk.encoding == Encoding::kXor2;
    }
    // Stable, so that of equal times the last stands last.
    std::ranges::stable_sort(samples_, {}, &AnySample::t);
    size_t kept = 0;
    for (size_t i = 0; i < samples_.size(); ++i) {
      if (i + 1 < samples_.size() && samples_[i + 1].t == samples_[i].t) continue;
      if (kept != i) samples_[kept] = std::move(samples_[i]);
      ++kept;
    }
    samples_.resize(kept);
    for (size_t i = 0; i < samples_.size();) {
      size_t end = i + 1;
      while (end < samples_.size() && samples_[end].value.index() == samples_[i].value.index()) {
        ++end;
      }
      const std::span<const AnySample> run = std::span(samples_).subspan(i, end - i);
      switch (samples_[i].value.index()) {
        case 0:
          WriteFloats(run, has_starts);
          break;
        case 1:
          WriteHistograms<model::Histogram>(run, Encoding::kHistogram);
          break;
        default:
          WriteHistograms<model::FloatHistogram>(run, Encoding::kFloatHistogram);
          break;
      }
      i = end;
    }
    return {};
  }

 private:
  bool Wanted(int64_t t) const {
    if (t < range_.min || t > range_.max) return false;
    return std::ranges::none_of(deleted_,
                                [&](const TimeInterval& d) { return d.min <= t && t <= d.max; });
  }

  base::Status Decode(const ChunkView& view) {
    if (view.encoding == Encoding::kXor) {
      const size_t n = chunk::ChunkNumSamples(view.data);
      times_.resize(n);
      values_.resize(n);
      ASSIGN_OR_RETURN(const size_t count,
                       chunk::XorDecode(view.data, times_.data(), values_.data()));
      for (size_t i = 0; i < count; ++i) {
        if (Wanted(times_[i])) samples_.push_back({times_[i], 0, values_[i]});
      }
      return {};
    }
    if (view.encoding == Encoding::kXor2) {
      chunk::Xor2Reader reader(view.data);
      while (reader.Next()) {
        if (Wanted(reader.t())) samples_.push_back({reader.t(), reader.start_time(), reader.v()});
      }
      return reader.status();
    }
    if (!chunk::IsHistogramEncoding(view.encoding)) {
      return base::Corruption("unknown chunk encoding " +
                              std::to_string(static_cast<int>(view.encoding)));
    }
    chunk::HistogramReader reader(view.encoding, view.data);
    while (reader.Next()) {
      if (!Wanted(reader.t())) continue;
      AnySample& sample = samples_.emplace_back();
      sample.t = reader.t();
      if (reader.is_float()) {
        reader.Get(&sample.value.emplace<model::FloatHistogram>());
      } else {
        reader.Get(&sample.value.emplace<model::Histogram>());
      }
    }
    return reader.status();
  }

  void WriteFloats(std::span<const AnySample> run, bool has_starts) {
    while (!run.empty()) {
      const std::span<const AnySample> part = run.first(std::min(run.size(), kSamplesPerChunk));
      run = run.subspan(part.size());
      if (has_starts) {
        chunk::Xor2State state;
        scratch_.resize(chunk::kXor2HeaderBytes + part.size() * chunk::kMaxXor2SampleBytes);
        chunk::Xor2Begin(&state, scratch_);
        for (const AnySample& s : part) {
          chunk::Xor2Append(&state, scratch_, s.start, s.t, std::get<double>(s.value));
        }
        Emit(Encoding::kXor2, part, std::span(scratch_).first(chunk::Xor2Bytes(state)));
      } else {
        chunk::XorState state;
        // XorAppend() wants room for a whole sample beside the last one.
        scratch_.resize(chunk::kXorHeaderBytes + part.size() * chunk::kMaxXorSampleBytes);
        chunk::XorBegin(&state, scratch_);
        for (const AnySample& s : part) {
          chunk::XorAppend(&state, scratch_, s.t, std::get<double>(s.value));
        }
        Emit(Encoding::kXor, part, std::span(scratch_).first(chunk::XorBytes(state)));
      }
    }
  }

  template <class AnyHistogram>
  void WriteHistograms(std::span<const AnySample> run, Encoding encoding) {
    chunk::HistogramAppender<AnyHistogram> appender;
    size_t begin = 0;
    for (size_t i = 0; i < run.size(); ++i) {
      const auto& h = std::get<AnyHistogram>(run[i].value);
      const bool full = appender.num_samples() >= kMinHistograms &&
                        appender.bytes().size() >= kHistogramChunkBytes;
      if (i > 0 && !full && appender.Append(run[i].t, h)) continue;
      const auto header = i == 0 ? appender.HeaderFor(h) : appender.HeaderAfter(h);
      if (i > 0) Emit(encoding, run.subspan(begin, i - begin), appender.bytes());
      appender.Start(run[i].t, h, header);
      begin = i;
    }
    Emit(encoding, run.subspan(begin), appender.bytes());
  }

  void Emit(Encoding encoding, std::span<const AnySample> part, std::span<const uint8_t> bytes) {
    const std::span<uint8_t> copy = buffer_->Allocate(bytes.size());
    std::memcpy(copy.data(), bytes.data(), bytes.size());
    out_->push_back({encoding, part.front().t, part.back().t, copy});
  }

  const TimeInterval range_;
  const std::span<const TimeInterval> deleted_;
  storage::ChunkBuffer* const buffer_;
  std::vector<ChunkView>* const out_;
  std::vector<AnySample> samples_;
  std::vector<int64_t> times_;
  std::vector<double> values_;
  std::vector<uint8_t> scratch_;
};

}  // namespace

base::Status NormalizeChunks(TimeInterval range, std::span<const TimeInterval> deleted,
                             storage::ChunkBuffer* buffer, std::vector<ChunkView>* chunks) {
  std::erase_if(*chunks, [&](const ChunkView& chunk) {
    return chunk.max_time < range.min || chunk.min_time > range.max;
  });
  std::ranges::stable_sort(*chunks, {}, &ChunkView::min_time);
  std::vector<ChunkView> out;
  Rewriter rewriter(range, deleted, buffer, &out);
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

}  // namespace tributary::tsdb
