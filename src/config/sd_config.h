// The *_sd_configs of a scrape config or an alertmanager.
// Source of fields and rules: Prometheus discovery/{file,http,dns,kubernetes}.
#pragma once

#include <vector>

#include "config/config.h"
#include "config/yaml_reader.h"

namespace tributary::config {

// Reads static_configs and every *_sd_configs of `reader`. A mechanism that we do not know how to
// read is a problem; one that nobody serves yet is noted as unserved.
void ReadSdConfigs(MapReader& reader, std::vector<SdConfig>* out);

// A static target with a '/' is a mistake (a URL) when no relabelling can put it right.
void CheckStaticTargets(MapReader& reader, const std::vector<SdConfig>& configs);

void PrintSdConfigs(const std::vector<SdConfig>& configs, YamlNode* map);

}  // namespace tributary::config
