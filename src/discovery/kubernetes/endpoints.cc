// Role endpoints: one target for each address and port, and those of the pods behind them.
#include "discovery/kubernetes/json.h"
#include "discovery/kubernetes/roles.h"
#include "discovery/kubernetes/seen_pods.h"

namespace tributary::discovery::kubernetes {
namespace {

void ReadAddresses(const Json& json, bool ready, std::vector<EndpointAddress>* out) {
  json.Each([&](const Json& address) {
    EndpointAddress& added = out->emplace_back();
    added.ip = address["ip"].String();
    added.hostname = address["hostname"].String();
    if (const Json node = address["nodeName"]; node.present()) added.node_name = node.String();
    added.target = ReadReference(address["targetRef"]);
    added.ready = ready;
  });
}

void AddAddress(const EndpointAddress& address, ClusterView& view, const RoleOptions& options,
                MetaLabels* labels) {
  labels->AddBool("endpoint_ready", address.ready);
  if (address.target) {
    labels->Add("endpoint_address_target_kind", address.target->kind);
    labels->Add("endpoint_address_target_name", address.target->name);
  }
  if (address.node_name) labels->Add("endpoint_node_name", *address.node_name);
  labels->Add("endpoint_hostname", address.hostname);
  if (!options.attach_node) return;
  if (address.node_name) {
    AddNodeLabels(*address.node_name, view, labels);
  } else if (address.target && address.target->kind == "Node") {
    AddNodeLabels(address.target->name, view, labels);
  }
}

}  // namespace

std::shared_ptr<Object> ReadEndpoints(const Json& json) {
  auto endpoints = std::make_shared<Endpoints>();
  json["subsets"].Each([&](const Json& subset) {
    EndpointSubset& out = endpoints->subsets.emplace_back();
    ReadAddresses(subset["addresses"], true, &out.addresses);
    ReadAddresses(subset["notReadyAddresses"], false, &out.addresses);
    subset["ports"].Each([&](const Json& port) {
      out.ports.push_back(
          {port["name"].String(), port["protocol"].String(), port["port"].Int().value_or(0)});
    });
  });
  return endpoints;
}

std::optional<config::TargetGroup> BuildEndpoints(const Object& object, ClusterView& view,
                                                  const RoleOptions& options) {
  const auto& endpoints = static_cast<const Endpoints&>(object);
  config::TargetGroup group;
  MetaLabels labels;
  labels.Add("namespace", endpoints.meta.name_space);
  if (const auto* service = view.Find<Service>(endpoints.meta.Key())) {
    AddServiceLabels(*service, &labels);
  }
  labels.AddMeta("endpoints", endpoints.meta);
  AddNamespaceLabels(endpoints.meta, view, options, &labels);
  group.labels = labels.Build();

  SeenPods pods(view, options);
  for (const EndpointSubset& subset : endpoints.subsets) {
    for (const EndpointPort& port : subset.ports) {
      for (const EndpointAddress& address : subset.addresses) {
        labels.AddPlain("__address__", JoinHostPort(address.ip, port.port));
        labels.Add("endpoint_port_name", port.name);
        labels.Add("endpoint_port_protocol", port.protocol);
        AddAddress(address, view, options, &labels);
        pods.AddLabels(address.target, port.port, &port.protocol, &labels);
        group.targets.push_back(labels.Build());
      }
    }
  }
  pods.AppendUncoveredPorts(&group.targets);
  return group;
}

}  // namespace tributary::discovery::kubernetes
