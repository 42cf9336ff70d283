#include "config/fleet_config.h"

#include <utility>

#include "config/yaml_reader.h"

namespace tributary::config {

base::Result<FleetConfig> LoadFleetConfig(base::FileSystem& fs, const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, fs.ReadFile(path));
  return ParseFleetConfig(text, path);
}

base::Result<FleetConfig> ParseFleetConfig(std::string_view text, const std::string& name) {
  ASSIGN_OR_RETURN(const YamlNode document, ParseYaml(text, name));
  ReadContext context(name, base::DirName(name));
  MapReader root(&document, "", context);
  FleetConfig config;
  root.EachMap("retention", [&](MapReader& reader) {
    RetentionRule rule;
    reader.String("match", &rule.match);
    reader.DurationMs("keep", &rule.keep_ms);
    if (rule.match.empty()) reader.FailHere("match is missing: a series selector");
    if (rule.keep_ms <= 0) reader.FailHere("keep is missing: a duration above 0");
    config.retention.push_back(std::move(rule));
  });
  root.Finish();
  RETURN_IF_ERROR(context.status());
  return config;
}

}  // namespace tributary::config
