// Role endpointslice: one target for each endpoint address and port, and those of the pods behind.
#include "discovery/kubernetes/json.h"
#include "discovery/kubernetes/roles.h"
#include "discovery/kubernetes/seen_pods.h"

namespace tributary::discovery::kubernetes {
namespace {

constexpr std::string_view kServiceName = "kubernetes.io/service-name";

// The slice of a dual-stack service's second address family repeats the first one's endpoints.
bool RepeatsAnotherFamily(const Service* service, const EndpointSlice& slice) {
  if (service == nullptr || service->first_ip_family.empty()) return false;
  const std::string& policy = service->ip_family_policy;
  if (policy != "PreferDualStack" && policy != "RequireDualStack") return false;
  return slice.address_type != service->first_ip_family;
}

void AddPort(const SlicePort& port, MetaLabels* labels) {
  labels->Add("endpointslice_port_name", port.name);
  labels->Add("endpointslice_port_protocol", port.protocol);
  if (port.port) labels->Add("endpointslice_port", std::to_string(*port.port));
  labels->Add("endpointslice_port_app_protocol", port.app_protocol);
}

void AddEndpoint(const SliceEndpoint& endpoint, ClusterView& view, const RoleOptions& options,
                 MetaLabels* labels) {
  const auto add_condition = [&](const char* name, std::optional<bool> value) {
    if (value) labels->AddBool(name, *value);
  };
  add_condition("endpointslice_endpoint_conditions_ready", endpoint.ready);
  add_condition("endpointslice_endpoint_conditions_serving", endpoint.serving);
  add_condition("endpointslice_endpoint_conditions_terminating", endpoint.terminating);
  labels->Add("endpointslice_endpoint_hostname", endpoint.hostname);
  if (endpoint.target) {
    labels->Add("endpointslice_address_target_kind", endpoint.target->kind);
    labels->Add("endpointslice_address_target_name", endpoint.target->name);
  }
  if (endpoint.node_name) labels->Add("endpointslice_endpoint_node_name", *endpoint.node_name);
  labels->Add("endpointslice_endpoint_zone", endpoint.zone);
  for (const auto& [key, value] : endpoint.topology) {
    const std::string name = SanitizeLabelName(key);
    labels->Add("endpointslice_endpoint_topology_" + name, value);
    labels->Add("endpointslice_endpoint_topology_present_" + name, "true");
  }
  if (!options.attach_node) return;
  if (endpoint.target && endpoint.target->kind == "Node") {
    AddNodeLabels(endpoint.target->name, view, labels);
  } else if (endpoint.node_name) {
    AddNodeLabels(*endpoint.node_name, view, labels);
  }
}

}  // namespace

std::shared_ptr<Object> ReadEndpointSlice(const Json& json) {
  auto slice = std::make_shared<EndpointSlice>();
  slice->address_type = json["addressType"].String();
  json["ports"].Each([&](const Json& port) {
    slice->ports.push_back({port["name"].String(), port["protocol"].String(),
                            port["appProtocol"].String(), port["port"].Int()});
  });
  json["endpoints"].Each([&](const Json& endpoint) {
    SliceEndpoint& out = slice->endpoints.emplace_back();
    endpoint["addresses"].Each(
        [&](const Json& address) { out.addresses.push_back(address.String()); });
    const Json conditions = endpoint["conditions"];
    out.ready = conditions["ready"].Bool();
    out.serving = conditions["serving"].Bool();
    out.terminating = conditions["terminating"].Bool();
    out.hostname = endpoint["hostname"].String();
    out.zone = endpoint["zone"].String();
    if (const Json node = endpoint["nodeName"]; node.present()) out.node_name = node.String();
    out.target = ReadReference(endpoint["targetRef"]);
    endpoint["deprecatedTopology"].EachField([&](std::string_view key, const Json& value) {
      out.topology.emplace_back(key, value.Text());
    });
  });
  return slice;
}

std::optional<config::TargetGroup> BuildEndpointSlice(const Object& object, ClusterView& view,
                                                      const RoleOptions& options) {
  const auto& slice = static_cast<const EndpointSlice&>(object);
  config::TargetGroup group;
  MetaLabels labels;
  labels.Add("namespace", slice.meta.name_space);
  labels.Add("endpointslice_address_type", slice.address_type);
  labels.AddMeta("endpointslice", slice.meta);
  const Service* service = nullptr;
  if (const std::string_view name = slice.meta.Label(kServiceName); !name.empty()) {
    service = view.Find<Service>(NamespacedName(slice.meta.name_space, name));
  }
  if (service != nullptr) AddServiceLabels(*service, &labels);
  AddNamespaceLabels(slice.meta, view, options, &labels);
  group.labels = labels.Build();
  if (RepeatsAnotherFamily(service, slice)) return group;

  SeenPods pods(view, options);
  for (const SliceEndpoint& endpoint : slice.endpoints) {
    for (const SlicePort& port : slice.ports) {
      for (const std::string& address : endpoint.addresses) {
        labels.AddPlain("__address__", port.port ? JoinHostPort(address, *port.port) : address);
        AddPort(port, &labels);
        AddEndpoint(endpoint, view, options, &labels);
        pods.AddLabels(endpoint.target, port.port, nullptr, &labels);
        group.targets.push_back(labels.Build());
      }
    }
  }
  pods.AppendUncoveredPorts(&group.targets);
  return group;
}

}  // namespace tributary::discovery::kubernetes
