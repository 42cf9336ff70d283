// MetaLabels: collects the labels of one target or group, under the prefix __meta_kubernetes_.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "discovery/kubernetes/objects.h"
#include "model/labels.h"

namespace tributary::discovery::kubernetes {

// Every rune that is no ASCII letter, digit or '_' becomes one '_'.
std::string SanitizeLabelName(std::string_view name);

// "1.2.3.4:80", "[::1]:80".
std::string JoinHostPort(std::string_view host, int64_t port);

// Of labels added twice the last one wins. Empty values are left out: for Prometheus, an empty
// label and an absent one are the same.
class MetaLabels {
 public:
  void Add(std::string_view name, std::string_view value);  // `name` without the prefix
  void AddBool(std::string_view name, bool value) { Add(name, value ? "true" : "false"); }
  void AddPlain(std::string name, std::string value) {  // without the prefix: __address__
    pairs_.emplace_back(std::move(name), std::move(value));
  }
  // <kind>_name, and AddLabelsAndAnnotations.
  void AddMeta(std::string_view kind, const Meta& meta);
  // <kind>_label_<x>, <kind>_labelpresent_<x>, and the same for annotations.
  void AddLabelsAndAnnotations(std::string_view kind, const Meta& meta);
  void AddAll(const model::Labels& labels);
  model::Labels Build();  // empties the collection

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

}  // namespace tributary::discovery::kubernetes
