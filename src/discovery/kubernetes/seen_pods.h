// SeenPods: the pods behind one Endpoints or EndpointSlice. Adds the pod's labels to targets, and
// in the end makes a target of each container port that no endpoint port covered.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/string_map.h"
#include "discovery/kubernetes/roles.h"

namespace tributary::discovery::kubernetes {

class SeenPods {
 public:
  SeenPods(ClusterView& view, const RoleOptions& options) : view_(view), options_(options) {}

  // Adds the labels of the pod that `target` names, if it does and the pod is known, and those of
  // its container at `port`. `protocol`, where given, is told instead of the container port's.
  void AddLabels(const std::optional<ObjectReference>& target, std::optional<int64_t> port,
                 const std::string* protocol, MetaLabels* labels);

  void AppendUncoveredPorts(std::vector<model::Labels>* targets) const;

 private:
  struct Seen {
    const Pod* pod = nullptr;
    std::vector<int64_t> ports;  // covered by endpoints
  };
  ClusterView& view_;
  const RoleOptions& options_;
  std::vector<Seen> seen_;
  base::StringMap<size_t> index_;  // of the pod's key in seen_
};

}  // namespace tributary::discovery::kubernetes
