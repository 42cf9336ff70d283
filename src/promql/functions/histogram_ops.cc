#include "promql/functions/histogram_ops.h"

#include <algorithm>

#include "promql/functions/start_timestamps.h"

namespace tributary::promql {

using model::CounterResetHint;

bool AddNoting(model::FloatHistogram* h, const model::FloatHistogram& other, const Window& w) {
  auto notes = model::Add(h, other);
  if (!notes) {
    w.annotations().MixedExponentialCustomHistograms(w.metric(), w.env.arg_pos);
    return false;
  }
  if (notes->bounds_reconciled) {
    w.annotations().MismatchedCustomBuckets(HistogramOperation::kAddition, w.env.arg_pos);
  }
  return true;
}

bool SubNoting(model::FloatHistogram* h, const model::FloatHistogram& other, const Window& w) {
  auto notes = model::Sub(h, other);
  if (!notes) {
    w.annotations().MixedExponentialCustomHistograms(w.metric(), w.env.arg_pos);
    return false;
  }
  if (notes->bounds_reconciled) {
    w.annotations().MismatchedCustomBuckets(HistogramOperation::kSubtraction, w.env.arg_pos);
  }
  return true;
}

std::optional<model::FloatHistogram> HistogramIncrease(const Window& w, bool counter) {
  const auto& points = w.h;
  const size_t n = points.size();
  auto is_gauge = [](const model::FloatHistogram& h) {
    return h.reset_hint == CounterResetHint::kGauge;
  };
  auto reset_between = [&](size_t i, const model::FloatHistogram& before) {
    return (!w.hst.empty() &&
            IsStartTimestampReset(w.hst[i - 1], points[i - 1].t, w.hst[i], points[i].t)) ||
           model::DetectReset(*points[i].h, before);
  };

  const model::FloatHistogram* first = points[0].h.get();
  const model::FloatHistogram& last = *points[n - 1].h;
  if (counter && (is_gauge(*first) || is_gauge(last))) {
    w.annotations().NativeHistogramNotCounter(w.metric(), w.env.arg_pos);
  }
  // With a reset right after it the first histogram cancels out, and neither its schema nor its
  // bucket layout matters.
  model::FloatHistogram nothing;
  if (counter && reset_between(1, *first)) {
    nothing.schema = points[1].h->schema;
    nothing.custom_values = points[1].h->custom_values;
    first = &nothing;
  }
  const bool custom = model::UsesCustomBuckets(*first);
  if (model::UsesCustomBuckets(last) != custom) {
    w.annotations().MixedExponentialCustomHistograms(w.metric(), w.env.arg_pos);
    return std::nullopt;
  }
  int32_t schema = std::min(last.schema, first->schema);
  if (counter) {
    for (size_t i = 1; i + 1 < n; i++) {
      const model::FloatHistogram& h = *points[i].h;
      if (is_gauge(h)) w.annotations().NativeHistogramNotCounter(w.metric(), w.env.arg_pos);
      schema = std::min(schema, h.schema);
      if (model::UsesCustomBuckets(h) != custom) {
        w.annotations().MixedExponentialCustomHistograms(w.metric(), w.env.arg_pos);
        return std::nullopt;
      }
    }
  }

  model::FloatHistogram increase = custom ? last : model::CopyToSchema(last, schema);
  if (!SubNoting(&increase, *first, w)) return std::nullopt;
  if (counter) {
    std::vector<int64_t> t;
    t.reserve(n);
    for (const auto& point : points) t.push_back(point.t);
    NoteStartTimeOverlaps(t, w.hst, w);
    const model::FloatHistogram* before = first;
    for (size_t i = 1; i < n; i++) {
      if (reset_between(i, *before) && !AddNoting(&increase, *before, w)) return std::nullopt;
      before = points[i].h.get();
    }
  } else if (!is_gauge(*points[0].h) || !is_gauge(last)) {
    w.annotations().NativeHistogramNotGauge(w.metric(), w.env.arg_pos);
  }
  increase.reset_hint = CounterResetHint::kGauge;
  model::Compact(&increase);
  return increase;
}

}  // namespace tributary::promql
