// Role service: one target a port, by the service's DNS name.
#include "discovery/kubernetes/json.h"
#include "discovery/kubernetes/roles.h"

namespace tributary::discovery::kubernetes {

std::shared_ptr<Object> ReadService(const Json& json) {
  auto service = std::make_shared<Service>();
  const Json spec = json["spec"];
  service->type = spec["type"].String();
  service->cluster_ip = spec["clusterIP"].String();
  service->external_name = spec["externalName"].String();
  service->ip_family_policy = spec["ipFamilyPolicy"].String();
  spec["ipFamilies"].Each([&](const Json& family) {
    if (service->first_ip_family.empty()) service->first_ip_family = family.String();
  });
  json["status"]["loadBalancer"]["ingress"].Each([&](const Json& ingress) {
    const std::string_view ip = ingress["ip"].Text();
    if (ip.empty()) return;
    if (!service->load_balancer_ips.empty()) service->load_balancer_ips += ',';
    service->load_balancer_ips += ip;
  });
  if (service->load_balancer_ips.empty()) {
    service->load_balancer_ips = spec["loadBalancerIP"].String();
  }
  spec["ports"].Each([&](const Json& port) {
    service->ports.push_back(
        {port["name"].String(), port["protocol"].String(), port["port"].Int().value_or(0)});
  });
  return service;
}

void AddServiceLabels(const Service& service, MetaLabels* labels) {
  labels->Add("namespace", service.meta.name_space);
  labels->AddMeta("service", service.meta);
}

std::optional<config::TargetGroup> BuildService(const Object& object, ClusterView& view,
                                                const RoleOptions& options) {
  const auto& service = static_cast<const Service&>(object);
  config::TargetGroup group;
  MetaLabels labels;
  AddServiceLabels(service, &labels);
  AddNamespaceLabels(service.meta, view, options, &labels);
  group.labels = labels.Build();

  const std::string host = service.meta.name + "." + service.meta.name_space + ".svc";
  for (const ServicePort& port : service.ports) {
    labels.AddPlain("__address__", JoinHostPort(host, port.port));
    labels.Add("service_port_name", port.name);
    labels.Add("service_port_number", std::to_string(port.port));
    labels.Add("service_port_protocol", port.protocol);
    labels.Add("service_type", service.type);
    if (service.type == "ExternalName") {
      labels.Add("service_external_name", service.external_name);
    } else {
      labels.Add("service_cluster_ip", service.cluster_ip);
    }
    if (service.type == "LoadBalancer") {
      labels.Add("service_loadbalancer_ip", service.load_balancer_ips);
    }
    group.targets.push_back(labels.Build());
  }
  return group;
}

}  // namespace tributary::discovery::kubernetes
