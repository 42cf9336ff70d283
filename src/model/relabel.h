// Relabelling: rules that rewrite, keep or drop a label set. Semantics of Prometheus
// model/relabel/relabel.go, all actions.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/regex.h"

namespace tributary::model {

enum class RelabelAction : unsigned char {
  kReplace,
  kKeep,
  kDrop,
  kKeepEqual,
  kDropEqual,
  kHashMod,
  kLabelMap,
  kLabelDrop,
  kLabelKeep,
  kLowercase,
  kUppercase,
};

// Case-insensitive; the error lists what is allowed.
base::Result<RelabelAction> ParseRelabelAction(std::string_view text);
std::string_view RelabelActionName(RelabelAction action);  // "labelmap"

struct RelabelRule {
  std::vector<std::string> source_labels = {};
  std::string separator = ";";
  std::string regex = "(.*)";
  uint64_t modulus = 0;
  std::string target_label = {};
  std::string replacement = "$1";
  RelabelAction action = RelabelAction::kReplace;
  // metric_name_validation_scheme: legacy. Label names that are made must be legacy names.
  bool legacy_names = false;
};

// Rules checked and compiled once. Immutable, thread-safe, cheap to copy.
class Relabeler {
 public:
  Relabeler() = default;
  // Errors name the rule's field and what was expected, in Prometheus's words where it has some.
  static base::Result<Relabeler> Create(std::vector<RelabelRule> rules);

  bool empty() const { return !rules_ || rules_->empty(); }
  const std::vector<RelabelRule>& rules() const;

  // Applies the rules in order. False: the set is dropped and `labels` is unspecified.
  bool Apply(LabelsBuilder* labels) const;

  // Equal text, equal effect: used to see whether a reload changed anything.
  friend bool operator==(const Relabeler& a, const Relabeler& b);

 private:
  struct CompiledRule;
  std::shared_ptr<const std::vector<RelabelRule>> rules_;
  std::shared_ptr<const std::vector<CompiledRule>> compiled_;
};

}  // namespace tributary::model
