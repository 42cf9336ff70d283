#include "discovery/kubernetes/seen_pods.h"

#include <algorithm>

namespace tributary::discovery::kubernetes {

void SeenPods::AddLabels(const std::optional<ObjectReference>& target, std::optional<int64_t> port,
                         const std::string* protocol, MetaLabels* labels) {
  if (!target || target->kind != "Pod") return;
  const std::string key = NamespacedName(target->name_space, target->name);
  const auto [at, is_new] = index_.try_emplace(key, seen_.size());
  if (is_new) seen_.push_back({view_.Find<Pod>(key), {}});
  Seen& seen = seen_[at->second];
  if (seen.pod == nullptr) return;

  AddPodLabels(*seen.pod, view_, options_, labels);
  if (!port) return;
  seen.ports.push_back(*port);
  for (const Container& container : seen.pod->containers) {
    const auto found = std::ranges::find(container.ports, *port, &ContainerPort::port);
    if (found == container.ports.end()) continue;
    AddContainerLabels(container, *found, labels);
    if (protocol != nullptr) labels->Add("pod_container_port_protocol", *protocol);
  }
}

void SeenPods::AppendUncoveredPorts(std::vector<model::Labels>* targets) const {
  for (const Seen& seen : seen_) {
    if (seen.pod == nullptr || seen.pod->ip.empty()) continue;
    for (const Container& container : seen.pod->containers) {
      for (const ContainerPort& port : container.ports) {
        if (std::ranges::find(seen.ports, port.port) != seen.ports.end()) continue;
        MetaLabels labels;
        labels.AddPlain("__address__", JoinHostPort(seen.pod->ip, port.port));
        AddContainerLabels(container, port, &labels);
        AddPodLabels(*seen.pod, view_, options_, &labels);
        targets->push_back(labels.Build());
      }
    }
  }
}

}  // namespace tributary::discovery::kubernetes
