#include "config/relabel_config.h"

#include <string>

#include <fmt/format.h>

#include "base/strings.h"

namespace tributary::config {
namespace {

constexpr EnumName<model::RelabelAction> kActions[] = {
    {"replace", model::RelabelAction::kReplace},
    {"keep", model::RelabelAction::kKeep},
    {"drop", model::RelabelAction::kDrop},
    {"keepequal", model::RelabelAction::kKeepEqual},
    {"dropequal", model::RelabelAction::kDropEqual},
    {"hashmod", model::RelabelAction::kHashMod},
    {"labelmap", model::RelabelAction::kLabelMap},
    {"labeldrop", model::RelabelAction::kLabelDrop},
    {"labelkeep", model::RelabelAction::kLabelKeep},
    {"lowercase", model::RelabelAction::kLowercase},
    {"uppercase", model::RelabelAction::kUppercase},
};

std::string_view ActionName(model::RelabelAction action) {
  for (const auto& [name, value] : kActions) {
    if (value == action) return name;
  }
  return {};
}

bool WritesTarget(model::RelabelAction action) {
  switch (action) {
    case model::RelabelAction::kReplace:
    case model::RelabelAction::kKeepEqual:
    case model::RelabelAction::kDropEqual:
    case model::RelabelAction::kHashMod:
    case model::RelabelAction::kLowercase:
    case model::RelabelAction::kUppercase:
      return true;
    default:
      return false;
  }
}

model::RelabelRule ReadRule(MapReader& reader, NameValidation validation) {
  model::RelabelRule rule;
  reader.Strings("source_labels", &rule.source_labels);
  reader.String("separator", &rule.separator);
  if (reader.IsPresent("regex")) rule.regex.clear();  // an explicit null is the empty regexp
  reader.String("regex", &rule.regex);
  reader.Uint("modulus", &rule.modulus);
  reader.String("target_label", &rule.target_label);
  reader.String("replacement", &rule.replacement);
  std::string action;
  reader.String("action", &action);
  if (!action.empty()) {
    if (const auto parsed = model::ParseRelabelAction(action)) {
      rule.action = *parsed;
    } else {
      reader.Fail("action", parsed.error().message());
    }
  }
  if (validation == NameValidation::kLegacy && WritesTarget(rule.action) &&
      rule.target_label.find('$') == std::string::npos && !rule.target_label.empty() &&
      !model::IsLegacyLabelName(rule.target_label)) {
    reader.Fail("target_label", fmt::format("{} is not a valid label name under the legacy "
                                            "name validation scheme",
                                            base::Quote(rule.target_label)));
  }
  return rule;
}

}  // namespace

void ReadRelabeler(MapReader& reader, std::string_view key, NameValidation validation,
                   model::Relabeler* out) {
  ReadContext& context = reader.context();
  const size_t problems_before = context.problem_count();
  std::vector<model::RelabelRule> rules;
  std::vector<std::pair<int, std::string>> places;  // line and path of each rule
  reader.EachMap(key, [&](MapReader& child) {
    rules.push_back(ReadRule(child, validation));
    places.emplace_back(child.line(), child.path());
  });
  if (rules.empty() || context.problem_count() != problems_before) return;
  if (auto relabeler = model::Relabeler::Create(rules)) {
    *out = std::move(*relabeler);
    return;
  }
  for (size_t i = 0; i < rules.size(); ++i) {
    if (const auto alone = model::Relabeler::Create({rules[i]}); !alone) {
      context.Fail(places[i].first,
                   fmt::format("{}: {}", places[i].second, alone.error().message()));
    }
  }
}

void PrintRelabeler(const model::Relabeler& relabeler, std::string_view key, YamlNode* map) {
  if (relabeler.empty()) return;
  YamlNode list = YamlNode::Sequence();
  for (const model::RelabelRule& rule : relabeler.rules()) {
    YamlNode out = YamlNode::Map();
    out.SetInline("source_labels", rule.source_labels);
    out.SetString("separator", rule.separator);
    if (rule.regex != model::RelabelRule().regex) out.SetString("regex", rule.regex);
    if (rule.modulus != 0) out.SetPlain("modulus", std::to_string(rule.modulus));
    out.SetUnlessEmpty("target_label", rule.target_label);
    out.SetString("replacement", rule.replacement);
    out.SetString("action", std::string(ActionName(rule.action)));
    list.Append(std::move(out));
  }
  map->Set(std::string(key), std::move(list));
}

}  // namespace tributary::config
