#include "promql/exec/selection_samples.h"

#include <algorithm>
#include <numeric>

#include "chunk/xor_chunk.h"
#include "promql/exec/histogram_chunks.h"

namespace tributary::promql {
namespace {

// Sorts by time; of equal times the last wins. `with` are parallel arrays, or empty.
template <class... Arrays>
void SortAndDedupe(std::vector<int64_t>* t, Arrays*... with) {
  std::vector<uint32_t> order(t->size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](uint32_t i) { return (*t)[i]; });
  size_t n = 0;
  for (size_t i = 0; i < order.size(); i++) {
    if (i + 1 < order.size() && (*t)[order[i]] == (*t)[order[i + 1]]) continue;
    order[n++] = order[i];
  }
  order.resize(n);
  auto permute = [&](auto* array) {
    if (array->empty()) return;
    auto copy = *array;
    copy.resize(n);
    for (size_t i = 0; i < n; i++) copy[i] = std::move((*array)[order[i]]);
    *array = std::move(copy);
  };
  (permute(with), ...);
  permute(t);
}

class SelectionSamples final : public SampleSource {
 public:
  SelectionSamples(const storage::SeriesSelection& selection, SelectionSamplesOptions options)
      : selection_(selection), options_(options) {}

  size_t size() const override { return selection_.size(); }
  model::Labels LabelsOf(size_t i) const override { return selection_.LabelsOf(i); }
  bool drop_name(size_t) const override { return false; }
  storage::LabelColumn Column(std::string_view label_name) const override {
    return selection_.Column(label_name);
  }

  base::Status Read(size_t i, model::Timestamp mint, model::Timestamp maxt, ReadScratch* scratch,
                    Samples* out) const override {
    out->Clear();
    scratch->buffer.Clear();
    scratch->chunks.clear();
    RETURN_IF_ERROR(selection_.Chunks(i, &scratch->buffer, &scratch->chunks));
    bool floats_sorted = true, histograms_sorted = true;
    bool has_histograms = false;
    for (const chunk::ChunkView& view : scratch->chunks) {
      if (view.max_time < mint || view.min_time > maxt) continue;
      const size_t floats = out->t.size();
      const size_t histograms = out->h.size();
      if (view.encoding == chunk::Encoding::kXor) {
        RETURN_IF_ERROR(ReadXor(view, mint, maxt, out));
      } else {
        has_histograms |= view.encoding != chunk::Encoding::kXor2;
        RETURN_IF_ERROR(ReadChunk(view, mint, maxt, options_.start_timestamps, out));
      }
      floats_sorted &=
          floats == 0 || floats == out->t.size() || out->t[floats - 1] < out->t[floats];
      histograms_sorted &= histograms == 0 || histograms == out->h.size() ||
                           out->h[histograms - 1].t < out->h[histograms].t;
    }
    if (!floats_sorted) SortAndDedupe(&out->t, &out->v, &out->st);
    if (!histograms_sorted) SortHistograms(out);
    if (has_histograms && options_.skip_histogram_buckets) StripBuckets(out);
    return {};
  }

 private:
  base::Status ReadXor(const chunk::ChunkView& view, model::Timestamp mint, model::Timestamp maxt,
                       Samples* out) const {
    const size_t had = out->t.size();
    const size_t room = had + chunk::ChunkNumSamples(view.data);
    out->t.resize(room);
    out->v.resize(room);
    int64_t* const t = out->t.data() + had;
    double* const v = out->v.data() + had;
    const bool whole = view.min_time >= mint && view.max_time <= maxt;
    ASSIGN_OR_RETURN(const size_t n, whole ? chunk::XorDecode(view.data, t, v)
                                           : chunk::XorDecodeRange(view.data, mint, maxt, t, v));
    out->t.resize(had + n);
    out->v.resize(had + n);
    if (options_.start_timestamps) out->st.resize(had + n, 0);
    return {};
  }

  static void SortHistograms(Samples* out) {
    std::vector<int64_t> t;
    t.reserve(out->h.size());
    for (const auto& point : out->h) t.push_back(point.t);
    SortAndDedupe(&t, &out->h, &out->hst);
  }

  const storage::SeriesSelection& selection_;
  const SelectionSamplesOptions options_;
};

}  // namespace

std::unique_ptr<SampleSource> MakeSelectionSamples(const storage::SeriesSelection& selection,
                                                   SelectionSamplesOptions options) {
  return std::make_unique<SelectionSamples>(selection, options);
}

}  // namespace tributary::promql
