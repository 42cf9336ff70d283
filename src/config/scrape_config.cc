#include "config/scrape_config.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/strings.h"
#include "config/http_client_config.h"
#include "config/relabel_config.h"
#include "config/sd_config.h"

namespace tributary::config {
namespace {

void ReadIntervals(MapReader& reader, const ScrapeDefaults& defaults, ScrapeConfig* config) {
  int64_t interval = 0;
  int64_t timeout = 0;
  reader.DurationMs("scrape_interval", &interval);
  reader.DurationMs("scrape_timeout", &timeout);
  config->scrape_interval_ms = interval != 0 ? interval : defaults.scrape_interval_ms;
  if (timeout > config->scrape_interval_ms) {
    reader.Fail("scrape_timeout",
                fmt::format("scrape timeout greater than scrape interval for scrape config with "
                            "job name {}",
                            base::Quote(config->job_name)));
  }
  config->scrape_timeout_ms =
      timeout != 0 ? timeout : std::min(defaults.scrape_timeout_ms, config->scrape_interval_ms);
}

void ReadLimits(MapReader& reader, const ScrapeDefaults& defaults, ScrapeLimits* out) {
  ReadScrapeLimits(reader, out);
  reader.Uint("native_histogram_bucket_limit", &out->native_histogram_bucket_limit);
  reader.Double("native_histogram_min_bucket_factor", &out->native_histogram_min_bucket_factor);
  const auto inherit = [&](uint64_t ScrapeLimits::* limit) {
    if (out->*limit == 0) out->*limit = defaults.limits.*limit;
  };
  inherit(&ScrapeLimits::body_size_limit);
  inherit(&ScrapeLimits::sample_limit);
  inherit(&ScrapeLimits::target_limit);
  inherit(&ScrapeLimits::label_limit);
  inherit(&ScrapeLimits::label_name_length_limit);
  inherit(&ScrapeLimits::label_value_length_limit);
  inherit(&ScrapeLimits::keep_dropped_targets);
}

bool ReadInherited(MapReader& reader, std::string_view key, bool inherited) {
  std::optional<bool> own;
  reader.Bool(key, &own);
  return own.value_or(inherited);
}

void ReadProtocols(MapReader& reader, const ScrapeDefaults& defaults, ScrapeConfig* config) {
  ReadScrapeProtocols(reader, &config->scrape_protocols);
  ReadFallbackProtocol(reader, &config->fallback_scrape_protocol);
  if (!config->scrape_protocols.empty()) return;
  if (!defaults.scrape_protocols.empty()) {
    config->scrape_protocols = defaults.scrape_protocols;
    return;
  }
  if (config->scrape_native_histograms) {
    config->scrape_protocols.push_back(ScrapeProtocol::kPrometheusProto);
  }
  for (const ScrapeProtocol protocol :
       {ScrapeProtocol::kOpenMetricsText1_0_0, ScrapeProtocol::kOpenMetricsText0_0_1,
        ScrapeProtocol::kPrometheusText1_0_0, ScrapeProtocol::kPrometheusText0_0_4}) {
    config->scrape_protocols.push_back(protocol);
  }
}

// A job that only asks for legacy names must not inherit a global wish for UTF-8 ones.
void ReadNameSchemes(MapReader& reader, const ScrapeDefaults& defaults, ScrapeConfig* config) {
  std::optional<NameValidation> validation;
  std::optional<NameEscaping> escaping;
  ReadNameValidation(reader, &validation);
  ReadNameEscaping(reader, &escaping);
  config->name_validation = validation.value_or(defaults.name_validation);
  const NameEscaping natural = config->name_validation == NameValidation::kLegacy
                                   ? NameEscaping::kUnderscores
                                   : NameEscaping::kAllowUtf8;
  if (escaping) {
    config->name_escaping = *escaping;
  } else {
    config->name_escaping = validation ? natural : defaults.name_escaping.value_or(natural);
  }
  if (config->name_escaping == NameEscaping::kAllowUtf8 &&
      config->name_validation != NameValidation::kUtf8) {
    reader.FailHere("utf8 metric names requested but validation scheme is not set to UTF8");
  }
}

void ReadParams(MapReader& reader, ScrapeConfig* config) {
  reader.Map("params", [&](MapReader& params) {
    for (const YamlEntry& entry : params.node()->entries) {
      params.Strings(entry.key, &config->params[entry.key]);
    }
  });
}

}  // namespace

ScrapeConfig ReadScrapeConfig(MapReader& reader, const ScrapeDefaults& defaults) {
  ScrapeConfig config;
  config.http = DefaultHttpClient();
  reader.String("job_name", &config.job_name);
  if (config.job_name.empty()) reader.FailHere("job_name is empty");
  ReadIntervals(reader, defaults, &config);
  reader.Bool("honor_labels", &config.honor_labels);
  reader.Bool("honor_timestamps", &config.honor_timestamps);
  reader.Bool("track_timestamps_staleness", &config.track_timestamps_staleness);
  reader.Bool("enable_compression", &config.enable_compression);
  ReadParams(reader, &config);
  reader.String("metrics_path", &config.metrics_path);
  reader.String("scheme", &config.scheme);
  reader.Path("scrape_failure_log_file", &config.scrape_failure_log_file);
  if (config.scrape_failure_log_file.empty()) {
    config.scrape_failure_log_file = defaults.scrape_failure_log_file;
  }
  ReadLimits(reader, defaults, &config.limits);
  config.scrape_native_histograms =
      ReadInherited(reader, "scrape_native_histograms", defaults.scrape_native_histograms);
  config.convert_classic_histograms_to_nhcb = ReadInherited(
      reader, "convert_classic_histograms_to_nhcb", defaults.convert_classic_histograms_to_nhcb);
  config.always_scrape_classic_histograms = ReadInherited(
      reader, "always_scrape_classic_histograms", defaults.always_scrape_classic_histograms);
  config.extra_scrape_metrics =
      ReadInherited(reader, "extra_scrape_metrics", defaults.extra_scrape_metrics);
  ReadProtocols(reader, defaults, &config);
  ReadNameSchemes(reader, defaults, &config);
  ReadHttpClient(reader, &config.http);
  ReadSdConfigs(reader, &config.sd_configs);
  ReadRelabeler(reader, "relabel_configs", config.name_validation, &config.relabel_configs);
  ReadRelabeler(reader, "metric_relabel_configs", config.name_validation,
                &config.metric_relabel_configs);
  if (const YamlNode* rules = reader.Take("relabel_configs"); rules == nullptr || rules->empty()) {
    CheckStaticTargets(reader, config.sd_configs);
  }
  return config;
}

YamlNode PrintScrapeConfig(const ScrapeConfig& config) {
  YamlNode out = YamlNode::Map();
  out.SetString("job_name", config.job_name);
  out.SetIfTrue("honor_labels", config.honor_labels);
  out.SetBool("honor_timestamps", config.honor_timestamps);
  out.SetBool("track_timestamps_staleness", config.track_timestamps_staleness);
  if (!config.params.empty()) {
    YamlNode params = YamlNode::Map();
    for (const auto& [name, values] : config.params) {
      YamlNode list = YamlNode::Sequence();
      for (const std::string& value : values) list.Append(YamlNode::String(value));
      params.Set(name, std::move(list));
    }
    out.Set("params", std::move(params));
  }
  out.SetString("scrape_interval", base::FormatDurationMs(config.scrape_interval_ms));
  out.SetString("scrape_timeout", base::FormatDurationMs(config.scrape_timeout_ms));
  PrintScrapeProtocols(config.scrape_protocols, &out);
  if (config.fallback_scrape_protocol) {
    out.SetString("fallback_scrape_protocol",
                  std::string(ScrapeProtocolName(*config.fallback_scrape_protocol)));
  }
  out.SetBool("scrape_native_histograms", config.scrape_native_histograms);
  out.SetBool("always_scrape_classic_histograms", config.always_scrape_classic_histograms);
  out.SetBool("convert_classic_histograms_to_nhcb", config.convert_classic_histograms_to_nhcb);
  if (!config.scrape_failure_log_file.empty()) {
    out.SetString("scrape_failure_log_file", config.scrape_failure_log_file);
  }
  out.SetUnlessEmpty("metrics_path", config.metrics_path);
  out.SetUnlessEmpty("scheme", config.scheme);
  out.SetBool("enable_compression", config.enable_compression);
  PrintScrapeLimits(config.limits, &out);
  out.SetString("metric_name_validation_scheme",
                std::string(NameValidationText(config.name_validation)));
  out.SetString("metric_name_escaping_scheme", std::string(NameEscapingText(config.name_escaping)));
  out.SetBool("extra_scrape_metrics", config.extra_scrape_metrics);
  PrintHttpClient(config.http, &out);
  PrintRelabeler(config.relabel_configs, "relabel_configs", &out);
  PrintRelabeler(config.metric_relabel_configs, "metric_relabel_configs", &out);
  PrintSdConfigs(config.sd_configs, &out);
  return out;
}

}  // namespace tributary::config
