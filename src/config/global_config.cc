#include "config/global_config.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/strings.h"
#include "config/size_text.h"

namespace tributary::config {
namespace {

constexpr EnumName<ScrapeProtocol> kProtocols[] = {
    {"OpenMetricsText0.0.1", ScrapeProtocol::kOpenMetricsText0_0_1},
    {"OpenMetricsText1.0.0", ScrapeProtocol::kOpenMetricsText1_0_0},
    {"PrometheusProto", ScrapeProtocol::kPrometheusProto},
    {"PrometheusText0.0.4", ScrapeProtocol::kPrometheusText0_0_4},
    {"PrometheusText1.0.0", ScrapeProtocol::kPrometheusText1_0_0},
};

constexpr EnumName<NameValidation> kValidations[] = {
    {"utf8", NameValidation::kUtf8},
    {"legacy", NameValidation::kLegacy},
};

constexpr EnumName<NameEscaping> kEscapings[] = {
    {"allow-utf-8", NameEscaping::kAllowUtf8},
    {"underscores", NameEscaping::kUnderscores},
    {"dots", NameEscaping::kDots},
    {"values", NameEscaping::kValues},
};

template <class E, size_t N>
std::string_view NameOf(const EnumName<E> (&names)[N], E value) {
  for (const auto& [name, candidate] : names) {
    if (candidate == value) return name;
  }
  return {};
}

void ReadExternalLabels(MapReader& reader, NameValidation validation, model::Labels* out) {
  std::map<std::string, std::string> labels;
  reader.StringMap("external_labels", &labels);
  std::vector<std::pair<std::string, std::string>> pairs;
  for (auto& [name, value] : labels) {
    const bool valid =
        validation == NameValidation::kLegacy ? model::IsLegacyLabelName(name) : !name.empty();
    if (!valid) {
      reader.Fail("external_labels",
                  fmt::format("{} is not a valid label name", base::Quote(name)));
    }
    pairs.emplace_back(name, ExpandEnvironment(value));
  }
  *out = model::Labels::FromPairs(std::move(pairs));
}

void ReadSection(MapReader& reader, GlobalSection* out) {
  GlobalConfig& global = out->global;
  ScrapeDefaults& defaults = out->defaults;
  int64_t interval = 0;
  int64_t timeout = 0;
  int64_t evaluation_interval = 0;
  reader.DurationMs("scrape_interval", &interval);
  reader.DurationMs("scrape_timeout", &timeout);
  reader.DurationMs("evaluation_interval", &evaluation_interval);
  reader.DurationMs("rule_query_offset", &global.rule_query_offset_ms);
  reader.Path("query_log_file", &global.query_log_file);
  reader.Path("scrape_failure_log_file", &global.scrape_failure_log_file);
  ReadScrapeProtocols(reader, &defaults.scrape_protocols);
  ReadScrapeLimits(reader, &defaults.limits);
  std::optional<NameValidation> validation;
  ReadNameValidation(reader, &validation);
  defaults.name_validation = validation.value_or(NameValidation::kUtf8);
  ReadNameEscaping(reader, &defaults.name_escaping);
  ReadExternalLabels(reader, defaults.name_validation, &global.external_labels);
  reader.Bool("scrape_native_histograms", &defaults.scrape_native_histograms);
  reader.Bool("convert_classic_histograms_to_nhcb", &defaults.convert_classic_histograms_to_nhcb);
  reader.Bool("always_scrape_classic_histograms", &defaults.always_scrape_classic_histograms);
  reader.Bool("extra_scrape_metrics", &defaults.extra_scrape_metrics);

  // Zero means unset, as everywhere in this file format.
  if (interval != 0) global.scrape_interval_ms = interval;
  if (timeout > global.scrape_interval_ms) {
    reader.Fail("scrape_timeout", "global scrape timeout greater than scrape interval");
  }
  global.scrape_timeout_ms =
      timeout != 0 ? timeout : std::min(global.scrape_timeout_ms, global.scrape_interval_ms);
  if (evaluation_interval != 0) global.evaluation_interval_ms = evaluation_interval;
}

}  // namespace

void ReadScrapeProtocols(MapReader& reader, std::vector<ScrapeProtocol>* out) {
  constexpr std::string_view kKey = "scrape_protocols";
  const YamlNode* node = reader.Take(kKey);
  if (node == nullptr) return;
  if (node->is_sequence() && node->items.empty()) return reader.Fail(kKey, "cannot be empty");
  std::vector<std::string> names;
  reader.Strings(kKey, &names);
  for (const std::string& name : names) {
    const auto known = std::ranges::find(kProtocols, name, &EnumName<ScrapeProtocol>::first);
    if (known == std::end(kProtocols)) {
      std::string supported;
      for (const auto& [candidate, value] : kProtocols) supported += fmt::format(" {}", candidate);
      reader.Fail(kKey, fmt::format("unknown scrape protocol {}, supported:{}", base::Quote(name),
                                    supported));
    } else if (std::ranges::find(*out, known->second) != out->end()) {
      reader.Fail(kKey, fmt::format("duplicated protocol {}", name));
    } else {
      out->push_back(known->second);
    }
  }
}

void ReadFallbackProtocol(MapReader& reader, std::optional<ScrapeProtocol>* out) {
  std::string name;
  reader.String("fallback_scrape_protocol", &name);
  if (name.empty()) return;
  ScrapeProtocol protocol{};
  const size_t before = reader.context().problem_count();
  reader.Enum("fallback_scrape_protocol", kProtocols, &protocol);
  if (reader.context().problem_count() == before) *out = protocol;
}

void ReadScrapeLimits(MapReader& reader, ScrapeLimits* out) {
  reader.Size("body_size_limit", &out->body_size_limit);
  reader.Uint("sample_limit", &out->sample_limit);
  reader.Uint("target_limit", &out->target_limit);
  reader.Uint("label_limit", &out->label_limit);
  reader.Uint("label_name_length_limit", &out->label_name_length_limit);
  reader.Uint("label_value_length_limit", &out->label_value_length_limit);
  reader.Uint("keep_dropped_targets", &out->keep_dropped_targets);
}

void ReadNameValidation(MapReader& reader, std::optional<NameValidation>* out) {
  std::string text;
  reader.String("metric_name_validation_scheme", &text);
  if (text.empty()) return;
  reader.Enum("metric_name_validation_scheme", kValidations, &out->emplace());
}

void ReadNameEscaping(MapReader& reader, std::optional<NameEscaping>* out) {
  std::string text;
  reader.String("metric_name_escaping_scheme", &text);
  if (text.empty()) return;
  reader.Enum("metric_name_escaping_scheme", kEscapings, &out->emplace());
}

std::string_view ScrapeProtocolName(ScrapeProtocol protocol) {
  return NameOf(kProtocols, protocol);
}

std::string_view NameValidationText(NameValidation validation) {
  return NameOf(kValidations, validation);
}

std::string_view NameEscapingText(NameEscaping escaping) { return NameOf(kEscapings, escaping); }

GlobalSection ReadGlobal(MapReader& root, const LoadOptions& options) {
  GlobalSection section;
  section.defaults.extra_scrape_metrics = options.extra_scrape_metrics;
  // It says so only where the section is left out.
  if (!root.IsPresent("global")) section.defaults.name_escaping = NameEscaping::kAllowUtf8;
  root.Map("global", [&](MapReader& reader) { ReadSection(reader, &section); });
  ScrapeDefaults& defaults = section.defaults;
  defaults.scrape_interval_ms = section.global.scrape_interval_ms;
  defaults.scrape_timeout_ms = section.global.scrape_timeout_ms;
  defaults.scrape_failure_log_file = section.global.scrape_failure_log_file;
  if (defaults.scrape_protocols.empty() && options.proto_first) {
    defaults.scrape_protocols = {
        ScrapeProtocol::kPrometheusProto, ScrapeProtocol::kOpenMetricsText1_0_0,
        ScrapeProtocol::kOpenMetricsText0_0_1, ScrapeProtocol::kPrometheusText1_0_0,
        ScrapeProtocol::kPrometheusText0_0_4};
  }
  return section;
}

void PrintScrapeProtocols(const std::vector<ScrapeProtocol>& protocols, YamlNode* map) {
  if (protocols.empty()) return;
  YamlNode list = YamlNode::Sequence();
  for (const ScrapeProtocol protocol : protocols) {
    list.Append(YamlNode::String(std::string(ScrapeProtocolName(protocol))));
  }
  map->Set("scrape_protocols", std::move(list));
}

void PrintScrapeLimits(const ScrapeLimits& limits, YamlNode* map) {
  if (limits.body_size_limit != 0) {
    map->SetString("body_size_limit", FormatSize(limits.body_size_limit));
  }
  const auto set = [&](const char* key, uint64_t value) {
    if (value != 0) map->SetPlain(key, std::to_string(value));
  };
  set("sample_limit", limits.sample_limit);
  set("target_limit", limits.target_limit);
  set("label_limit", limits.label_limit);
  set("label_name_length_limit", limits.label_name_length_limit);
  set("label_value_length_limit", limits.label_value_length_limit);
  set("native_histogram_bucket_limit", limits.native_histogram_bucket_limit);
  if (limits.native_histogram_min_bucket_factor != 0) {
    map->SetPlain("native_histogram_min_bucket_factor",
                  base::FormatFloatG(limits.native_histogram_min_bucket_factor));
  }
  set("keep_dropped_targets", limits.keep_dropped_targets);
}

void PrintGlobal(const GlobalSection& section, YamlNode* map) {
  const GlobalConfig& global = section.global;
  const ScrapeDefaults& defaults = section.defaults;
  YamlNode out = YamlNode::Map();
  out.SetString("scrape_interval", base::FormatDurationMs(global.scrape_interval_ms));
  out.SetString("scrape_timeout", base::FormatDurationMs(global.scrape_timeout_ms));
  PrintScrapeProtocols(defaults.scrape_protocols, &out);
  out.SetString("evaluation_interval", base::FormatDurationMs(global.evaluation_interval_ms));
  if (global.rule_query_offset_ms != 0) {
    out.SetString("rule_query_offset", base::FormatDurationMs(global.rule_query_offset_ms));
  }
  out.SetUnlessEmpty("query_log_file", global.query_log_file);
  if (!global.scrape_failure_log_file.empty()) {
    out.SetString("scrape_failure_log_file", global.scrape_failure_log_file);
  }
  if (!global.external_labels.empty()) {
    YamlNode labels = YamlNode::Map();
    for (const model::Label& label : global.external_labels) {
      labels.SetString(std::string(label.name), std::string(label.value));
    }
    out.Set("external_labels", std::move(labels));
  }
  PrintScrapeLimits(defaults.limits, &out);
  out.SetString("metric_name_validation_scheme",
                std::string(NameValidationText(defaults.name_validation)));
  if (defaults.name_escaping) {
    out.SetString("metric_name_escaping_scheme",
                  std::string(NameEscapingText(*defaults.name_escaping)));
  }
  out.SetBool("scrape_native_histograms", defaults.scrape_native_histograms);
  if (defaults.convert_classic_histograms_to_nhcb) {
    out.SetBool("convert_classic_histograms_to_nhcb", true);
  }
  if (defaults.always_scrape_classic_histograms) {
    out.SetBool("always_scrape_classic_histograms", true);
  }
  out.SetBool("extra_scrape_metrics", defaults.extra_scrape_metrics);
  map->Set("global", std::move(out));
}

}  // namespace tributary::config
