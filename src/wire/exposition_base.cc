#include "wire/exposition_base.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/strings.h"
#include "wire/exposition_scan.h"

namespace tributary::wire {
namespace {

// Of a hostile line an error shows only the end.
constexpr size_t kMaxExcerpt = 160;

template <bool kHelp>
void Unescape(std::string_view raw, std::string* out) {
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\\' && i + 1 < raw.size()) {
      const char next = raw[i + 1];
      if (next == '\\' || next == 'n' || (!kHelp && next == '"')) {
        out->push_back(next == 'n' ? '\n' : next);
        ++i;
        continue;
      }
    }
    out->push_back(raw[i]);
  }
}

// `out` has room: views into it stay good.
std::string_view Plain(const RawText& raw, std::string* out) {
  if (!raw.escaped) return raw.text;
  const size_t at = out->size();
  AppendUnescaped(raw.text, out);
  return std::string_view(*out).substr(at);
}

bool HoldsFloat(model::MetricType type, std::string_view label) {
  return (type == model::MetricType::kHistogram && label == "le") ||
         (type == model::MetricType::kSummary && label == "quantile");
}

}  // namespace

void AppendUnescaped(std::string_view raw, std::string* out) { Unescape<false>(raw, out); }
void AppendUnescapedHelp(std::string_view raw, std::string* out) { Unescape<true>(raw, out); }

std::optional<double> ParseFloatSlow(std::string_view token) {
  std::optional<double> value = base::ParseFloat(token);
  if (value && std::isnan(*value)) value = model::NormalNaN();
  return value;
}

std::string OpenMetricsFloat(double value) {
  std::string text = base::FormatFloatG(value);
  if (std::isfinite(value) && text.find_first_of("e.") == std::string::npos) text += ".0";
  return text;
}

base::Status BuildLabels(const std::vector<RawLabel>& raw, const RawText* metric_name,
                         model::MetricType type, std::string* scratch,
                         std::vector<model::Label>* out) {
  constexpr size_t kMaxFloatText = 32;
  out->clear();
  size_t room = 0;
  for (const RawLabel& label : raw) {
    room += (label.name.escaped ? label.name.text.size() : 0) +
            (label.value.escaped ? label.value.text.size() : 0);
    if (HoldsFloat(type, label.name.text)) room += kMaxFloatText;
  }
  if (metric_name != nullptr && metric_name->escaped) room += metric_name->text.size();
  scratch->clear();
  scratch->reserve(room);

  const auto check_utf8 = [](const RawText& text) {
    return !text.quoted || base::IsValidUtf8(text.text);
  };
  if (metric_name != nullptr) {
    if (!check_utf8(*metric_name)) {
      return base::InvalidArgument(fmt::format(
          "invalid UTF-8 metric name: {}", base::Quote(metric_name->text.substr(0, kMaxExcerpt))));
    }
    out->push_back({model::kMetricName, Plain(*metric_name, scratch)});
  }
  for (const RawLabel& label : raw) {
    if (!check_utf8(label.name)) {
      return base::InvalidArgument(fmt::format(
          "invalid UTF-8 label name: {}", base::Quote(label.name.text.substr(0, kMaxExcerpt))));
    }
    const std::string_view name = Plain(label.name, scratch);
    std::string_view value = Plain(label.value, scratch);
    if (HoldsFloat(type, label.name.text)) {
      if (const std::optional<double> number = base::ParseFloat(value)) {
        const std::string text = OpenMetricsFloat(*number);
        if (text != value && text.size() <= kMaxFloatText) {
          const size_t at = scratch->size();
          scratch->append(text);
          value = std::string_view(*scratch).substr(at);
        }
      }
    }
    out->push_back({name, value});
  }

  const auto by_name = [](const model::Label& a, const model::Label& b) { return a.name < b.name; };
  if (!std::is_sorted(out->begin(), out->end(), by_name)) {
    std::sort(out->begin(), out->end(), by_name);
  }
  bool empty = false;
  for (size_t i = 0; i < out->size(); ++i) {
    empty |= (*out)[i].value.empty();
    if (i > 0 && (*out)[i].name == (*out)[i - 1].name) {
      return base::InvalidArgument(fmt::format("label name {} is not unique",
                                               base::Quote((*out)[i].name.substr(0, kMaxExcerpt))));
    }
  }
  if (empty) std::erase_if(*out, [](const model::Label& label) { return label.value.empty(); });
  return base::OkStatus();
}

base::Status ExpositionBase::Labels(std::vector<model::Label>* out) {
  auto status = BuildLabels(labels_, &name_, type_, &label_scratch_, out);
  if (status) return status;
  return Bad(status.error().message(), series_.data() + series_.size());
}

const char* ExpositionBase::ReadFamily(const char* p) {
  RawText name;
  const char* after = nullptr;
  if (p < end_ && *p == '"') {
    const QuotedScan scan = ScanQuoted<true>(p + 1, end_);
    if (scan.close == nullptr) return nullptr;
    name.text = {p + 1, static_cast<size_t>(scan.close - p - 1)};
    name.escaped = scan.escaped;
    after = scan.close + 1;
  } else if (p < end_ && (IsNameStart(*p) || *p == ':')) {
    after = PassName<true>(p, end_);
    name.text = {p, static_cast<size_t>(after - p)};
  } else {
    return nullptr;
  }
  family_scratch_.clear();
  family_scratch_.reserve(name.text.size());
  family_ = Plain(name, &family_scratch_);
  return after;
}

base::Error ExpositionBase::Bad(std::string_view what, const char* at) const {
  const auto line_number = 1 + std::count(body_, line_, '\n');
  std::string_view excerpt(line_, static_cast<size_t>((at < end_ ? at + 1 : end_) - line_));
  if (excerpt.size() > kMaxExcerpt) excerpt.remove_prefix(excerpt.size() - kMaxExcerpt);
  return base::InvalidArgument(
      fmt::format("line {}: {} while parsing: {}", line_number, what, base::Quote(excerpt)));
}

base::Error ExpositionBase::Expected(std::string_view expected, const char* at) const {
  const std::string got = at < end_ ? base::Quote({at, 1}) : "end of data";
  return Bad(fmt::format("{}, got {}", expected, got), at);
}

}  // namespace tributary::wire
