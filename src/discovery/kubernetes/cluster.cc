#include "discovery/kubernetes/cluster.h"

namespace tributary::discovery::kubernetes {

const Object* Cluster::Find(Kind kind, std::string_view key) const {
  const Store& store = StoreOf(kind);
  const auto found = store.find(key);
  return found == store.end() ? nullptr : found->second.get();
}

void Cluster::Release(Kind kind, std::string_view key) {
  Store& store = StoreOf(kind);
  if (const auto found = store.find(key); found != store.end()) found->second.reset();
}

bool Cluster::Put(Kind kind, const std::string& key, ObjectPtr object) {
  const auto [at, is_new] = StoreOf(kind).insert_or_assign(key, std::move(object));
  return !is_new;
}

bool Cluster::Remove(Kind kind, std::string_view key) {
  Store& store = StoreOf(kind);
  const auto found = store.find(key);
  if (found == store.end()) return false;
  store.erase(found);
  return true;
}

std::vector<std::string> Cluster::Keys(Kind kind, std::string_view name_space) const {
  std::vector<std::string> keys;
  const std::string prefix = NamespacedName(name_space, "");
  for (const auto& [key, object] : StoreOf(kind)) {
    if (name_space.empty() || key.starts_with(prefix)) keys.push_back(key);
  }
  return keys;
}

}  // namespace tributary::discovery::kubernetes
