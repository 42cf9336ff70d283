#include "discovery/kubernetes/group_index.h"

#include <utility>

#include "base/hash.h"

namespace tributary::discovery::kubernetes {
namespace {

std::string DependencyName(Kind kind, std::string_view key) {
  std::string name(1, static_cast<char>('a' + static_cast<int>(kind)));
  name += key;
  return name;
}

uint64_t HashGroup(const config::TargetGroup& group) {
  uint64_t hash = base::Hash64(group.labels.packed(), group.targets.size());
  for (const model::Labels& target : group.targets) hash = base::Hash64(target.packed(), hash);
  return hash;
}

}  // namespace

void GroupIndex::Changed(Kind kind, const std::string& key) {
  if (kind == role_.kind) dirty_.insert(key);
  const auto found = dependents_.find(DependencyName(kind, key));
  if (found == dependents_.end()) return;
  dirty_.insert(found->second.begin(), found->second.end());
}

std::vector<config::TargetGroup> GroupIndex::TakeChanges() {
  std::vector<config::TargetGroup> changes;
  const base::StringSet dirty = std::exchange(dirty_, {});
  for (const std::string& key : dirty) {
    Forget(key);
    config::TargetGroup group;
    if (const Object* object = cluster_.Find(role_.kind, key)) {
      ClusterView view(cluster_);
      auto built = role_.build(*object, view, options_);
      Depend(key, view);
      // What depends on nothing is built again only when it comes anew: a pod weighs as much as its
      // targets.
      if (view.asked().empty()) cluster_.Release(role_.kind, key);
      if (!built) continue;
      group = std::move(*built);
    }
    if (group.targets.empty()) {
      if (published_.erase(key) == 0) continue;
      group.labels = {};
    } else {
      const auto [at, is_new] = published_.try_emplace(key, 0);
      const uint64_t hash = HashGroup(group);
      if (!is_new && std::exchange(at->second, hash) == hash) continue;
      at->second = hash;
    }
    group.source = NamespacedName(role_.source_prefix, key);
    changes.push_back(std::move(group));
  }
  return changes;
}

void GroupIndex::Depend(const std::string& key, const ClusterView& view) {
  if (view.asked().empty()) return;
  std::vector<std::string>& names = dependencies_[key];
  for (const auto& [kind, other] : view.asked()) {
    std::string name = DependencyName(kind, other);
    if (dependents_[name].insert(key).second) names.push_back(std::move(name));
  }
}

void GroupIndex::Forget(const std::string& key) {
  const auto found = dependencies_.find(key);
  if (found == dependencies_.end()) return;
  for (const std::string& name : found->second) {
    const auto dependents = dependents_.find(name);
    dependents->second.erase(key);
    if (dependents->second.empty()) dependents_.erase(dependents);
  }
  dependencies_.erase(found);
}

}  // namespace tributary::discovery::kubernetes
