#include "discovery/kubernetes/cluster.h"

namespace tributary::discovery::kubernetes {

const Object* Cluster::Find(Kind kind, std::string_view key) const {
  const Store& store = StoreOf(kind);
  const auto found = store.find(key);
  return found == store.end() ? nullptr : found->second.get();
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
  for (const auto& [key, object] : StoreOf(kind)) {
    if (name_space.empty() || object->meta.name_space == name_space) keys.push_back(key);
  }
  return keys;
}

}  // namespace tributary::discovery::kubernetes
