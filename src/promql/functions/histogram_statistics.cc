// histogram_count, histogram_sum, histogram_avg, histogram_stddev, histogram_stdvar. Floats are
// left out.
#include <cmath>

#include "model/bucket_iterator.h"
#include "model/float_histogram.h"
#include "promql/exec/evaluator.h"
#include "promql/functions/kahan.h"
#include "promql/functions/vector_function.h"

namespace tributary::promql {
namespace {

using model::FloatHistogram;

// Observations are taken to lie in the middle of their bucket: the geometric mean of its bounds,
// zero in the zero bucket, the arithmetic mean for custom buckets.
double Variance(const FloatHistogram& h) {
  const double mean = h.sum / h.count;
  KahanSum variance;
  model::AllBucketIterator it(h);
  while (it.Next()) {
    const model::Bucket& bucket = it.At();
    if (bucket.count == 0) continue;
    double value = 0;
    if (model::UsesCustomBuckets(h)) {
      value = (bucket.upper + bucket.lower) / 2.0;
    } else if (bucket.lower > 0 || bucket.upper < 0) {
      value = std::sqrt(bucket.upper * bucket.lower);
      if (bucket.upper < 0) value = -value;
    }
    const double delta = value - mean;
    variance.Add(bucket.count * delta * delta);
  }
  return variance.total() / h.count;
}

double Statistic(FunctionId id, const FloatHistogram& h) {
  switch (id) {
    case FunctionId::kHistogramCount:
      return h.count;
    case FunctionId::kHistogramSum:
      return h.sum;
    case FunctionId::kHistogramAvg:
      return h.sum / h.count;
    case FunctionId::kHistogramStddev:
      return std::sqrt(Variance(h));
    default:
      return Variance(h);
  }
}

}  // namespace

base::Result<Block> CallHistogramStatistics(VectorCall& call) {
  Block block = std::move(call.args[0]);
  for (auto& s : block.series) {
    for (double& v : s.row.values) v = Absent();
    for (size_t step = 0; step < s.row.histograms.size(); step++) {
      if (const auto* h = s.row.histogram(step)) s.row.Set(step, Statistic(call.id, *h));
    }
    s.row.histograms.clear();
  }
  block.DropEmpty();
  RETURN_IF_ERROR(LoseMetricName(call.context, &block, NameLoss::kNameOnly));
  return block;
}

}  // namespace tributary::promql
