// Cluster: the objects seen so far, by kind and key. What reflectors fill and roles read.
// Not thread-safe: lives on the discoverer's one thread.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/string_map.h"
#include "discovery/kubernetes/objects.h"

namespace tributary::discovery::kubernetes {

class Cluster {
 public:
  // Null when absent or released. Lives until the object changes.
  const Object* Find(Kind kind, std::string_view key) const;
  // Nobody will look at the object again, as it is now; its key stays.
  void Release(Kind kind, std::string_view key);
  // True when there was one before.
  bool Put(Kind kind, const std::string& key, ObjectPtr object);
  bool Remove(Kind kind, std::string_view key);
  // Keys of a namespace, or of all namespaces when it is "".
  std::vector<std::string> Keys(Kind kind, std::string_view name_space) const;

 private:
  using Store = base::StringMap<ObjectPtr>;
  Store& StoreOf(Kind kind) { return stores_[static_cast<size_t>(kind)]; }
  const Store& StoreOf(Kind kind) const { return stores_[static_cast<size_t>(kind)]; }
  std::array<Store, kKindCount> stores_;
};

// A look at the cluster that remembers what was asked for, found or not: a group has to be built
// again when any of that changes.
class ClusterView {
 public:
  explicit ClusterView(const Cluster& cluster) : cluster_(cluster) {}

  template <class T>
  const T* Find(std::string_view key) {
    asked_.emplace_back(T::kKind, key);
    return static_cast<const T*>(cluster_.Find(T::kKind, key));
  }
  const std::vector<std::pair<Kind, std::string>>& asked() const { return asked_; }

 private:
  const Cluster& cluster_;
  std::vector<std::pair<Kind, std::string>> asked_;
};

}  // namespace tributary::discovery::kubernetes
