// One {targets, labels} map, of static_configs or a target file.
#pragma once

#include "config/config.h"
#include "config/yaml_reader.h"

namespace tributary::config {

TargetGroup ReadTargetGroup(MapReader& reader);

}  // namespace tributary::config
