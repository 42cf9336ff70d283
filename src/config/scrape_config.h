// One entry of scrape_configs. Source of fields and defaults: Prometheus config/config.go
// ScrapeConfig.
#pragma once

#include "config/config.h"
#include "config/global_config.h"
#include "config/yaml_reader.h"

namespace tributary::config {

ScrapeConfig ReadScrapeConfig(MapReader& reader, const ScrapeDefaults& defaults);
YamlNode PrintScrapeConfig(const ScrapeConfig& config);

}  // namespace tributary::config
