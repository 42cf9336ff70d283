// The fleet file (--fleet.config.file): settings that Prometheus does not know, so that the
// configuration file stays one that Prometheus loads.
//
//   retention:                       # the first rule that selects a series counts;
//     - match: '{cluster="lab"}'     # a series that none selects has the retention of the store
//       keep: 3d
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/result.h"

namespace tributary::config {

struct RetentionRule {
  std::string match;  // a series selector, not parsed here
  int64_t keep_ms = 0;
};

struct FleetConfig {
  std::vector<RetentionRule> retention;
};

// Strict, as LoadConfig(): errors name file and line.
base::Result<FleetConfig> LoadFleetConfig(base::FileSystem& fs, const std::string& path);
// `name` stands in errors.
base::Result<FleetConfig> ParseFleetConfig(std::string_view text, const std::string& name);

}  // namespace tributary::config
