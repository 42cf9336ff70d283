// The checked configuration as YAML: defaults filled in, what is inherited spelt out, secrets as
// <secret>, in Prometheus's order of fields.
#pragma once

#include <string>

#include "config/config.h"
#include "config/global_config.h"
#include "config/yaml_document.h"

namespace tributary::config {

// `main_jobs` is how many of config.scrape_configs stand in the main file: only those are printed.
// Sections that are not served are repeated from `document`, the file as read.
std::string PrintConfig(const Config& config, const GlobalSection& global, size_t main_jobs,
                        const YamlNode& document);

// One entry of scrape_configs, likewise.
std::string PrintScrapePool(const ScrapeConfig& config);

}  // namespace tributary::config
