// Role node: one target a node, its kubelet.
#include <array>

#include "base/strings.h"
#include "discovery/kubernetes/json.h"
#include "discovery/kubernetes/roles.h"

namespace tributary::discovery::kubernetes {
namespace {

// Null when the node has no address of a known type.
const std::string* PreferredAddress(const Node& node) {
  constexpr std::array<std::string_view, 6> kByPreference = {
      "InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname"};
  for (const std::string_view wanted : kByPreference) {
    for (const auto& [type, address] : node.addresses) {
      if (type == wanted) return &address;
    }
  }
  return nullptr;
}

}  // namespace

std::shared_ptr<Object> ReadNode(const Json& json) {
  auto node = std::make_shared<Node>();
  const Json status = json["status"];
  node->provider_id = json["spec"]["providerID"].String();
  status["conditions"].Each([&](const Json& condition) {
    node->conditions.emplace_back(base::ToLower(condition["type"].Text()),
                                  base::ToLower(condition["status"].Text()));
  });
  status["addresses"].Each([&](const Json& address) {
    node->addresses.emplace_back(address["type"].Text(), address["address"].Text());
  });
  node->kubelet_port = status["daemonEndpoints"]["kubeletEndpoint"]["Port"].Int().value_or(0);
  return node;
}

void AddNodeLabels(std::string_view node_name, ClusterView& view, MetaLabels* labels) {
  const auto* node = view.Find<Node>(node_name);
  if (node != nullptr) labels->AddMeta("node", node->meta);
}

std::optional<config::TargetGroup> BuildNode(const Object& object, ClusterView&,
                                             const RoleOptions&) {
  const auto& node = static_cast<const Node&>(object);
  const std::string* address = PreferredAddress(node);
  if (address == nullptr) return std::nullopt;
  config::TargetGroup group;
  MetaLabels labels;
  labels.Add("node_provider_id", node.provider_id);
  for (const auto& [type, status] : node.conditions) {
    labels.Add("node_condition_" + SanitizeLabelName(type), status);
  }
  labels.AddMeta("node", node.meta);
  group.labels = labels.Build();

  labels.AddPlain("__address__", JoinHostPort(*address, node.kubelet_port));
  labels.AddPlain("instance", node.meta.name);
  for (auto it = node.addresses.rbegin(); it != node.addresses.rend(); ++it) {
    labels.Add("node_address_" + SanitizeLabelName(it->first), it->second);  // the first one wins
  }
  group.targets.push_back(labels.Build());
  return group;
}

}  // namespace tributary::discovery::kubernetes
