// histogram_quantile, histogram_quantiles and histogram_fraction over classic and native
// histograms.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <optional>

#include <absl/container/flat_hash_map.h>

#include "base/strings.h"
#include "promql/exec/evaluator.h"
#include "promql/functions/classic_histogram.h"
#include "promql/functions/native_quantile.h"
#include "promql/functions/vector_function.h"

namespace tributary::promql {
namespace {

constexpr std::string_view kBucketLabel = "le";

// Series that make up one histogram: classic buckets, or a native one, or both by turns.
struct Group {
  model::Labels labels;
  bool drop_name = true;
  struct BucketSeries {
    double upper_bound;
    const Row* row;
  };
  std::vector<BucketSeries> buckets;  // by upper bound
  const Row* native = nullptr;
};

// What is computed of a histogram at a step: a fraction, or one of several quantiles.
struct Statistic {
  // The label to add to its results, if any; may differ from step to step.
  std::function<std::optional<std::string>(size_t step)> label_value;
  std::function<double(size_t step, const model::FloatHistogram&, const Blame&)> of_native;
  std::function<double(size_t step, std::vector<ClassicBucket>*, const Blame&)> of_classic;
};

class Histograms {
 public:
  Histograms(VectorCall& call, size_t vector_arg)
      : call_(call),
        pos_(call.arg_pos(vector_arg)),
        names_in_annotations_(call.context.delayed_name_removal()),
        input_(std::move(call.args[vector_arg])) {
    absl::flat_hash_map<std::string, size_t> by_labels;
    auto group_of = [&](model::Labels labels) -> Group& {
      auto [it, added] = by_labels.try_emplace(labels.packed(), groups_.size());
      if (added) groups_.push_back({.labels = std::move(labels), .buckets = {}});
      return groups_[it->second];
    };
    for (const BlockSeries& s : input_.series) {
      if (!s.row.histograms.empty()) group_of(s.labels).native = &s.row;
      if (std::ranges::all_of(s.row.values, IsAbsent)) continue;
      const auto bound = base::ParseFloat(s.labels.Get(kBucketLabel));
      if (!bound) {
        call_.context.annotations().BadBucketLabel(NameFor(s.labels), s.labels.Get(kBucketLabel),
                                                   pos_);
        continue;
      }
      model::LabelsBuilder builder(s.labels);
      group_of(builder.Del(kBucketLabel).Build()).buckets.push_back({*bound, &s.row});
    }
    for (Group& group : groups_) {
      std::ranges::stable_sort(group.buckets, {}, &Group::BucketSeries::upper_bound);
    }
  }

  base::Result<Block> Compute(const std::vector<Statistic>& statistics, std::string_view label) {
    Block out(call_.steps);
    for (const Statistic& statistic : statistics) {
      for (const Group& group : groups_) {
        RETURN_IF_ERROR(call_.context.Check());
        RETURN_IF_ERROR(ComputeGroup(statistic, group, label, &out));
      }
    }
    RETURN_IF_ERROR(LoseMetricName(call_.context, &out));
    RETURN_IF_ERROR(MergeSameLabels(&out));
    RETURN_IF_ERROR(out.ChargeSamples(&call_.context.budget()));
    return out;
  }

 private:
  std::string NameFor(const model::Labels& labels) const {
    return names_in_annotations_ ? std::string(labels.Get(model::kMetricName)) : std::string();
  }

  base::Status ComputeGroup(const Statistic& statistic, const Group& group, std::string_view label,
                            Block* out) {
    const std::string name = NameFor(group.labels);
    const Blame blame{call_.context.annotations(), name, pos_};
    std::map<std::string, size_t> rows;  // by value of the added label
    std::vector<ClassicBucket> buckets;
    for (size_t step = 0; step < call_.steps.count; step++) {
      buckets.clear();
      for (const auto& bucket : group.buckets) {
        const double count = bucket.row->values[step];
        if (!IsAbsent(count)) buckets.push_back({bucket.upper_bound, count});
      }
      const auto* native = group.native == nullptr ? nullptr : group.native->histogram(step);
      if (native == nullptr && buckets.empty()) continue;
      if (native != nullptr && !buckets.empty()) {
        call_.context.annotations().MixedClassicNativeHistograms(name, pos_);
        continue;
      }
      const double value = native != nullptr ? statistic.of_native(step, *native, blame)
                                             : statistic.of_classic(step, &buckets, blame);
      const auto added = statistic.label_value(step);
      auto [it, is_new] = rows.try_emplace(added.value_or(""), out->series.size());
      if (is_new) {
        model::LabelsBuilder builder(group.labels);
        if (added) builder.Set(label, *added);
        ASSIGN_OR_RETURN(BlockSeries * series,
                         out->Add(&call_.context.budget(), builder.Build(), true));
        (void)series;
      }
      out->series[it->second].row.Set(step, value);
    }
    return {};
  }

  VectorCall& call_;
  const PosRange pos_;
  const bool names_in_annotations_;
  const Block input_;
  std::vector<Group> groups_;
};

// As OpenMetrics writes the values of quantile labels: never without a point or an exponent.
std::string FormatOpenMetricsFloat(double v) {
  std::string text = base::FormatFloatG(v);
  if (!std::isfinite(v) || text.find_first_of("e.") != std::string::npos) return text;
  return text + ".0";
}

// Of several quantiles of one histogram only the first tells that its buckets had to be fixed.
Statistic QuantileStatistic(VectorCall& call, size_t quantile_arg, bool labelled, bool first) {
  auto q_at = [&call, quantile_arg](size_t step) { return call.scalar(quantile_arg, step); };
  Statistic s;
  s.label_value = [q_at, labelled](size_t step) -> std::optional<std::string> {
    if (!labelled) return std::nullopt;
    return FormatOpenMetricsFloat(q_at(step));
  };
  s.of_native = [q_at](size_t step, const model::FloatHistogram& h, const Blame& blame) {
    return QuantileOfHistogram(q_at(step), h, blame);
  };
  s.of_classic = [q_at, first, &call](size_t step, std::vector<ClassicBucket>* buckets,
                                      const Blame& blame) {
    const ClassicQuantile quantile = QuantileOfBuckets(q_at(step), buckets);
    if (quantile.forced_monotonic && first) {
      blame.annotations.ForcedMonotonicity(blame.metric, blame.pos, call.steps.at(step),
                                           quantile.min_bucket, quantile.max_bucket,
                                           quantile.max_diff);
    }
    return quantile.value;
  };
  for (size_t step = 0; step < call.steps.count; step++) {
    const double q = q_at(step);
    if (std::isnan(q) || q < 0 || q > 1) {
      call.context.annotations().InvalidQuantile(q, call.arg_pos(quantile_arg));
    }
  }
  return s;
}

Statistic FractionStatistic(VectorCall& call) {
  Statistic s;
  s.label_value = [](size_t) { return std::nullopt; };
  s.of_native = [&call](size_t step, const model::FloatHistogram& h, const Blame& blame) {
    return FractionOfHistogram(call.scalar(0, step), call.scalar(1, step), h, blame);
  };
  s.of_classic = [&call](size_t step, std::vector<ClassicBucket>* buckets, const Blame&) {
    return FractionOfBuckets(call.scalar(0, step), call.scalar(1, step), buckets);
  };
  return s;
}

}  // namespace

base::Result<Block> CallHistogramQuantile(VectorCall& call) {
  switch (call.id) {
    case FunctionId::kHistogramFraction:
      return Histograms(call, 2).Compute({FractionStatistic(call)}, "");
    case FunctionId::kHistogramQuantile:
      return Histograms(call, 1).Compute({QuantileStatistic(call, 0, false, true)}, "");
    default: {
      std::vector<Statistic> statistics;
      for (size_t i = 2; i < call.args.size(); i++) {
        statistics.push_back(QuantileStatistic(call, i, true, i == 2));
      }
      return Histograms(call, 0).Compute(statistics, call.text(1));
    }
  }
}

}  // namespace tributary::promql
