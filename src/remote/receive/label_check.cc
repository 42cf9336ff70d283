#include "remote/receive/label_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"

namespace tributary::remote {
namespace {

constexpr size_t kMaxDescription = 1000;

}  // namespace

base::Status NormalizeLabels(std::vector<model::Label>* labels) {
  const auto by_name = [](const model::Label& a, const model::Label& b) { return a.name < b.name; };
  if (!std::is_sorted(labels->begin(), labels->end(), by_name)) {
    std::sort(labels->begin(), labels->end(), by_name);
  }
  bool has_name = false;
  bool has_empty = false;
  const model::Label* before = nullptr;
  for (const model::Label& label : *labels) {
    if (label.name.empty() || !base::IsValidUtf8(label.name)) {
      return base::InvalidArgument(
          fmt::format("invalid label name {}", base::Quote(label.name.substr(0, 100))));
    }
    if (!base::IsValidUtf8(label.value)) {
      return base::InvalidArgument(fmt::format("invalid value of label {}: not UTF-8",
                                               base::Quote(label.name.substr(0, 100))));
    }
    if (before != nullptr && before->name == label.name) {
      return base::InvalidArgument(
          fmt::format("duplicated label {}", base::Quote(label.name.substr(0, 100))));
    }
    has_name |= label.name == model::kMetricName && !label.value.empty();
    has_empty |= label.value.empty();
    before = &label;
  }
  if (!has_name) return base::InvalidArgument("no metric name");
  if (has_empty) {
    std::erase_if(*labels, [](const model::Label& label) { return label.value.empty(); });
  }
  return base::OkStatus();
}

std::string DescribeLabels(model::LabelSpan labels) {
  std::string text = "{";
  for (const model::Label& label : labels) {
    if (text.size() > kMaxDescription) {
      text += ", …";
      break;
    }
    if (text.size() > 1) text += ", ";
    const std::string_view name = label.name.substr(0, kMaxDescription);
    text += model::IsLegacyLabelName(name) ? std::string(name) : base::Quote(name);
    text += "=" + base::Quote(label.value.substr(0, kMaxDescription));
  }
  return text + "}";
}

}  // namespace tributary::remote
