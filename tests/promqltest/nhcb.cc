#include "nhcb.h"

#include <cmath>
#include <limits>
#include <map>
#include <string_view>

#include "base/strings.h"
#include "model/float_histogram.h"

namespace tributary::promqltest {
namespace {

struct Classic {
  std::map<double, double> buckets;  // upper bound -> cumulative count
  std::optional<double> count;
  double sum = 0;
};

base::Result<std::shared_ptr<const model::FloatHistogram>> Convert(Classic classic) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  auto& buckets = classic.buckets;
  if (!classic.count && !buckets.empty()) classic.count = buckets.rbegin()->second;
  const double count = classic.count.value_or(0);
  buckets.try_emplace(kInf, count);
  bool integral = count == std::round(count);
  auto h = std::make_shared<model::FloatHistogram>();
  h->schema = model::kCustomBucketsSchema;
  h->count = count;
  h->sum = classic.sum;
  h->positive_spans = {{0, static_cast<uint32_t>(buckets.size())}};
  double before = 0;
  for (const auto& [bound, cumulative] : buckets) {
    if (cumulative < before) return base::InvalidArgument("count is not cumulative");
    integral = integral && cumulative == std::round(cumulative);
    h->positive_buckets.push_back(cumulative - before);
    if (bound != kInf) h->custom_values.push_back(bound);
    before = cumulative;
  }
  if (before != count) return base::InvalidArgument("count mismatch");
  // Integer histograms keep short runs of empty buckets.
  model::Compact(h.get(), integral ? 2 : 0);
  RETURN_IF_ERROR(model::Validate(*h));
  return h;
}

}  // namespace

base::Result<std::vector<LoadSeries>> ToCustomBuckets(const std::vector<LoadSeries>& series) {
  std::map<model::Labels, std::map<int64_t, Classic>> found;
  for (const LoadSeries& one : series) {
    const std::string_view name = one.labels.Get(model::kMetricName);
    std::string_view suffix;
    for (const std::string_view candidate : {"_bucket", "_count", "_sum"}) {
      if (name.ends_with(candidate)) suffix = candidate;
    }
    if (suffix.empty()) continue;
    std::optional<double> bound;
    if (suffix == "_bucket") {
      bound = base::ParseFloat(one.labels.Get("le"));
      if (!bound || std::isnan(*bound)) continue;
    }
    model::LabelsBuilder builder(one.labels);
    builder.Set(model::kMetricName, name.substr(0, name.size() - suffix.size())).Del("le");
    auto& by_time = found[builder.Build()];
    for (const LoadSample& sample : one.samples) {
      if (sample.h) continue;
      Classic& classic = by_time[sample.t];
      if (suffix != "_sum" && sample.v < 0) {
        return base::InvalidArgument("bucket count must be non-negative");
      }
      if (bound) {
        classic.buckets.try_emplace(*bound, sample.v);
      } else if (suffix == "_count") {
        classic.count = sample.v;
      } else {
        classic.sum = sample.v;
      }
    }
  }
  std::vector<LoadSeries> out;
  for (auto& [labels, by_time] : found) {
    LoadSeries one{labels, {}};
    for (auto& [t, classic] : by_time) {
      ASSIGN_OR_RETURN(auto h, Convert(std::move(classic)));
      one.samples.push_back({.t = t, .h = std::move(h)});
    }
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace tributary::promqltest
