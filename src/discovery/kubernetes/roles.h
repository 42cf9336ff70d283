// Roles: how objects of one kind become target groups. Each role is a pure function in a file of
// its own. Source of labels: Prometheus discovery/kubernetes, one file a role.
#pragma once

#include <optional>
#include <string_view>

#include "config/config.h"
#include "discovery/kubernetes/cluster.h"
#include "discovery/kubernetes/meta_labels.h"
#include "discovery/kubernetes/objects.h"

namespace tributary::discovery::kubernetes {

struct RoleOptions {
  bool attach_node = false;
  bool attach_namespace = false;
  bool attach_deployment = false;
  bool attach_job = false;
  bool attach_cronjob = false;
};

// The group, without its source; without targets where the object has none. nullopt: the object
// cannot say yet, so the group it had stays.
using BuildGroup = std::optional<config::TargetGroup> (*)(const Object& object, ClusterView& view,
                                                          const RoleOptions& options);

struct Role {
  std::string_view name;
  Kind kind;                       // of the objects that groups are made of
  std::string_view source_prefix;  // sources are "<prefix>/<key>"
  BuildGroup build;
};
const Role* FindRole(std::string_view name);  // null when there is none

std::optional<config::TargetGroup> BuildPod(const Object&, ClusterView&, const RoleOptions&);
std::optional<config::TargetGroup> BuildService(const Object&, ClusterView&, const RoleOptions&);
std::optional<config::TargetGroup> BuildNode(const Object&, ClusterView&, const RoleOptions&);
std::optional<config::TargetGroup> BuildEndpoints(const Object&, ClusterView&, const RoleOptions&);
std::optional<config::TargetGroup> BuildEndpointSlice(const Object&, ClusterView&,
                                                      const RoleOptions&);
std::optional<config::TargetGroup> BuildIngress(const Object&, ClusterView&, const RoleOptions&);

// Shared by roles.
void AddPodLabels(const Pod& pod, ClusterView& view, const RoleOptions& options,
                  MetaLabels* labels);
void AddServiceLabels(const Service& service, MetaLabels* labels);
void AddContainerLabels(const Container& container, const ContainerPort& port, MetaLabels* labels);
void AddNodeLabels(std::string_view node_name, ClusterView& view, MetaLabels* labels);
void AddNamespaceLabels(const Meta& meta, ClusterView& view, const RoleOptions& options,
                        MetaLabels* labels);

}  // namespace tributary::discovery::kubernetes
