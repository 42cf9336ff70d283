#include "promql/exec/matrix.h"

#include <algorithm>
#include <iterator>

#include "promql/exec/row_source.h"
#include "promql/exec/sample_counts.h"
#include "promql/functions/interpolate.h"

namespace tributary::promql {
namespace {

// What an extended range looks like: the values at both of its ends, and the samples between.
std::vector<model::Sample> ExtendFloats(const Samples& s, model::Timestamp start,
                                        model::Timestamp end, bool smoothed) {
  auto sample = [&](size_t i) { return model::Sample{s.t[i], s.v[i]}; };
  if (s.t.empty()) return {};
  size_t last = s.t.size() - 1;
  size_t first = 0;
  while (first < last && s.t[first] <= start) first++;
  if (first > 0) first--;
  if (smoothed) {
    size_t i = 0;
    while (i < last && s.t[i] < end) i++;
    last = i;
  }
  if (s.t[last] <= start) return {};
  const double left = smoothed && s.t[first] < start
                          ? Interpolate(sample(first), sample(first + 1), start, false)
                          : s.v[first];
  const double right = smoothed && last > 0 && s.t[last] > end
                           ? Interpolate(sample(last - 1), sample(last), end, false)
                           : s.v[last];
  std::vector<model::Sample> out{{start, left}};
  for (size_t i = first; i <= last; i++) {
    if (s.t[i] > start && s.t[i] < end) out.push_back(sample(i));
  }
  out.push_back({end, right});
  return out;
}

}  // namespace

base::Result<Matrix> CollectMatrix(QueryContext& context, const SampleSource& source,
                                   const WindowSpec& window, model::Timestamp t,
                                   SampleCounts* counts) {
  const auto end = window.when(t);
  const auto start = end - window.range_ms;
  const bool extended = window.anchored || window.smoothed;
  Matrix matrix;
  ReadScratch scratch;
  Samples samples;
  uint64_t held = 0;
  for (size_t i = 0; i < source.size(); i++) {
    if (i % kSeriesPerCheck == 0) RETURN_IF_ERROR(context.Check());
    RETURN_IF_ERROR(source.Read(i, start - window.extra_before_ms + 1, end + window.extra_after_ms,
                                &scratch, &samples));
    samples.DropStale();
    if (samples.empty()) continue;
    if (extended && !samples.h.empty()) {
      return base::Error(base::ErrorCode::kExecution,
                         std::string(window.anchored ? "anchored" : "smoothed") +
                             " modifier is not supported with histograms");
    }
    Series series;
    if (extended) {
      series.floats = ExtendFloats(samples, start, end, window.smoothed);
    } else {
      series.floats.reserve(samples.t.size());
      for (size_t k = 0; k < samples.t.size(); k++) {
        series.floats.push_back({samples.t[k], samples.v[k]});
      }
    }
    held += series.floats.size();
    for (const auto& point : samples.h) {
      series.histograms.push_back({point.t, point.h});
      held += HistogramSamples(*point.h);
    }
    if (series.floats.empty() && series.histograms.empty()) continue;
    RETURN_IF_ERROR(context.budget().Touch(held));
    series.metric = source.LabelsOf(i);
    if (source.drop_name(i) && context.delayed_name_removal())
      series.metric = DropMetricLabels(series.metric);
    matrix.push_back(std::move(series));
  }
  context.budget().CountRead(held);
  if (counts != nullptr) counts->AddAt(0, held, held);
  return matrix;
}

}  // namespace tributary::promql
