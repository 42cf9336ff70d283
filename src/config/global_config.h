// The `global` section, with what only scrape configs inherit from it.
// Source of fields and defaults: Prometheus config/config.go GlobalConfig.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/yaml_reader.h"

namespace tributary::config {

// What a scrape config starts from.
struct ScrapeDefaults {
  int64_t scrape_interval_ms = 60'000;
  int64_t scrape_timeout_ms = 10'000;
  std::vector<ScrapeProtocol> scrape_protocols;  // empty: not set
  ScrapeLimits limits;
  std::string scrape_failure_log_file;
  bool scrape_native_histograms = false;
  bool convert_classic_histograms_to_nhcb = false;
  bool always_scrape_classic_histograms = false;
  bool extra_scrape_metrics = false;
  NameValidation name_validation = NameValidation::kUtf8;
  std::optional<NameEscaping> name_escaping;
};

struct GlobalSection {
  GlobalConfig global;
  ScrapeDefaults defaults;
};

GlobalSection ReadGlobal(MapReader& root, const LoadOptions& options);
void PrintGlobal(const GlobalSection& section, YamlNode* map);

// Shared with scrape_config.cc.
void ReadScrapeProtocols(MapReader& reader, std::vector<ScrapeProtocol>* out);
void ReadFallbackProtocol(MapReader& reader, std::optional<ScrapeProtocol>* out);
void ReadScrapeLimits(MapReader& reader, ScrapeLimits* out);
void ReadNameValidation(MapReader& reader, std::optional<NameValidation>* out);
void ReadNameEscaping(MapReader& reader, std::optional<NameEscaping>* out);
std::string_view ScrapeProtocolName(ScrapeProtocol protocol);
std::string_view NameValidationText(NameValidation validation);
std::string_view NameEscapingText(NameEscaping escaping);
void PrintScrapeProtocols(const std::vector<ScrapeProtocol>& protocols, YamlNode* map);
void PrintScrapeLimits(const ScrapeLimits& limits, YamlNode* map);

// `$VAR` and `${VAR}` become the environment's value ("" when not set), `$$` a dollar sign; as Go's
// os.Expand.
std::string ExpandEnvironment(std::string_view text);

}  // namespace tributary::config
