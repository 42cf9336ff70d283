#include "config/target_group.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "config/yaml_targets.h"

namespace tributary::config {

TargetGroup ReadTargetGroup(MapReader& reader) {
  TargetGroup group;
  std::vector<std::string> targets;
  reader.Strings("targets", &targets);
  group.targets.reserve(targets.size());
  for (const std::string& target : targets) {
    group.targets.push_back(model::Labels::Of({{"__address__", target}}));
  }
  std::map<std::string, std::string> labels;
  reader.StringMap("labels", &labels);
  std::vector<std::pair<std::string, std::string>> pairs;
  for (auto& [name, value] : labels) {
    if (name.empty()) reader.Fail("labels", "a label name must not be empty");
    pairs.emplace_back(name, std::move(value));
  }
  group.labels = model::Labels::FromPairs(std::move(pairs));
  return group;
}

base::Result<std::vector<TargetGroup>> ParseTargetGroups(std::string_view text,
                                                         std::string_view name) {
  ASSIGN_OR_RETURN(const YamlNode root, ParseYaml(text, name));
  std::vector<TargetGroup> groups;
  if (root.is_null()) return groups;
  ReadContext context(std::string(name), ".");
  if (!root.is_sequence()) {
    return base::InvalidArgument(fmt::format("{}:{}: expected a list of target groups, got {}",
                                             name, root.line, DescribeYaml(root)));
  }
  groups.reserve(root.items.size());
  for (size_t i = 0; i < root.items.size(); ++i) {
    if (root.items[i].is_null()) {
      context.Fail(root.items[i].line, fmt::format("[{}]: empty or null target group", i));
      continue;
    }
    MapReader reader(&root.items[i], fmt::format("[{}]", i), context);
    groups.push_back(ReadTargetGroup(reader));
    reader.Finish();
  }
  RETURN_IF_ERROR(context.status());
  return groups;
}

}  // namespace tributary::config
