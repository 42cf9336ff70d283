#include "promql/exec/block.h"

#include <algorithm>

namespace tributary::promql {

uint64_t HistogramSamples(const model::FloatHistogram& h) {
  // As Prometheus's FloatHistogram.Size() plus the timestamp, in units of a float sample.
  const uint64_t bytes =
      168 + 8 * (h.positive_spans.size() + h.negative_spans.size() + h.positive_buckets.size() +
                 h.negative_buckets.size() + h.custom_values.size());
  return (bytes + 8) / 16;
}

bool Row::HasAny() const {
  for (double v : values) {
    if (!IsAbsent(v)) return true;
  }
  return std::ranges::any_of(histograms, [](const HistogramPtr& h) { return h != nullptr; });
}

uint64_t Row::CountSamples() const {
  uint64_t n = 0;
  for (double v : values) n += !IsAbsent(v);
  for (const auto& h : histograms) {
    if (h) n += HistogramSamples(*h);
  }
  return n;
}

base::Result<double*> Block::AddSlab(Budget* budget, size_t rows) {
  const size_t n = rows * steps.count;
  RETURN_IF_ERROR(bytes_.Add(budget, 0, n * sizeof(double)));
  slabs_.push_back(std::make_unique_for_overwrite<double[]>(n));
  return slabs_.back().get();
}

base::Result<BlockSeries*> Block::Add(Budget* budget, model::Labels labels, bool drop_name) {
  if (slab_rows_left_ == 0) {
    const size_t rows = std::clamp<size_t>(series.size(), 1, 256);
    ASSIGN_OR_RETURN(slab_next_, AddSlab(budget, rows));
    slab_rows_left_ = rows;
  }
  BlockSeries& added = series.emplace_back();
  added.labels = std::move(labels);
  added.drop_name = drop_name;
  added.row.values = {slab_next_, steps.count};
  added.row.Reset();
  slab_next_ += steps.count;
  slab_rows_left_--;
  return &added;
}

base::Status Block::ChargeSamples(Budget* budget) {
  uint64_t n = 0;
  for (const auto& s : series) n += s.row.CountSamples();
  samples_.Release();
  return samples_.Add(budget, n, 0);
}

void Block::LeaveBudget() {
  samples_.Release();
  bytes_.Release();
}

void Block::DropEmpty() {
  std::erase_if(series, [](const BlockSeries& s) { return !s.row.HasAny(); });
}

void Block::AdoptMemory(Block&& other) {
  std::ranges::move(other.slabs_, std::back_inserter(slabs_));
  other.slabs_.clear();
  other.slab_rows_left_ = 0;
  bytes_.Absorb(std::move(other.bytes_));
  samples_.Absorb(std::move(other.samples_));
}

}  // namespace tributary::promql
