// Lists of target groups as files and HTTP endpoints deliver them: [{targets: […], labels: {…}}],
// in YAML or JSON. Source of the format: Prometheus discovery/targetgroup.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace tributary::config {

// Strict: an unknown field or a wrong type is an error "name:line: …". Sources are left empty.
base::Result<std::vector<TargetGroup>> ParseTargetGroups(std::string_view text,
                                                         std::string_view name);

}  // namespace tributary::config
