#include "web/newest_sample.h"

#include "chunk/histogram_reader.h"
#include "chunk/xor2_chunk.h"
#include "chunk/xor_chunk.h"

namespace tributary::web {

base::Status NewestSampleReader::Look(const chunk::ChunkView& chunk, model::Timestamp min_time,
                                      model::Timestamp max_time,
                                      std::optional<NewestSample>* newest) {
  const auto offer = [&](model::Timestamp t) {
    return t >= min_time && t <= max_time && (!*newest || t >= (*newest)->t);
  };
  if (chunk::IsHistogramEncoding(chunk.encoding)) {
    chunk::HistogramReader reader(chunk.encoding, chunk.data);
    while (reader.Next()) {
      if (!offer(reader.t())) continue;
      auto h = std::make_shared<model::FloatHistogram>();
      reader.Get(h.get());
      *newest = NewestSample{reader.t(), h->sum, std::move(h)};
    }
    return reader.status();
  }
  const size_t size = chunk::ChunkNumSamples(chunk.data);
  timestamps_.resize(size);
  values_.resize(size);
  const auto decoded =
      chunk.encoding == chunk::Encoding::kXor2
          ? chunk::Xor2Decode(chunk.data, timestamps_.data(), values_.data(), nullptr)
          : chunk::XorDecode(chunk.data, timestamps_.data(), values_.data());
  if (!decoded) return decoded.error();
  for (size_t i = *decoded; i > 0; --i) {
    if (!offer(timestamps_[i - 1])) continue;
    *newest = NewestSample{timestamps_[i - 1], values_[i - 1], nullptr};
    break;
  }
  return {};
}

base::Result<std::optional<NewestSample>> NewestSampleReader::Read(
    const storage::SeriesSelection& selection, size_t series, model::Timestamp min_time,
    model::Timestamp max_time) {
  buffer_.Clear();
  chunks_.clear();
  RETURN_IF_ERROR(selection.Chunks(series, &buffer_, &chunks_));
  std::optional<NewestSample> newest;
  for (const chunk::ChunkView& chunk : chunks_) {
    if (chunk.max_time < min_time || chunk.min_time > max_time) continue;
    RETURN_IF_ERROR(Look(chunk, min_time, max_time, &newest));
  }
  if (newest && model::IsStaleNaN(newest->v)) newest.reset();
  return newest;
}

}  // namespace tributary::web
