#include "scrape/target.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "base/duration.h"
#include "base/hash.h"
#include "base/strings.h"
#include "net/http.h"

namespace tributary::scrape {
namespace {

constexpr std::string_view kAddress = "__address__";
constexpr std::string_view kScheme = "__scheme__";
constexpr std::string_view kMetricsPath = "__metrics_path__";
constexpr std::string_view kScrapeInterval = "__scrape_interval__";
constexpr std::string_view kScrapeTimeout = "__scrape_timeout__";
constexpr std::string_view kUnixSocket = "__unix_socket__";
constexpr std::string_view kCustomBuckets = "__convert_classic_histograms_to_nhcb__";
constexpr std::string_view kClassicHistograms = "__always_scrape_classic_histograms__";
constexpr std::string_view kNativeHistograms = "__scrape_native_histograms__";
constexpr std::string_view kParamPrefix = "__param_";
constexpr std::string_view kMetaPrefix = "__meta_";

model::Labels ParamsOf(const config::ScrapeConfig& config) {
  std::vector<std::pair<std::string, std::string>> params;
  for (const auto& [name, values] : config.params) {
    if (!values.empty()) {
      params.emplace_back(std::string(kParamPrefix) + name, values.front());
    }
  }
  return model::Labels::FromPairs(std::move(params));
}

model::Labels DefaultsOf(const config::ScrapeConfig& config) {
  const auto flag = [](bool value) { return value ? "true" : "false"; };
  return model::Labels::Of({
      {model::kJob, config.job_name},
      {kScrapeInterval, base::FormatDurationMs(config.scrape_interval_ms)},
      {kScrapeTimeout, base::FormatDurationMs(config.scrape_timeout_ms)},
      {kMetricsPath, config.metrics_path},
      {kScheme, config.scheme},
      {kCustomBuckets, flag(config.convert_classic_histograms_to_nhcb)},
      {kClassicHistograms, flag(config.always_scrape_classic_histograms)},
      {kNativeHistograms, flag(config.scrape_native_histograms)},
  });
}

std::string BuildUrl(const config::ScrapeConfig& config, const model::LabelsBuilder& labels) {
  auto params = config.params;
  std::vector<model::Label> all;
  labels.ToSpan(&all);
  for (const model::Label& label : all) {
    if (!label.name.starts_with(kParamPrefix)) {
      continue;
    }
    std::vector<std::string>& values = params[std::string(label.name.substr(kParamPrefix.size()))];
    if (values.empty()) {
      values.emplace_back();
    }
    values.front() = label.value;
  }
  std::string url;
  url.append(labels.Get(kScheme)).append("://").append(labels.Get(kAddress));
  const std::string_view path = labels.Get(kMetricsPath);
  if (!path.starts_with('/')) {
    url.push_back('/');
  }
  url.append(path);
  char separator = path.find('?') == std::string_view::npos ? '?' : '&';
  for (const auto& [name, values] : params) {
    for (const std::string& value : values) {
      url.push_back(separator);
      url.append(net::UrlEncode(name)).push_back('=');
      url.append(net::UrlEncode(value));
      separator = '&';
    }
  }
  return url;
}

base::Result<int64_t> DurationLabel(const model::LabelsBuilder& labels, std::string_view name,
                                    std::string_view what) {
  auto parsed = base::ParseDurationMs(labels.Get(name));
  if (!parsed) {
    return parsed.error().Context(std::string("error parsing ") + std::string(what));
  }
  if (*parsed == 0) {
    return base::InvalidArgument(std::string(what) + " cannot be 0");
  }
  return *parsed;
}

// What is no boolean keeps the default.
bool BoolLabel(const model::LabelsBuilder& labels, std::string_view name, bool otherwise) {
  return base::ParseBool(labels.Get(name)).value_or(otherwise);
}

}  // namespace

TargetBuilder::TargetBuilder(const config::ScrapeConfig& config)
    : config_(config), params_(ParamsOf(config)), defaults_(DefaultsOf(config)) {
  for (const auto& [name, values] : config.params) {
    if (!values.empty() && values.front().empty()) {
      cleared_.push_back(std::string(kParamPrefix) + name);
    }
  }
}

void TargetBuilder::Join(const model::Labels& target_labels, const model::Labels& group_labels) {
  params_.ToSpan(&joined_);
  for (const model::Labels* labels : {&target_labels, &group_labels, &defaults_}) {
    labels->ToSpan(&next_);
    united_.clear();
    std::ranges::set_union(joined_, next_, std::back_inserter(united_), {}, &model::Label::name,
                           &model::Label::name);
    joined_.swap(united_);
  }
  labels_.Reset(model::LabelSpan(joined_));
  for (const std::string& name : cleared_) {
    labels_.Del(name);
  }
}

model::Labels TargetBuilder::Discovered(const model::Labels& target_labels,
                                        const model::Labels& group_labels) {
  Join(target_labels, group_labels);
  return labels_.Build();
}

base::Result<std::optional<Target>> TargetBuilder::Build(const model::Labels& target_labels,
                                                         const model::Labels& group_labels) {
  Join(target_labels, group_labels);
  model::LabelsBuilder& labels = labels_;
  if (!config_.relabel_configs.Apply(&labels)) {
    return std::optional<Target>();
  }
  const std::string address(labels.Get(kAddress));
  if (address.empty()) {
    return base::InvalidArgument("no address");
  }
  if (address.find('/') != std::string::npos) {
    return base::InvalidArgument("\"" + address + "\" is not a valid hostname");
  }
  Target target;
  ASSIGN_OR_RETURN(target.interval_ms, DurationLabel(labels, kScrapeInterval, "scrape interval"));
  ASSIGN_OR_RETURN(target.timeout_ms, DurationLabel(labels, kScrapeTimeout, "scrape timeout"));
  if (target.timeout_ms > target.interval_ms) {
    return base::InvalidArgument("scrape timeout cannot be greater than scrape interval (\"" +
                                 base::FormatDurationMs(target.timeout_ms) + "\" > \"" +
                                 base::FormatDurationMs(target.interval_ms) + "\")");
  }
  if (!labels.Has(model::kInstance)) {
    labels.Set(model::kInstance, address);
  }
  target.url = BuildUrl(config_, labels);
  target.unix_socket = labels.Get(kUnixSocket);
  target.native_histograms = BoolLabel(labels, kNativeHistograms, config_.scrape_native_histograms);
  target.classic_histograms =
      BoolLabel(labels, kClassicHistograms, config_.always_scrape_classic_histograms);
  target.custom_buckets =
      BoolLabel(labels, kCustomBuckets, config_.convert_classic_histograms_to_nhcb);

  model::LabelsBuilder shown;
  model::LabelsBuilder identity;
  std::vector<model::Label> all;
  labels.ToSpan(&all);
  for (const model::Label& label : all) {
    if (!label.name.starts_with(kMetaPrefix)) {
      identity.Set(label.name, label.value);
    }
    if (!label.name.starts_with("__")) {
      shown.Set(label.name, label.value);
    }
  }
  target.labels = shown.Build();
  target.id = base::Hash64(target.url, identity.Build().Hash());
  return std::optional<Target>(std::move(target));
}

}  // namespace tributary::scrape
