// The checked configuration as YAML: defaults filled in, what is inherited spelt out, secrets as
// <secret>, in Prometheus's order of fields.
#pragma once

#include <string>

#include "config/config.h"
#include "config/global_config.h"
#include "config/other_sections.h"

namespace tributary::config {

// `main_jobs` is how many of config.scrape_configs stand in the main file: only those are printed.
std::string PrintConfig(const Config& config, const GlobalSection& global, size_t main_jobs,
                        OtherSections others);

// One entry of scrape_configs, likewise.
std::string PrintScrapePool(const ScrapeConfig& config);

}  // namespace tributary::config
