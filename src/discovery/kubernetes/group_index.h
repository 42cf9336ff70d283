// GroupIndex: which target groups a change of the cluster touches, and what they are now.
// Not thread-safe: lives on the discoverer's one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/string_map.h"
#include "config/config.h"
#include "discovery/kubernetes/cluster.h"
#include "discovery/kubernetes/roles.h"

namespace tributary::discovery::kubernetes {

class GroupIndex {
 public:
  // `role` and `cluster` outlive this.
  GroupIndex(const Role& role, const RoleOptions& options, Cluster& cluster)
      : role_(role), options_(options), cluster_(cluster) {}

  // The object of that kind and key came, changed or went. Prometheus follows fewer kinds of
  // changes (a pod that appears after its endpoints stays unnoticed until they change); following
  // them all ends in the same groups, sooner.
  void Changed(Kind kind, const std::string& key);
  bool dirty() const { return !dirty_.empty(); }
  // Builds what changed since the last call; returns the groups that differ from what was returned
  // before. A group that is gone is returned without targets.
  std::vector<config::TargetGroup> TakeChanges();

 private:
  void Depend(const std::string& key, const ClusterView& view);
  void Forget(const std::string& key);

  const Role& role_;
  const RoleOptions options_;
  Cluster& cluster_;
  base::StringSet dirty_;                                   // keys of the role's kind
  base::StringMap<base::StringSet> dependents_;             // by what they depend on
  base::StringMap<std::vector<std::string>> dependencies_;  // the other way round
  base::StringMap<uint64_t> published_;                     // hash of the group, by key
};

}  // namespace tributary::discovery::kubernetes
