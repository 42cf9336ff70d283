#include "promql/functions/histogram_sum.h"

#include <utility>

namespace tributary::promql {

using model::CounterResetHint;
using model::FloatHistogram;

void HistogramSum::NoteHint(const FloatHistogram& h) {
  reset_seen_ |= h.reset_hint == CounterResetHint::kReset;
  not_reset_seen_ |= h.reset_hint == CounterResetHint::kNotReset;
}

base::Status HistogramSum::Add(const FloatHistogram& h) {
  NoteHint(h);
  if (!sum_) {
    sum_ = h;
    return {};
  }
  if (!compensation_) compensation_ = model::NewCompensation(*sum_);
  ASSIGN_OR_RETURN(const model::AddNotes notes, model::KahanAdd(&*sum_, h, &*compensation_));
  bounds_reconciled_ |= notes.bounds_reconciled;
  return {};
}

base::Result<FloatHistogram> HistogramSum::Total() const {
  FloatHistogram total = *sum_;
  if (compensation_) {
    ASSIGN_OR_RETURN(auto notes, model::Add(&total, *compensation_));
    (void)notes;
  }
  return total;
}

base::Status HistogramMean::Add(const FloatHistogram& h) {
  count_++;
  if (!incremental_) {
    HistogramSum next = total_;
    RETURN_IF_ERROR(next.Add(h));
    if (count_ == 1 || !model::HasOverflow(*next.sum_)) {
      total_ = std::move(next);
      return {};
    }
    incremental_ = true;
    model::Div(&*total_.sum_, count_ - 1);
    if (total_.compensation_) model::Div(&*total_.compensation_, count_ - 1);
  }
  const double q = (count_ - 1) / count_;
  model::Mul(&*total_.sum_, q);
  if (total_.compensation_) model::Mul(&*total_.compensation_, q);
  FloatHistogram share = h;
  model::Div(&share, count_);
  return total_.Add(share);
}

base::Result<FloatHistogram> HistogramMean::Mean() const {
  if (incremental_) return total_.Total();
  HistogramSum mean = total_;
  model::Div(&*mean.sum_, count_);
  if (mean.compensation_) model::Div(&*mean.compensation_, count_);
  return mean.Total();
}

}  // namespace tributary::promql
