// One entry of remote_write. Source of fields and defaults: Prometheus config/config.go
// RemoteWriteConfig, QueueConfig, MetadataConfig.
#pragma once

#include <map>
#include <string>

#include "config/config.h"
#include "config/yaml_reader.h"

namespace tributary::config {

// `name` stays empty when it is not set.
RemoteWriteConfig ReadRemoteWrite(MapReader& reader, NameValidation validation);
YamlNode PrintRemoteWrite(const RemoteWriteConfig& config);

// Fills empty names. Two entries that say the same are a problem, as is a name used twice.
void NameRemoteWrites(MapReader& root, std::vector<RemoteWriteConfig>* configs);

// Notes a problem for each header that a sender sets itself.
void CheckRemoteHeaders(MapReader& reader, const std::map<std::string, std::string>& headers);

}  // namespace tributary::config
