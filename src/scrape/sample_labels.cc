#include "scrape/sample_labels.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/strings.h"

namespace tributary::scrape {
namespace {

constexpr std::string_view kExportedPrefix = "exported_";

bool HasName(model::LabelSpan labels, std::string_view name) {
  return std::any_of(labels.begin(), labels.end(),
                     [&](const model::Label& label) { return label.name == name; });
}

}  // namespace

void SampleLabels::JoinTargetLabels(model::LabelSpan scraped) {
  builder_.Reset(scraped);
  if (config_.honor_labels) {
    for (const model::Label& label : target_labels_) {
      if (!HasName(scraped, label.name)) {
        builder_.Set(label.name, label.value);
      }
    }
    return;
  }
  std::vector<std::pair<std::string, std::string>> clashing;
  for (const model::Label& label : target_labels_) {
    const std::string_view existing = builder_.Get(label.name);
    if (!existing.empty()) {
      clashing.emplace_back(label.name, existing);
    }
    builder_.Set(label.name, label.value);
  }
  // Prefixed until unique among what was scraped and what the target brings.
  for (auto& [name, value] : clashing) {
    std::string free = std::move(name);
    do {
      free.insert(0, kExportedPrefix);
    } while (builder_.Has(free));
    builder_.Set(free, value);
  }
}

base::Status SampleLabels::CheckLimits(model::LabelSpan labels) const {
  const config::ScrapeLimits& limits = config_.limits;
  if (limits.label_limit > 0 && labels.size() > limits.label_limit) {
    return base::ResourceExhausted(
        "label_limit exceeded (metric: " + model::Labels::FromSpan(labels).ToString() +
        ", number of labels: " + std::to_string(labels.size()) +
        ", limit: " + std::to_string(limits.label_limit) + ")");
  }
  for (const model::Label& label : labels) {
    if (limits.label_name_length_limit > 0 && label.name.size() > limits.label_name_length_limit) {
      return base::ResourceExhausted(
          "label_name_length_limit exceeded (label name: " + std::string(label.name) +
          ", length: " + std::to_string(label.name.size()) +
          ", limit: " + std::to_string(limits.label_name_length_limit) + ")");
    }
    if (limits.label_value_length_limit > 0 &&
        label.value.size() > limits.label_value_length_limit) {
      return base::ResourceExhausted(
          "label_value_length_limit exceeded (label name: " + std::string(label.name) +
          ", value length: " + std::to_string(label.value.size()) +
          ", limit: " + std::to_string(limits.label_value_length_limit) + ")");
    }
  }
  return {};
}

base::Result<bool> SampleLabels::Build(model::LabelSpan scraped, std::vector<model::Label>* out) {
  JoinTargetLabels(scraped);
  if (!config_.metric_relabel_configs.empty() && !config_.metric_relabel_configs.Apply(&builder_)) {
    return false;
  }
  builder_.ToSpan(out);
  if (out->empty()) {
    return false;
  }
  const std::string_view name = builder_.Get(model::kMetricName);
  if (name.empty()) {
    return base::InvalidArgument("label set has no metric name after relabelling: " +
                                 model::Labels::FromSpan(*out).ToString());
  }
  const bool legacy = config_.name_validation == config::NameValidation::kLegacy;
  for (const model::Label& label : *out) {
    const bool valid =
        legacy ? model::IsLegacyLabelName(label.name) : base::IsValidUtf8(label.name);
    if (!valid) {
      return base::InvalidArgument("invalid label name " + base::Quote(label.name));
    }
  }
  if (legacy ? !model::IsLegacyMetricName(name) : !base::IsValidUtf8(name)) {
    return base::InvalidArgument("invalid metric name or label names: " +
                                 model::Labels::FromSpan(*out).ToString());
  }
  RETURN_IF_ERROR(CheckLimits(*out));
  return true;
}

void SampleLabels::BuildReport(std::string_view name, std::vector<model::Label>* out) {
  builder_.Reset(target_labels_);
  builder_.Set(model::kMetricName, name);
  builder_.ToSpan(out);
}

}  // namespace tributary::scrape
