// Lists of relabelling rules. Source of fields: Prometheus model/relabel/relabel.go.
#pragma once

#include <string_view>

#include "config/config.h"
#include "config/yaml_reader.h"

namespace tributary::config {

// Reads the list under `key`; a rule that cannot be compiled is a problem at its line.
void ReadRelabeler(MapReader& reader, std::string_view key, NameValidation validation,
                   model::Relabeler* out);

// Adds the list under `key` with each rule's defaults, unless it is empty.
void PrintRelabeler(const model::Relabeler& relabeler, std::string_view key, YamlNode* map);

}  // namespace tributary::config
