#include "promql/exec/selector.h"

#include <fmt/format.h>

#include "promql/exec/selector_rows.h"

namespace tributary::promql {
namespace {

class InstantSelector final : public SelectorRows {
 public:
  InstantSelector(QueryContext& context, const Steps& steps, std::unique_ptr<SampleSource> source,
                  const InstantSelectorOptions& options)
      : SelectorRows(context, steps, std::move(source), options.drop_name), options_(options) {}

  // Series of the same labels are joined by whoever asked for names to be dropped.
  bool may_collide() const override { return false; }

  base::Status Fill(size_t i, ReadScratch* scratch, Row* row) const override {
    row->Reset();
    Samples& s = scratch->samples;
    const auto mint =
        options_.when(steps_.start) - options_.read_before_ms - options_.lookback_delta_ms + 1;
    const auto maxt = options_.when(steps_.last()) - options_.read_before_ms;
    RETURN_IF_ERROR(source_->Read(i, mint, maxt, scratch, &s));
    if (s.empty()) return {};
    const bool plain = s.h.empty() && options_.value == InstantValue::kSample;
    uint64_t read = 0;
    if (plain) {
      read = FillFloats(s, row->values);
    } else {
      ASSIGN_OR_RETURN(read, FillAny(i, s, row));
    }
    context_.budget().CountRead(read);
    if (counts_ != nullptr) counts_->AddRow(*row);
    return {};
  }

 private:
  // Samples of any kind. Returns how many, a histogram as as many as it is large.
  base::Result<uint64_t> FillAny(size_t i, const Samples& s, Row* row) const {
    uint64_t read = 0;
    size_t floats = 0, histograms = 0;  // how many are not after the time looked at
    for (size_t step = 0; step < steps_.count; step++) {
      const auto when = options_.when(steps_.at(step));
      while (floats < s.t.size() && s.t[floats] <= when) floats++;
      while (histograms < s.h.size() && s.h[histograms].t <= when) histograms++;
      const bool is_histogram =
          histograms > 0 && (floats == 0 || s.h[histograms - 1].t > s.t[floats - 1]);
      if (is_histogram) {
        const HistogramPoint& point = s.h[histograms - 1];
        if (point.t <= when - options_.lookback_delta_ms) continue;
        RETURN_IF_ERROR(SetHistogram(i, s, histograms - 1, step, row));
        read += HistogramSamples(*point.h);
      } else if (floats > 0) {
        if (s.t[floats - 1] <= when - options_.lookback_delta_ms) continue;
        if (model::IsStaleNaN(s.v[floats - 1])) continue;
        row->values[step] = FloatValue(s, floats - 1);
        read++;
      }
    }
    return read;
  }

  // The samples of a series without histograms, which nearly all are. Returns how many.
  uint64_t FillFloats(const Samples& s, std::span<double> out) const {
    // A marker needs no question: it is copied, and then stands for what it means.
    static_assert(kAbsentBits == model::kStaleNaNBits);
    const size_t n = s.t.size();
    const int64_t* t = s.t.data();
    const double* v = s.v.data();
    const auto start = options_.when(steps_.start);
    const int64_t stride = options_.when.at ? 0 : steps_.step_ms;
    const int64_t lookback = options_.lookback_delta_ms;
    uint64_t read = 0;
    const auto put = [&](size_t step, double value) {
      out[step] = value;
      read += static_cast<uint64_t>(!IsAbsent(value));
    };
    size_t upto = 0;  // how many are not after the time looked at
    for (size_t step = 0; step < out.size();) {
      auto when = start + static_cast<int64_t>(step) * stride;
      const size_t before = upto;
      while (upto < n && t[upto] <= when) upto++;
      if (upto > 0 && t[upto - 1] > when - lookback) put(step, v[upto - 1]);
      step++;
      // Samples are mostly as regular as steps, so that the next is as many samples ahead.
      const size_t ahead = upto - before;
      if (ahead == 0) continue;
      for (size_t next = upto + ahead; step < out.size() && next < n; next += ahead) {
        when += stride;
        const bool is_newest = t[next - 1] <= when && t[next] > when;
        if (!is_newest || t[next - 1] <= when - lookback) break;
        put(step++, v[next - 1]);
        upto = next;
      }
    }
    return read;
  }

  static double Seconds(int64_t t) { return static_cast<double>(t) / 1000; }

  double FloatValue(const Samples& s, size_t at) const {
    switch (options_.value) {
      case InstantValue::kSample:
        return s.v[at];
      case InstantValue::kTimestamp:
        return Seconds(s.t[at]);
      case InstantValue::kStartTimestamp:
        return Seconds(s.st.empty() ? 0 : s.st[at]);
      case InstantValue::kTimestampMs:
        return static_cast<double>(s.t[at]);
    }
    return 0;
  }

  base::Status SetHistogram(size_t i, const Samples& s, size_t at, size_t step, Row* row) const {
    switch (options_.value) {
      case InstantValue::kSample:
        row->Set(step, s.h[at].h);
        break;
      case InstantValue::kTimestamp:
        row->Set(step, Seconds(s.h[at].t));
        break;
      case InstantValue::kStartTimestamp:
        row->Set(step, Seconds(s.hst.empty() ? 0 : s.hst[at]));
        break;
      case InstantValue::kTimestampMs:
        return base::Error(base::ErrorCode::kExecution,
                           fmt::format("this should be an info metric, with float samples: {}",
                                       source_->LabelsOf(i).ToString()));
    }
    return {};
  }

  const InstantSelectorOptions options_;
};

}  // namespace

std::unique_ptr<RowSource> MakeInstantSelector(QueryContext& context, const Steps& steps,
                                               std::unique_ptr<SampleSource> source,
                                               const InstantSelectorOptions& options) {
  return std::make_unique<InstantSelector>(context, steps, std::move(source), options);
}

}  // namespace tributary::promql
