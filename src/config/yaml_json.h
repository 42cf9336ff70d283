// A part of a YAML document as JSON, for those who want a structure of the user's own.
#pragma once

#include <string>

#include "config/yaml_document.h"

namespace tributary::config {

// Scalars in no quotes are what they look like: null, true, a number, else text. Numbers are
// decimal.
std::string YamlToJson(const YamlNode& node);

}  // namespace tributary::config
