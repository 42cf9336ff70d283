#include <algorithm>

#include "model/histogram_bounds.h"
#include "promql/exec/selector.h"
#include "promql/exec/selector_rows.h"
#include "promql/functions/interpolate.h"
#include "promql/functions/windowed_function.h"

namespace tributary::promql {
namespace {

class SmoothedSelector final : public SelectorRows {
 public:
  SmoothedSelector(QueryContext& context, const Steps& steps, std::unique_ptr<SampleSource> source,
                   const InstantSelectorOptions& options, PosRange pos)
      : SelectorRows(context, steps, std::move(source), options.drop_name),
        options_(options),
        pos_(pos) {}

  base::Status Fill(size_t i, ReadScratch* scratch, Row* row) const override {
    row->Reset();
    Samples& s = scratch->samples;
    const int64_t reach = options_.lookback_delta_ms;
    RETURN_IF_ERROR(source_->Read(i, options_.when(steps_.start) - reach + 1,
                                  options_.when(steps_.last()) + reach, scratch, &s));
    s.DropStale();
    WindowCursor floats, histograms;
    const MetricName metric(*source_, i);
    for (size_t step = 0; step < steps_.count; step++) {
      const auto when = options_.when(steps_.at(step));
      floats.Move(s.t.size(), when - reach, when + reach, [&](size_t k) { return s.t[k]; });
      histograms.Move(s.h.size(), when - reach, when + reach, [&](size_t k) { return s.h[k].t; });
      const bool has_floats = floats.begin != floats.end;
      const bool has_histograms = histograms.begin != histograms.end;
      if (has_floats && has_histograms) {
        context_.annotations().MixedFloatsHistograms(metric(), pos_);
      } else if (has_floats) {
        Float(s, floats, when, step, row);
      } else if (has_histograms) {
        Histogram(s, histograms, when, metric, step, row);
      }
    }
    return {};
  }

 private:
  static void Float(const Samples& s, const WindowCursor& window, model::Timestamp when,
                    size_t step, Row* row) {
    size_t next = window.begin;
    while (next < window.end && s.t[next] < when) next++;
    if (next < window.end && s.t[next] == when) {
      row->Set(step, s.v[next]);
    } else if (next > window.begin && next < window.end) {
      row->Set(step,
               Interpolate({s.t[next - 1], s.v[next - 1]}, {s.t[next], s.v[next]}, when, false));
    } else if (next > window.begin) {
      row->Set(step, s.v[next - 1]);
    }
  }

  void Histogram(const Samples& s, const WindowCursor& window, model::Timestamp when,
                 const MetricName& metric, size_t step, Row* row) const {
    size_t next = window.begin;
    while (next < window.end && s.h[next].t < when) next++;
    using model::CounterResetHint;
    if (next < window.end && s.h[next].t == when) {
      row->Set(step, s.h[next].h);
    } else if (next > window.begin && next < window.end) {
      const HistogramPoint& a = s.h[next - 1];
      const HistogramPoint& b = s.h[next];
      if (model::IsCustomBucketsSchema(a.h->schema) != model::IsCustomBucketsSchema(b.h->schema)) {
        context_.annotations().MixedExponentialCustomHistograms(metric(), pos_);
        return;
      }
      const bool counter = a.h->reset_hint != CounterResetHint::kGauge ||
                           b.h->reset_hint != CounterResetHint::kGauge;
      auto h = InterpolateHistograms(a, b, when, counter, context_.annotations(), metric, pos_);
      if (h) row->Set(step, std::make_shared<model::FloatHistogram>(std::move(*h)));
    } else if (next > window.begin) {
      auto h = std::make_shared<model::FloatHistogram>(*s.h[next - 1].h);
      h->reset_hint = CounterResetHint::kUnknown;
      row->Set(step, std::move(h));
    }
  }

  const InstantSelectorOptions options_;
  const PosRange pos_;
};

}  // namespace

std::unique_ptr<RowSource> MakeSmoothedSelector(QueryContext& context, const Steps& steps,
                                                std::unique_ptr<SampleSource> source,
                                                const InstantSelectorOptions& options,
                                                PosRange pos) {
  return std::make_unique<SmoothedSelector>(context, steps, std::move(source), options, pos);
}

}  // namespace tributary::promql
