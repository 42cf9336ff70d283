#include "model/relabel.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "base/strings.h"
#include "model/letter_case.h"
#include "model/md5.h"

namespace tributary::model {

namespace {

constexpr std::array<std::pair<std::string_view, RelabelAction>, 11> kActions = {{
    {"replace", RelabelAction::kReplace},
    {"keep", RelabelAction::kKeep},
    {"drop", RelabelAction::kDrop},
    {"keepequal", RelabelAction::kKeepEqual},
    {"dropequal", RelabelAction::kDropEqual},
    {"hashmod", RelabelAction::kHashMod},
    {"labelmap", RelabelAction::kLabelMap},
    {"labeldrop", RelabelAction::kLabelDrop},
    {"labelkeep", RelabelAction::kLabelKeep},
    {"lowercase", RelabelAction::kLowercase},
    {"uppercase", RelabelAction::kUppercase},
}};

bool HasVariable(std::string_view text) { return text.find('$') != std::string_view::npos; }

bool IsValidName(std::string_view name, bool legacy) {
  return legacy ? IsLegacyLabelName(name) : !name.empty() && base::IsValidUtf8(name);
}

// A legacy name in which $name and ${name} may stand for any part.
bool IsLegacyTemplate(std::string_view text) {
  static const auto kTemplate = [] {
    auto regex = FastRegex::Compile(R"((?:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+)");
    return *regex;
  }();
  return kTemplate->Matches(text);
}

base::Status CheckNames(const RelabelRule& rule) {
  const std::string_view action = RelabelActionName(rule.action);
  const auto template_valid = [&](std::string_view text) {
    return rule.legacy_names ? IsLegacyTemplate(text) : IsValidName(text, false);
  };
  bool target_valid = true;
  switch (rule.action) {
    case RelabelAction::kReplace:
      target_valid = HasVariable(rule.target_label)
                         ? template_valid(rule.target_label)
                         : IsValidName(rule.target_label, rule.legacy_names);
      break;
    case RelabelAction::kLowercase:
    case RelabelAction::kUppercase:
    case RelabelAction::kKeepEqual:
    case RelabelAction::kDropEqual:
    case RelabelAction::kHashMod:
      target_valid = IsValidName(rule.target_label, rule.legacy_names);
      break;
    default:
      break;
  }
  if (!target_valid) {
    return base::InvalidArgument(base::Quote(rule.target_label) +
                                 " is invalid 'target_label' for " + std::string(action) +
                                 " action");
  }
  if (rule.action == RelabelAction::kLabelMap && !template_valid(rule.replacement)) {
    return base::InvalidArgument(base::Quote(rule.replacement) + " is invalid 'replacement' for " +
                                 std::string(action) + " action");
  }
  return base::OkStatus();
}

base::Status CheckRule(const RelabelRule& rule) {
  using enum RelabelAction;
  const RelabelRule defaults;
  const std::string action(RelabelActionName(rule.action));
  const auto is_one_of = [&](std::initializer_list<RelabelAction> actions) {
    return std::find(actions.begin(), actions.end(), rule.action) != actions.end();
  };
  if (rule.modulus == 0 && rule.action == kHashMod) {
    return base::InvalidArgument("relabel configuration for hashmod requires non-zero modulus");
  }
  if (is_one_of({kReplace, kHashMod, kLowercase, kUppercase, kKeepEqual, kDropEqual}) &&
      rule.target_label.empty()) {
    return base::InvalidArgument("relabel configuration for " + action +
                                 " action requires 'target_label' value");
  }
  RETURN_IF_ERROR(CheckNames(rule));
  if (is_one_of({kLowercase, kUppercase, kKeepEqual, kDropEqual}) &&
      rule.replacement != defaults.replacement) {
    return base::InvalidArgument("'replacement' can not be set for " + action + " action");
  }
  if (is_one_of({kDropEqual, kKeepEqual}) &&
      (rule.regex != defaults.regex || rule.modulus != 0 || rule.separator != defaults.separator)) {
    return base::InvalidArgument(
        action + " action requires only 'source_labels' and `target_label`, and no other fields");
  }
  if (is_one_of({kLabelDrop, kLabelKeep}) &&
      (!rule.source_labels.empty() || !rule.target_label.empty() || rule.modulus != 0 ||
       rule.separator != defaults.separator || rule.replacement != defaults.replacement)) {
    return base::InvalidArgument(action + " action requires only 'regex', and no other fields");
  }
  return base::OkStatus();
}

uint64_t HashMod(std::string_view value, uint64_t modulus) {
  const std::array<uint8_t, 16> digest = Md5(value);
  uint64_t hash = 0;
  for (size_t i = 8; i < 16; ++i) hash = hash << 8 | digest[i];
  return hash % modulus;
}

}  // namespace

std::string_view RelabelActionName(RelabelAction action) {
  for (const auto& [name, value] : kActions) {
    if (value == action) return name;
  }
  return "unknown";
}

base::Result<RelabelAction> ParseRelabelAction(std::string_view text) {
  std::string allowed;
  for (const auto& [name, value] : kActions) {
    if (base::EqualsIgnoreCase(text, name)) return value;
    if (!allowed.empty()) allowed.append(", ");
    allowed.append(name);
  }
  return base::InvalidArgument("unknown relabel action " + base::Quote(text) + ", must be one of " +
                               allowed);
}

struct Relabeler::CompiledRule {
  const RelabelRule* rule = nullptr;
  std::shared_ptr<const FastRegex> regex;
  bool constant_target = false;       // no $ in target_label
  bool constant_replacement = false;  // no $ in replacement

  bool Apply(LabelsBuilder* labels, std::string* scratch) const;
  void ApplyReplace(std::string_view value, LabelsBuilder* labels) const;
  void ApplyToNames(LabelsBuilder* labels) const;
  // The source labels' values joined; a view into `labels` or `scratch`.
  std::string_view SourceValue(const LabelsBuilder& labels, std::string* scratch) const;
};

base::Result<Relabeler> Relabeler::Create(std::vector<RelabelRule> rules) {
  Relabeler relabeler;
  auto shared = std::make_shared<const std::vector<RelabelRule>>(std::move(rules));
  auto compiled = std::make_shared<std::vector<CompiledRule>>();
  for (const RelabelRule& rule : *shared) {
    ASSIGN_OR_RETURN(std::shared_ptr<const FastRegex> regex, FastRegex::Compile(rule.regex));
    RETURN_IF_ERROR(CheckRule(rule));
    compiled->push_back({.rule = &rule,
                         .regex = std::move(regex),
                         .constant_target = !HasVariable(rule.target_label),
                         .constant_replacement = !HasVariable(rule.replacement)});
  }
  relabeler.rules_ = std::move(shared);
  relabeler.compiled_ = std::move(compiled);
  return relabeler;
}

const std::vector<RelabelRule>& Relabeler::rules() const {
  static const std::vector<RelabelRule> kNone;
  return rules_ ? *rules_ : kNone;
}

bool Relabeler::Apply(LabelsBuilder* labels) const {
  if (!compiled_) return true;
  std::string scratch;
  for (const CompiledRule& rule : *compiled_) {
    if (!rule.Apply(labels, &scratch)) return false;
  }
  return true;
}

std::string_view Relabeler::CompiledRule::SourceValue(const LabelsBuilder& labels,
                                                      std::string* scratch) const {
  const std::vector<std::string>& sources = rule->source_labels;
  if (sources.empty()) return {};
  if (sources.size() == 1) return labels.Get(sources[0]);
  scratch->clear();
  for (size_t i = 0; i < sources.size(); ++i) {
    if (i > 0) scratch->append(rule->separator);
    scratch->append(labels.Get(sources[i]));
  }
  return *scratch;
}

bool Relabeler::CompiledRule::Apply(LabelsBuilder* labels, std::string* scratch) const {
  switch (rule->action) {
    case RelabelAction::kReplace:
      ApplyReplace(SourceValue(*labels, scratch), labels);
      return true;
    case RelabelAction::kKeep:
      return regex->Matches(SourceValue(*labels, scratch));
    case RelabelAction::kDrop:
      return !regex->Matches(SourceValue(*labels, scratch));
    case RelabelAction::kKeepEqual:
      return labels->Get(rule->target_label) == SourceValue(*labels, scratch);
    case RelabelAction::kDropEqual:
      return labels->Get(rule->target_label) != SourceValue(*labels, scratch);
    case RelabelAction::kHashMod:
      labels->Set(rule->target_label,
                  std::to_string(HashMod(SourceValue(*labels, scratch), rule->modulus)));
      return true;
    case RelabelAction::kLowercase:
      labels->Set(rule->target_label, ToLowerUtf8(SourceValue(*labels, scratch)));
      return true;
    case RelabelAction::kUppercase:
      labels->Set(rule->target_label, ToUpperUtf8(SourceValue(*labels, scratch)));
      return true;
    case RelabelAction::kLabelMap:
    case RelabelAction::kLabelDrop:
    case RelabelAction::kLabelKeep:
      ApplyToNames(labels);
      return true;
  }
  return true;
}

void Relabeler::CompiledRule::ApplyReplace(std::string_view value, LabelsBuilder* labels) const {
  if (constant_target && constant_replacement) {
    if (regex->Matches(value)) labels->Set(rule->target_label, rule->replacement);
    return;
  }
  std::string target;
  if (!regex->Replace(value, rule->target_label, &target)) return;
  if (!constant_target && !IsValidName(target, rule->legacy_names)) return;
  std::string replacement;
  regex->Replace(value, rule->replacement, &replacement);
  labels->Set(target, replacement);
}

void Relabeler::CompiledRule::ApplyToNames(LabelsBuilder* labels) const {
  // The rule sees the labels as they were before it.
  std::vector<Label> before;
  labels->ToSpan(&before);
  std::vector<std::pair<std::string, std::string>> changes;
  for (const Label& label : before) {
    if (rule->action == RelabelAction::kLabelMap) {
      std::string name;
      if (regex->Replace(label.name, rule->replacement, &name)) {
        changes.emplace_back(std::move(name), label.value);
      }
    } else if (regex->Matches(label.name) == (rule->action == RelabelAction::kLabelDrop)) {
      changes.emplace_back(label.name, std::string());
    }
  }
  for (const auto& [name, value] : changes) labels->Set(name, value);
}

bool operator==(const Relabeler& a, const Relabeler& b) {
  const auto key = [](const RelabelRule& r) {
    return std::tie(r.source_labels, r.separator, r.regex, r.modulus, r.target_label, r.replacement,
                    r.action, r.legacy_names);
  };
  return std::equal(a.rules().begin(), a.rules().end(), b.rules().begin(), b.rules().end(),
                    [&](const RelabelRule& x, const RelabelRule& y) { return key(x) == key(y); });
}

}  // namespace tributary::model
